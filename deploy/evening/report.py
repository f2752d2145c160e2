"""The report that a person reads after the evening: tables made of the figures, nothing counted here."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

Figures = Mapping[str, Any]


def show(report: Figures, console: Console) -> None:
    """Print the whole report."""
    for part in (shows(report), slots(report), channels(report), counties(report), imports(report)):
        console.print(part)
    console.print(numbers(report))
    console.print(audit(report))


def shows(report: Figures) -> Table:
    """One line a show."""
    table = _table(
        "The shows", "<Programme", "<Channels", "Viewers", "Featured", "Offered", "Sold", "Orders", "Revenue"
    )
    for show in report["shows"]:
        table.add_row(
            show["programme"],
            ", ".join(show["channels"]),
            *_counts(show, "viewers", "featured", "offered", "sold", "orders"),
            yuan(show["revenue_fen"]),
        )
    return table


def slots(report: Figures) -> Table:
    """One line a slot, show by show in the order in which they were featured."""
    columns = ("#", "<Item", "Price", "Offered", "Sold", "Back", "Sold out after", "Revenue", "<Refused")
    table = _table("The slots", *columns)
    for programme in dict.fromkeys(slot["programme"] for slot in report["slots"]):
        table.add_row("", Text(programme, style="italic"))
        for slot in (one for one in report["slots"] if one["programme"] == programme):
            after = slot["sold_out_after_seconds"]
            table.add_row(
                str(slot["slot"]),
                slot["name_en"],
                yuan(slot["price_fen"]),
                *_counts(slot, "offered", "sold", "returned"),
                f"{after:.1f} s" if after is not None else "–",
                yuan(slot["revenue_fen"]),
                reasons(slot["refused"]),
            )
    return table


def channels(report: Figures) -> Table:
    """One line a channel, the other platform's among them."""
    table = _table("The channels", "<Channel", "Viewers", "Requests", "Orders", "Units", "Revenue", "<Refused")
    for channel in report["channels"]:
        table.add_row(
            channel["channel"],
            *_counts(channel, "viewers", "asked", "orders", "units"),
            yuan(channel["revenue_fen"]),
            reasons(channel["refused"]),
        )
    return table


def counties(report: Figures) -> Table:
    """One line a county: its slots and its part of the shelf."""
    table = _table("The counties", "<County", "Offered", "Sold", "Orders", "Parcels", "Revenue")
    for county in report["counties"]:
        name = f"{county['name_en']} {county['county']}"
        table.add_row(name, *_counts(county, "offered", "sold", "orders", "parcels"), yuan(county["revenue_fen"]))
    return table


def imports(report: Figures) -> Table:
    """One line a file, and one for each reason why rows of it were refused."""
    table = _table("The imports", "<File", "Rows", "Accepted", "Refused", "<Why, and some of the rows")
    for name, file in report["imports"].items():
        why = "\n".join(
            f"{one['rows']} × {one['field']}: {one['reason']} (rows {', '.join(map(str, one['samples']))})"
            for one in file["reasons"]
        )
        table.add_row(name, *_counts(file, "rows", "accepted", "refused"), why)
    return table


def numbers(report: Figures) -> RenderableType:
    """What fits in a line each."""
    orders, placing, stack = report["orders"], report["placing"], report["stack"]
    rows = {
        "Orders": f"{orders['placed']:,} placed ({orders['imported']:,} imported), {orders['paid']:,} paid, "
        f"{orders['returned']:,} with returns; cancelled: {reasons(orders['cancelled']) or 'none'}",
        "Parcels": f"{report['parcels']['packed']:,} packed, {report['parcels']['shipped']:,} shipped",
        "Notices": reasons(report["notices"]),
        "Revenue": yuan(report["revenue_fen"]),
        "Placing": _placing(placing),
        "Refused": reasons(report["refused"]) or "nothing",
        "Rehearsal": f"{report['rehearsal']['orders']} orders, none of them real",
        "Ready after": ", ".join(f"{name} {seconds:.1f} s" for name, seconds in stack["ready_seconds"].items()),
        "Footprint": f"{stack['footprint_ready_mb']:.0f} MB when ready, {stack['footprint_mb']:.0f} MB at the end ("
        + ", ".join(f"{name} {size:.0f}" for name, size in stack["memory_mb"].items())
        + ")",
        "Took": ", ".join(f"{name} {seconds:.1f} s" for name, seconds in report["phases"].items())
        + f"; {sum(report['phases'].values()):.1f} s in all",
    }
    table = Table(
        title="The evening in numbers", title_justify="left", show_header=False, box=None, padding=(0, 2, 0, 0)
    )
    for name, value in rows.items():
        table.add_row(f"[bold]{name}[/]", Text(value))
    return table


def audit(report: Figures) -> Group:
    """The verdicts; what failed is told with what was found."""
    table = _table("The audit from outside", "<Holds", "<Check", "<Figures")
    failed = []
    for check in report["audit"]:
        known = {name: value for name, value in check.items() if name not in {"name", "ok", "faults", "failed"}}
        told = Text(", ".join(f"{name} {_figure(value)}" for name, value in known.items() if value is not None))
        table.add_row("[green]yes[/]" if check["ok"] else "[bold red]NO[/]", check["name"], told)
        failed += [] if check["ok"] else [Text(f"{check['name']}: {fault}", style="red") for fault in check["faults"]]
    return Group(table, *failed)


def yuan(fen: int) -> str:
    """Money as people write it; the only place where fen are divided."""
    return f"¥{fen // 100:,}.{fen % 100:02}"


def reasons(counted: Mapping[str, int]) -> str:
    """Reasons with how often, the commonest first."""
    return ", ".join(
        f"{number:,} {reason}" for reason, number in sorted(counted.items(), key=lambda one: (-one[1], one[0]))
    )


def _placing(placing: Figures) -> str:
    if "p50_ms" not in placing:
        return f"{placing['requests']} requests"
    return (
        f"{placing['requests']:,} requests, p50 {placing['p50_ms']} ms, p95 {placing['p95_ms']} ms, "
        f"p99 {placing['p99_ms']} ms, longest {placing['max_ms']} ms, {placing['busiest_second']} in the busiest second"
    )


def _counts(of: Figures, *names: str) -> Iterable[str]:
    return (f"{of[name]:,}" for name in names)


def _figure(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _table(title: str, *columns: str) -> Table:
    """A table of numbers, which stand to the right; a column named with a `<` holds words, which stand to the left."""
    table = Table(
        title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0), header_style="dim"
    )
    for column in columns:
        table.add_column(column.lstrip("<"), justify="left" if column.startswith("<") else "right", overflow="fold")
    return table
