"""nameko's container with one thing added: what a worker logs carries the request or the event it works on."""

from typing import Any

from nameko.containers import ServiceContainer

from chassis import logs


class Container(ServiceContainer):
    """Each worker is told anew what it works on: greenlets do not inherit context variables.

    The entrypoint says it in the data it spawns the worker with.
    """

    def _run_worker(self, worker_ctx: Any, handle_result: Any) -> None:
        about = {name: worker_ctx.data.get(name) for name in ("request_id", "event_id")}
        with logs.bind(**about):
            super()._run_worker(worker_ctx, handle_result)
