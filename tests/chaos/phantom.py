"""A member that joins a consumer group, reads and commits nothing, and is killed: `phantom SERVERS GROUP TOPIC…`."""

import sys

from kafka import KafkaConsumer


def main(servers: str, group: str, topics: list[str]) -> None:
    """Be a member until killed."""
    consumer = KafkaConsumer(
        bootstrap_servers=servers,
        group_id=group,
        enable_auto_commit=False,
        session_timeout_ms=6_000,
        heartbeat_interval_ms=2_000,
    )
    consumer.subscribe(topics)
    while True:
        consumer.poll(timeout_ms=500)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
