"""Whether this process is ready for work. Extensions register what they need; nothing here knows what that is."""

import logging
import time
from collections.abc import Callable
from typing import Final

import eventlet
import msgspec
from nameko.extensions import SharedExtension

_log = logging.getLogger(__name__)

_REMEMBERED_SECONDS: Final = 1.0
_PATIENCE_SECONDS: Final = 1.0

Check = Callable[[], str | None]


class Report(msgspec.Struct, frozen=True):
    """The answer to a probe: `ok` or `unready`, and for each check `ok` or the reason why not."""

    status: str
    checks: dict[str, str] = {}


class Health(SharedExtension):
    """One per container. A check returns None when all is well, else the reason; it is asked at most once a second."""

    def __init__(self) -> None:
        super().__init__()
        self._checks: dict[str, Check] = {}
        self._report = Report("unready")
        self._until = 0.0
        self._leaving = False

    def register(self, name: str, check: Check) -> None:
        """From now on the service is ready only when this check is content as well."""
        self._checks[name] = check
        self._until = 0.0

    def leave(self) -> None:
        """The service is stopping: never ready again."""
        self._leaving = True

    def ready(self) -> Report:
        """What the checks say, from the last second."""
        if self._leaving:
            return Report("unready", {"service": "stopping"})
        if time.monotonic() >= self._until:
            checks = {name: _ask(name, check) for name, check in sorted(self._checks.items())}
            self._report = Report("ok" if all(said == "ok" for said in checks.values()) else "unready", checks)
            self._until = time.monotonic() + _REMEMBERED_SECONDS
        return self._report


def _ask(name: str, check: Check) -> str:
    patience = eventlet.Timeout(_PATIENCE_SECONDS)
    try:
        return check() or "ok"
    except eventlet.Timeout as late:
        if late is not patience:
            raise
        return f"no answer within {_PATIENCE_SECONDS:g} s"
    except Exception as broken:  # noqa: BLE001  a check that fails is an answer: not ready
        _log.warning("health check failed", extra={"check": name}, exc_info=True)
        return type(broken).__name__
    finally:
        patience.cancel()
