"""Dead letters: what a consumer group could not digest, kept on `<topic>.dlq` until a person replays or discards it.

`letters` says what a letter is (pure), `choosing` which ones are meant (pure), `post` reads and writes them at the
broker, `shown` puts them into words, `exporter` counts those that wait; `python -m chassis.deadletters` is for people.
"""
