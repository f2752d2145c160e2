"""What was seen, as tables for a person: every panel with its series and figures, every alert with what it did."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from rich.table import Table

from watch.run import Alerting, Found
from watch.seen import Seen

_SUFFIXES: Final = {"s": " s", "percentunit": " %", "bytes": " MiB", "currency:¥": " ¥", "reqps": " /s", "short": ""}


def panels(seen: Sequence[Seen]) -> Table:
    """A row for each query of each panel: how many series it brought, their least, last and greatest value."""
    table = Table(title="What every panel shows", title_justify="left", title_style="bold")
    for name, side in (("dashboard", "left"), ("panel", "left"), ("series", "right")):
        table.add_column(name, justify=side)  # type: ignore[arg-type]  # rich wants a Literal
    for name in ("least", "last", "most"):
        table.add_column(name, justify="right")
    before = ""
    for one in seen:
        ask = one.ask
        board = ask.dashboard if ask.dashboard != before else ""
        before = ask.dashboard
        called = f" ({ask.called})" if ask.called else ""
        figures = (str(len(one.courses)), *_figures(one)) if not one.error else ("", "", "", f"[red]{one.error}[/]")
        style = "yellow" if not one.values else None
        table.add_row(board, f"{ask.panel_id} {ask.panel}{called}", *figures, style=style, end_section=False)
    return table


def alerts(every: Sequence[Alerting]) -> Table:
    """A row for each alert: for how long it was pending and fired."""
    table = Table(title="What every alert did", title_justify="left", title_style="bold")
    for name in ("alert", "health", "pending", "firing"):
        table.add_column(name, justify="left" if name in ("alert", "health") else "right")
    for one in every:
        style = "red" if one.firing else "yellow" if one.pending else None
        table.add_row(one.name, one.health, _seconds(one.pending), _seconds(one.firing), style=style)
    return table


def report(found: Found) -> dict[str, Any]:
    """All of it as JSON has it; moments in seconds since 1970, values in the units that dashboards say."""
    return {
        "from": found.window.start,
        "until": found.window.end,
        "targets": dict(found.targets),
        "alerts": [one._asdict() for one in found.alerts],
        "panels": [
            {
                "dashboard": one.ask.uid,
                "panel": one.ask.panel_id,
                "title": one.ask.panel,
                "legend": one.ask.legend,
                "unit": one.ask.unit,
                "series": len(one.courses),
                "least": min(one.values, default=None),
                "last": one.last,
                "most": max(one.values, default=None),
                "error": one.error,
                "unfound": one.unfound,
            }
            for one in found.panels
        ],
    }


def encoded(found: Found) -> bytes:
    return msgspec.json.format(msgspec.json.encode(report(found)), indent=2)


def _figures(seen: Seen) -> tuple[str, str, str]:
    if not seen.values or seen.last is None:
        return "", "", ""
    return tuple(amount(value, seen.ask.unit) for value in (min(seen.values), seen.last, max(seen.values)))  # type: ignore[return-value]  # of three, three


def amount(value: float, unit: str) -> str:
    """A value with its unit, short."""
    if unit == "percentunit":
        value *= 100
    elif unit == "bytes":
        value /= 2**20
    suffix = _SUFFIXES.get(unit, f" {unit.removeprefix('suffix:')}" if unit.startswith("suffix:") else f" {unit}")
    digits = 0 if abs(value) >= 1000 or value == int(value) else 3 if abs(value) < 1 else 1
    return f"{value:,.{digits}f}{suffix}"


def _seconds(value: float) -> str:
    return f"{value:.0f} s" if value else "–"
