"""Opens the market: counties, hubs, items, the evening's line-up and its stock, from files, through the HTTP doors.

Twice is once: on a database that has them already nothing changes.
"""

import csv
import io
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import httpx

HEARD_WITHIN = 30.0  # seconds until broadcast has heard of every item
GOODS = ("counties", "hubs", "items")
ALLOTMENT = ("county", "sku", "quantity", "purpose", "show_id", "slot", "price_fen", "per_buyer_limit")


class NotOpenedError(RuntimeError):
    """A service refused the files, or rows of them; the text says which and why."""


class Doors(Protocol):
    """The services, wherever they run."""

    def client(self, name: str, subject: str, roles: list[str], *, timeout: float) -> httpx.Client:
        """Of the service of this name, with a token for this subject."""


def open_market(services: Doors, data: Path) -> list[str]:
    """Import the files in `data`; the ids of the shows that can be started then."""
    for name in GOODS:  # one after the other: the first that is refused is told of, whatever the next ones are
        list_goods(services, {name: _text(data, name)})
    return list(plan_shows(services, _text(data, "lineup")).values())


def list_goods(services: Doors, files: Mapping[str, str]) -> None:
    """Import files of catalog, each named after what is in it, in the order given."""
    with services.client("catalog", "platform-office", ["platform"], timeout=60.0) as catalog:
        for name, text in files.items():
            _all_accepted(name, _sent(catalog, f"/{name}/import", text))


def plan_shows(services: Doors, lineup: str) -> dict[str, str]:
    """Plan the shows of a line-up and set aside the stock that it promises; the id of each show."""
    with services.client("broadcast", "platform-office", ["platform"], timeout=60.0) as broadcast:
        shows = _planned(broadcast, lineup)
    list_goods(services, {"allotments": allotments(lineup, shows)})
    return shows


def allotments(lineup: str, shows: dict[str, str]) -> str:
    """The stock that the line-up promises, as a file for catalog. `shows`: the id of each show of the line-up."""
    out = io.StringIO()
    rows = csv.DictWriter(out, ALLOTMENT, extrasaction="ignore", lineterminator="\n")
    rows.writeheader()
    for row in csv.DictReader(io.StringIO(lineup)):
        rows.writerow({**row, "quantity": row["allotted"], "purpose": "slot", "show_id": shows[row["show"]]})
    return out.getvalue()


def _planned(broadcast: httpx.Client, lineup: str) -> dict[str, str]:
    """Import the line-up again and again until broadcast has heard of all its items from catalog."""
    deadline = time.monotonic() + HEARD_WITHIN
    report = _sent(broadcast, "/lineups/import", lineup)
    while report["refused"] and time.monotonic() < deadline:
        time.sleep(0.2)
        report = _sent(broadcast, "/lineups/import", lineup)
    _all_accepted("lineup", report)
    return {show["show"]: show["show_id"] for show in report["shows"]}


def _text(data: Path, name: str) -> str:
    return (data / f"{name}.csv").read_text(encoding="utf-8")


def _sent(client: httpx.Client, path: str, text: str) -> Any:
    try:
        answer = client.post(path, content=text.encode(), headers={"Content-Type": "text/csv; charset=utf-8"})
    except httpx.TransportError as error:
        raise NotOpenedError(f"{client.base_url}{path}: {type(error).__name__}") from error
    if not answer.is_success:
        raise NotOpenedError(f"{path} answered {answer.status_code}: {answer.text[:500]}")
    return answer.json()


def _all_accepted(name: str, report: Any) -> None:
    if refused := report["refused"]:
        first = refused[0]
        raise NotOpenedError(f"{name}: {len(refused)} rows refused; row {first['row']}: {first['reason']}")
