"""The doors of the system that is loaded, with tokens from its issuer, and the market that a load sells on.

Speaks HTTP by httpx, which waits in greenlets once Locust has patched the standard library.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any, Final

import httpx

from evening.plan import Plan
from stack.market import GOODS, list_goods, plan_shows
from stack.samples import DATA

_PATIENCE: Final = 30.0
_TOKEN_SECONDS: Final = 6 * 3600


class Town:
    """Everybody's way in."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self.urls = dict(urls)
        self._issuer = httpx.Client(base_url=urls["issuer"], timeout=_PATIENCE, trust_env=False)

    def token(self, subject: str, roles: Iterable[str] = ("buyer",), county: str | None = None) -> str:
        """A token of the issuer's for this subject. Raises `httpx.HTTPError`."""
        wanted: dict[str, Any] = {"subject": subject, "roles": list(roles), "ttl_seconds": _TOKEN_SECONDS}
        answer = self._issuer.post("/token", json=wanted | ({"county": county} if county else {}))
        return str(answer.raise_for_status().json()["access_token"])

    def client(
        self, name: str, subject: str, roles: list[str], *, timeout: float = _PATIENCE, county: str | None = None
    ) -> httpx.Client:
        """Of this service, with a token for this subject."""
        bearer = {"authorization": f"Bearer {self.token(subject, roles, county)}"}
        return httpx.Client(base_url=self.urls[name], headers=bearer, timeout=timeout, trust_env=False)


def open_market(town: Town, plan: Plan, run: str) -> dict[str, str]:
    """Goods, a lot of each item for this run alone, its shows and their stock; the id of each of the plan's shows.

    A second run finds the goods as they are, and has shows and lots of its own.
    """
    texts = {name: (DATA / f"{name}.csv").read_text(encoding="utf-8") for name in GOODS}
    list_goods(town, texts | {"lots": _lots(plan, run)})
    made = plan_shows(town, _lineup(plan, run))
    return {show: made[f"{show}-{run}"] for show in plan.shows()}


def _lots(plan: Plan, run: str) -> str:
    wanted: dict[tuple[str, str], int] = {}
    for slot in plan.slots:
        wanted[slot.county, slot.sku] = wanted.get((slot.county, slot.sku), 0) + slot.offered
    rows = [
        {"lot": f"load-{run}-{county}-{sku}", "sku": sku, "county": county, "quantity": units}
        for (county, sku), units in wanted.items()
    ]
    return _csv(rows)


def _lineup(plan: Plan, run: str) -> str:
    """The plan's slots as a line-up. Its minutes are for the page: a load puts slots on screen when the plan says."""
    rows = [
        {
            "programme": slot.programme,
            "show": f"{show}-{run}",
            "slot": slot.number,
            "county": slot.county,
            "sku": slot.sku,
            "channels": "|".join(slot.channels),
            "starts_min": 10 * place,
            "minutes": 10,
            "allotted": slot.offered,
            "per_buyer_limit": slot.limit,
        }
        for show in plan.shows()
        for place, slot in enumerate(plan.of(show))
    ]
    return _csv(rows)


def _csv(rows: list[dict[str, Any]]) -> str:
    out = io.StringIO()
    table = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return out.getvalue()
