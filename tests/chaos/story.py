"""What is to be told of a run, kept while it happens: whatever ends the run, it is told as far as it came.

Prints nothing, decides nothing.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from tests.chaos import failures
from tests.chaos.judge import Verdict
from tests.chaos.run import Round

_AGAIN_AFTER: Final = 5.0
_TRIES: Final = 3


@dataclass
class Story:
    """`whole`: of the last look at everything; without one nobody knows what was lost. `broken`: what went wrong, but
    not in a round; `traces`: where that came from. `groups`: who has read what, when it ended badly.
    """

    rounds: list[Round] = field(default_factory=list)
    whole: Verdict | None = None
    broken: list[str] = field(default_factory=list)
    traces: list[str] = field(default_factory=list)
    groups: str = ""
    seconds: float = 0.0

    @contextmanager
    def keeping(self, where: str) -> Iterator[None]:
        """What goes wrong in here ends what is in here, and not the telling. So does whoever stops it by hand."""
        try:
            yield
        except KeyboardInterrupt:
            self.broken.append(f"{where}: stopped before its end")
        except Exception as error:  # noqa: BLE001  whatever it is, it is told, and fails the run
            self.broken.append(f"{where}: {failures.words(error)}")
            self.traces.append(failures.trace(error))

    @property
    def tracebacks(self) -> str:
        """Of all that went wrong."""
        return "\n".join([*(one.trace for one in self.rounds if one.trace), *self.traces])


def look(at_everything: Callable[[], Verdict], within: float) -> Verdict:
    """The verdict, as soon as there is one: an engine that is slow to answer has lost nothing yet.

    Raises what the last try ended in, after some tries and so many seconds. What a verdict says is final.
    """
    deadline, tries = time.monotonic() + within, 0
    while True:
        try:
            return at_everything()
        except Exception:
            tries += 1
            if tries >= _TRIES and time.monotonic() > deadline:
                raise
        time.sleep(_AGAIN_AFTER)
