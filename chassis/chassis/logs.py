"""JSON logs on stderr, each line with its request, event and trace. Never a token, an address or a body."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final

from pythonjsonlogger.json import JsonFormatter

from chassis import tracing

request_id: Final[ContextVar[str | None]] = ContextVar("request_id", default=None)
event_id: Final[ContextVar[str | None]] = ContextVar("event_id", default=None)

# Libraries that say at INFO what is worth knowing only when one hunts a fault in them.
_CHATTY: Final = {
    "kafka": logging.WARNING,
    "pymongo": logging.WARNING,
    "nameko": logging.WARNING,
    "stripe": logging.WARNING,
    "urllib3": logging.WARNING,
}


def configure(service: str, level: str = "INFO") -> None:
    """Send every log line of this process to stderr as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines(service))
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.captureWarnings(True)
    for name, least in _CHATTY.items():
        logging.getLogger(name).setLevel(max(least, logging.getLevelName(level)))


@contextmanager
def bind(*, request_id: str | None = None, event_id: str | None = None) -> Iterator[None]:
    """Every line logged inside belongs to this request or event."""
    given = {_VARIABLES["request_id"]: request_id, _VARIABLES["event_id"]: event_id}
    tokens = [(variable, variable.set(value)) for variable, value in given.items() if value is not None]
    try:
        yield
    finally:
        for variable, token in tokens:
            variable.reset(token)


_VARIABLES: Final = {"request_id": request_id, "event_id": event_id}


class _Lines(JsonFormatter):
    def __init__(self, service: str) -> None:
        super().__init__(json_ensure_ascii=False)
        self._service = service

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        log_data["time"] = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        log_data["level"] = record.levelname
        log_data["logger"] = record.name
        log_data["service"] = self._service
        for name, variable in _VARIABLES.items():
            if value := variable.get():
                log_data[name] = value
        log_data |= tracing.ids()
        super().add_fields(log_data, record, message_dict)
        for secret in [name for name in log_data if name.lower() == "authorization"]:
            del log_data[secret]
        if record.exc_info:
            log_data["exception"] = log_data.pop("exc_info", None) or self.formatException(record.exc_info)
