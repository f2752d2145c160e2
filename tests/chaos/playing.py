"""One run on a town that is up: the faults, then the last look. What came of it stands in the story, if it broke too.

Prints a line for each round; the end is told by `telling`.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from tests.chaos import plan, report
from tests.chaos.faults import Fault
from tests.chaos.judge import Judge
from tests.chaos.load import Load
from tests.chaos.rest import Rest
from tests.chaos.run import Run
from tests.chaos.story import Story, look
from tests.chaos.town import Town

_NAMES: Final = {name: name for name in ("catalog", "broadcast", "orders", "notify")}


class Stage(NamedTuple):
    """Where it is played, from which faults, and how long anything may take to come back."""

    town: Town
    load: Load
    chosen: Mapping[str, Fault]
    wish: plan.Wish
    patience: float


def play(stage: Stage, story: Story, console: Console) -> None:
    """Until the wish is fulfilled, something went wrong, or somebody stops it."""
    town, load = stage.town, stage.load
    with Rest(town.kafka, town.mongodb, _NAMES) as rest, _progress(console) as progress:
        judge = Judge(town.kafka, town.mongodb, _NAMES)
        load.start()
        say = _Saying(story, console, progress)
        run = Run(town, load, judge, rest, stage.wish, say, stage.patience)
        story.rounds = run.rounds  # the same list: they are told though the run should break off
        run.play(plan.order(stage.chosen, stage.wish))
        say("the last look at everything")
        if not run.rounds[-1].trouble:  # else much is under way still, and would be taken for lost
            with story.keeping("the last look at everything"):
                story.whole = look(lambda: judge.whole(load.ledger, run.skew), stage.patience)
        if story.whole is None:
            story.groups = _groups(rest)


class _Saying:
    """Tells what is done now, and of each round as soon as it is over."""

    def __init__(self, story: Story, console: Console, progress: Progress) -> None:
        self._story, self._console, self._progress = story, console, progress
        self._task = progress.add_task("", total=None)
        self._told = 0

    def __call__(self, what: str) -> None:
        for one in self._story.rounds[self._told :]:
            self._console.print(report.row(one), soft_wrap=True)
        self._told = len(self._story.rounds)
        self._progress.update(self._task, description=what)


def _groups(rest: Rest) -> str:
    try:
        return rest.describe()
    except Exception as away:  # noqa: BLE001  it is for whoever looks into a failure, and must not hide it
        return f"(the broker does not say: {type(away).__name__}: {away})"


def _progress(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console
    )
