"""What the load generator is told and what it tells back. Data only: the two sides share nothing else."""

import msgspec


class Kill(msgspec.Struct, frozen=True):
    """End this process without warning when so many requests were answered."""

    pid: int
    after: int


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A crowd: one connection for each token, each asking again as soon as it was answered.

    It ends when its time is over or, if `attempts` is set, when so many requests were answered. Of the time, only what
    comes after `warm_seconds` is measured.
    """

    ports: list[int]
    tokens: list[str]
    allotments: list[str]
    run: str
    path: str = "/orders"
    warm_seconds: float = 0.0
    seconds: float = 60.0
    attempts: int | None = None
    watch: dict[str, list[int]] = {}
    kill: Kill | None = None


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """How a request ended: its status (0: nobody answered in the end), and the body as it came."""

    buyer: int
    key: str
    allotment: int
    status: int
    began: float
    ended: float
    tries: int
    replayed: bool
    body: bytes


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All answers; when the measured time began and ended on the generator's clock; CPU seconds meanwhile, by name."""

    answers: list[Answer]
    began: float
    ended: float
    cpu: dict[str, float]


ENCODE = msgspec.msgpack.Encoder().encode
DECODE_PLAN = msgspec.msgpack.Decoder(Plan).decode
DECODE_RESULT = msgspec.msgpack.Decoder(Result).decode
