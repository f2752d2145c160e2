"""The orders service with metrics that do nothing, to be measured beside the real one: what do metrics cost?

    python -m bench.unmeasured

Nothing is counted, timed or looked for in a database; all else is the service as it is. Of the bench, and of it alone.
"""

from typing import Any, NoReturn

import eventlet


class Nothing:
    """A metric that forgets at once."""

    def labels(self, *_: object) -> "Nothing":
        """Itself."""
        return self

    def _forget(self, *_: object) -> None:
        pass

    inc = dec = set = observe = remove = set_function = clear = _forget


def main() -> NoReturn:
    """Run it until SIGTERM."""
    eventlet.monkey_patch()  # before anything of the service is imported, as chassis.run does
    from chassis import metrics, run

    nothing: Any = Nothing()
    metrics.counter = metrics.gauge = metrics.histogram = lambda _: nothing
    from orders.service import OrdersService
    from orders.watching import Watching

    watching: Any = Watching
    watching.look_at_screen = watching.look_around = lambda _: None
    run.main(f"{OrdersService.__module__}:{OrdersService.__qualname__}")


if __name__ == "__main__":
    main()
