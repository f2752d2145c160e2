"""The one place that asks what time it is. Everything else takes `now` as an argument."""

from datetime import UTC, datetime


def utcnow() -> datetime:
    """The current instant, aware, in UTC."""
    return datetime.now(UTC)
