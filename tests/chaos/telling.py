"""The end of a run as it is told: the table, what must not be, where the logs are, and in any case the closing line."""

import tempfile
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from tests.chaos import plan, report
from tests.chaos.ledger import Ledger
from tests.chaos.playing import Stage
from tests.chaos.run import Round
from tests.chaos.story import Story


def tell(stage: Stage, story: Story, console: Console, json: Path | None) -> int:
    """Print it, keep it in the file `json`; returns the exit code."""
    town, ledger = stage.town, stage.load.ledger
    found = report.troubles(story.rounds, story.whole, ledger.rude, town.keeper.deaths, story.broken)
    code = report.exit_code(story.rounds, story.whole, found)
    try:
        _print(stage, story, console, found)
        if code:
            console.print(f"What everybody wrote last is in {_keep_logs(town.logs(), story)}.", soft_wrap=True)
        if json:
            json.write_bytes(msgspec.json.format(msgspec.json.encode(_figures(stage, story, found)), indent=2))
    except OSError as full:
        code = 1
        console.print(f"Not all of it could be kept: {full}", markup=False, soft_wrap=True)
    finally:
        console.print(_closing(stage, story, ledger), soft_wrap=True)
    return code


def _print(stage: Stage, story: Story, console: Console, found: list[str]) -> None:
    console.print(report.table(story.rounds))
    if left := plan.without_turn(stage.chosen, {one.fault for one in story.rounds}):
        console.print(f"Without a turn in this time: {', '.join(left)}.", soft_wrap=True)
    for what in found:
        console.print(what, markup=False, soft_wrap=True)


def _closing(stage: Stage, story: Story, ledger: Ledger) -> str:
    kills, seed = stage.town.kills, stage.wish.seed
    return report.closing(seed, story.seconds, story.rounds, story.whole, kills, ledger.acknowledged)


def _figures(stage: Stage, story: Story, found: list[str]) -> dict[str, Any]:
    return {
        "seed": stage.wish.seed,
        "seconds": round(story.seconds, 1),
        "kills": stage.town.kills,
        "troubles": found,
        "judged_whole": story.whole is not None,
        "totals": report.totals(story.rounds, story.whole),
        "faults": report.summary(story.rounds),
        "rounds": [_round(one) for one in story.rounds],
    }


def _round(one: Round) -> dict[str, Any]:
    found: dict[str, Any] = one._asdict()
    return found | {"verdict": one.verdict._asdict() if one.verdict else None, "manners": one.manners._asdict()}


def _keep_logs(logs: dict[str, str], story: Story) -> Path:
    kept = Path(tempfile.mkdtemp(prefix="shanhuo-chaos-"))
    for name, text in [*logs.items(), ("groups", story.groups), ("tracebacks", story.tracebacks)]:
        (kept / f"{name}.log").write_text(text, encoding="utf-8")
    return kept
