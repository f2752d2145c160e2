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
from collections.abc import Callable
from typing import Any, NoReturn

_log = logging.getLogger(__name__)


def main(target: str) -> NoReturn:
    """Run the service class named `package.module:Class` until SIGTERM or SIGINT.

    Exit code 0 after a graceful stop, 1 when a bug killed the service, 2 (and one line) when settings are missing or
    wrong.
    """
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
    from chassis import logs
    from chassis.container import Container

    logs.configure(service_class.name, settings.log_level)
    container = Container(
        service_class,
        {
            "settings": settings,
            "WEB_SERVER_ADDRESS": settings.http_bind,
            "max_workers": settings.max_workers,
        },
    )
    _on_signal(container.stop)
    try:
        container.start()
        container.wait()
    except Exception:  # noqa: BLE001  whatever it was, it is logged and the exit code says so
        _log.exception("the service died")
        return 1
    return 0


def _on_signal(stop: Callable[[], None]) -> None:
    """Have `stop` called at SIGTERM or SIGINT, at once.

    A handler alone does not wake eventlet's loop, which sleeps for up to a minute when nothing happens; a byte in a
    socket does.
    """
    import eventlet

    waiting, waking = socket.socketpair()

    def wait() -> None:
        waiting.recv(1)
        signal.set_wakeup_fd(-1)
        waking.close()
        stop()

    signal.set_wakeup_fd(waking.fileno())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    eventlet.spawn(wait)


if __name__ == "__main__":
    main(sys.argv[1])
