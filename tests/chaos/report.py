"""What the run says: a row for each fault, a table, one closing line, and the exit code. Pure but for the console."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table
from tests.chaos.judge import Verdict
from tests.chaos.run import Round


def row(one: Round) -> str:
    """One fault in one line, as soon as it was judged."""
    back = f"recovered in {one.recovered:4.1f} s" if one.recovered is not None else "[bold red]did not recover[/]"
    manners = one.manners
    told = f"{manners.refused} of {manners.asked} refused, {manners.unanswered} unanswered"
    told += f", longest stall {manners.stall:.1f} s"
    return f"{one.number:3d} {one.fault:<18} {back}  {_outcome(one):<24} {told}"


def table(rounds: Sequence[Round]) -> Table:
    """Each kind of fault: how often, how long until all was well again, what came of it."""
    shown = Table("fault", "times", "recovered in s (median, most)", "longest stall", "refused", "outcome")
    for line in summary(rounds):
        took = f"{line['recovery_median']:.1f}, {line['recovery_most']:.1f}" if line["recovery_most"] else "never"
        refused = f"{line['refused']:.1%}"
        outcome = "all there, once" if line["held"] else "[bold red]failed[/]"
        shown.add_row(line["fault"], str(line["times"]), took, f"{line['stall']:.1f} s", refused, outcome)
    return shown


def summary(rounds: Sequence[Round]) -> list[dict[str, Any]]:
    """The table's figures."""
    lines = []
    for name in sorted({one.fault for one in rounds}):
        own = [one for one in rounds if one.fault == name]
        took = sorted(one.recovered for one in own if one.recovered is not None)
        asked = sum(one.manners.asked for one in own)
        lines.append(
            {
                "fault": name,
                "times": len(own),
                "kills": sum(one.kills for one in own),
                "recovery_median": took[len(took) // 2] if took else None,
                "recovery_most": took[-1] if took else None,
                "stall": max(one.manners.stall for one in own),
                "refused": sum(one.manners.refused for one in own) / asked if asked else 0.0,
                "unanswered": sum(one.manners.unanswered for one in own),
                "held": all(one.verdict and one.verdict.holds and not one.trouble for one in own),
            }
        )
    return lines


def totals(rounds: Sequence[Round], whole: Verdict | None) -> dict[str, int]:
    """What the closing line counts: the worst of the rounds together and of the last look at everything."""
    judged = [one.verdict for one in rounds if one.verdict]
    counts = {name: sum(getattr(one, name) for one in judged) for name in ("acknowledged", "lost", "oversold")}
    counts["doubled"] = sum(one.doubled for one in judged)
    counts["other"] = sum(one.other for one in judged)
    if whole:
        counts = {name: max(number, getattr(whole, name)) for name, number in counts.items()}
    return counts


def closing(
    seed: int, seconds: float, rounds: Sequence[Round], whole: Verdict | None, kills: int, promised: int = 0
) -> str:
    """The one line. Without a last look at everything nobody knows that nothing was lost, so it does not say so.

    `promised`: how many orders callers were told of, judged or not.
    """
    counts = totals(rounds, whole)
    told = [f"{_told(counts[what], whole is not None)} {what}" for what in ("lost", "oversold", "doubled")]
    minutes = f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
    return (
        f"chaos: seed {seed}, {minutes} min, {len(rounds)} faults, {kills} kills, "
        f"{max(counts['acknowledged'], promised):,} acknowledged, {', '.join(told)}"
    )


def _told(number: int, sure: bool) -> str:
    if sure:
        return str(number)
    return f"at least {number}" if number else "?"


def troubles(
    rounds: Sequence[Round],
    whole: Verdict | None,
    rude: Sequence[str],
    deaths: Sequence[str],
    broken: Sequence[str] = (),
) -> list[str]:
    """Everything that must not be, in words; nothing here, and a last look, mean that all is well."""
    found = [*broken, *(f"{one.fault} (round {one.number}): {one.trouble}" for one in rounds if one.trouble)]
    for one in rounds:
        found += [f"{one.fault} (round {one.number}): {what}" for what in (one.verdict.wrong if one.verdict else ())]
    found += [f"at the end: {what}" for what in (whole.wrong if whole else ())]
    found += [f"manners: {what}" for what in rude]
    return found + [f"death: {what}" for what in deaths]


def exit_code(rounds: Sequence[Round], whole: Verdict | None, found: Sequence[str]) -> int:
    """0 when every round and the whole hold and nobody was treated rudely. What was not judged does not hold."""
    judged = [*(one.verdict for one in rounds), whole]
    return 0 if rounds and not found and all(one is not None and one.holds for one in judged) else 1


def _outcome(one: Round) -> str:
    if one.verdict is None:
        return "[bold red]not judged[/]"
    if one.verdict.holds:
        return f"[green]{one.verdict.acknowledged} orders, all once[/]"
    found = one.verdict
    return f"[bold red]{found.lost} lost, {found.oversold} oversold, {found.doubled} doubled, {found.other} else[/]"
