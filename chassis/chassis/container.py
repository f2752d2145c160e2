"""nameko's container with three things added: logs that say what a worker works on, a stop that is announced, and an
end that comes whatever hangs.
"""

import os
from typing import Any, Final

from eventlet.patcher import original
from nameko.containers import ServiceContainer

from chassis import logs, tracing
from chassis.server import WebServer

_LAST_WORDS: Final = b'{"level": "CRITICAL", "message": "something hangs while the service is killed: it ends here"}\n'


class Container(ServiceContainer):
    """Each worker is told anew what it works on: greenlets do not inherit context variables.

    The entrypoint says it in the data it spawns the worker with.
    """

    def stop(self) -> None:
        """Leave first: only when nobody sends requests here any more do doors, consumers and timers stop, at once."""
        for extension in list(self.extensions):
            if isinstance(extension, WebServer):
                extension.leave()
        super().stop()

    def kill(self, exc_info: Any = None) -> None:
        """A bug ends the process, also when something hangs while it is killed: half dead, it would never come back."""
        alarm = original("threading").Timer(self.config["settings"].shutdown_grace_seconds, _end)
        alarm.daemon = True
        alarm.start()
        super().kill(exc_info)

    def _run_worker(self, worker_ctx: Any, handle_result: Any) -> None:
        about = {name: worker_ctx.data.get(name) for name in ("request_id", "event_id")}
        trace = tracing.working(worker_ctx.data.get("trace"), f"run {worker_ctx.entrypoint.method_name}")
        with logs.bind(**about), trace:
            super()._run_worker(worker_ctx, handle_result)


def _end() -> None:
    """In a thread of the system's, where locks of greenthreads are no use: so it neither logs nor waits."""
    os.write(2, _LAST_WORDS)
    os._exit(1)
