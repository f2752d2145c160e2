"""Starts one service and ends it.

The only place that patches the standard library for eventlet, before anything else is imported.
"""

import importlib
import logging
import os
import signal
import socket
import sys
import warnings
from typing import Any, Final, NoReturn

_log = logging.getLogger(__name__)

_STOPPING: Final = (signal.SIGTERM, signal.SIGINT)
_CLOSING_SECONDS: Final = 5.0  # after the requests: to publish what they caused and to close connections
_TRACES_SECONDS: Final = 2.0  # after everything, to send the last traces, where there are any


def main(target: str) -> NoReturn:
    """Run the service class named `package.module:Class` until SIGTERM or SIGINT.

    Exit code 0 after a graceful stop, 1 when a bug killed the service or the stop took too long, 2 (and one line) when
    settings are missing or wrong.
    """
    for number in _STOPPING:  # nothing has begun; as process 1 of a container it would not even be heard otherwise
        # At once: an exception may meet an import in a place where Python drops it, and the service would go on.
        signal.signal(number, lambda *_: os._exit(0))
    # nameko stands on eventlet; that eventlet advises against new use of itself helps nobody who reads a service's log
    warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
    import eventlet

    eventlet.monkey_patch()
    from chassis.config import BadSettings, load

    service_class = _service_class(target)
    try:
        settings = load(service_class.settings_class, os.environ)
    except BadSettings as bad:
        print(f"{service_class.name}: {bad}", file=sys.stderr)
        sys.exit(2)
    sys.exit(_serve(service_class, settings))


def _service_class(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


def _serve(service_class: Any, settings: Any) -> int:
    import eventlet

    from chassis import logs, tracing
    from chassis.container import Container

    logs.configure(service_class.name, settings.log_level)
    tracing.start(service_class.name, service_class.version, settings)
    container = Container(
        service_class,
        {
            "settings": settings,
            "WEB_SERVER_ADDRESS": settings.http_bind,
            "max_workers": settings.max_workers,
        },
    )
    asked, _waking = _signals()  # both stay open as long as the process lives
    try:
        container.start()
        eventlet.spawn(_stop_when_asked, asked, container, _longest(settings))
        container.wait()
    except Exception:  # noqa: BLE001  whatever it was, it is logged and the exit code says so
        _log.exception("the service died")
        return 1
    finally:
        tracing.stop(_TRACES_SECONDS)
    return 0


def _signals() -> tuple[Any, Any]:
    """Two ends of a socket: in the first there is something to read after SIGTERM or SIGINT.

    A handler alone does not wake eventlet's loop, which sleeps for up to a minute when nothing happens; a byte in a
    socket does. Signals after the first change nothing: it stops already.
    """
    waiting, waking = socket.socketpair()
    waking.setblocking(False)
    signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
    for number in _STOPPING:
        signal.signal(number, lambda *_: None)
    return waiting, waking


def _stop_when_asked(asked: Any, container: Any, longest: float) -> None:
    import eventlet

    asked.recv(1)
    alarm = eventlet.spawn_after(longest, _give_up)
    try:
        container.stop()
        alarm.cancel()  # all is done
    except Exception:  # noqa: BLE001  the same: logged, and the service ends
        container.kill(sys.exc_info())


def _longest(settings: Any) -> float:
    return float(settings.shutdown_delay_seconds + settings.shutdown_grace_seconds + _CLOSING_SECONDS)


def _give_up() -> NoReturn:
    """Something does not end. All that was promised is in the database: better now than killed at any moment."""
    _log.error("the stop took too long, the rest is left undone")
    logging.shutdown()
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1])
