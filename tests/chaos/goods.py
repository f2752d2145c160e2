"""What a round sells: items of its own, stock of its own, a show of its own. So a round can be judged by itself."""

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

HOME: Final = "520123"  # packs and ships everything it sold
OTHER: Final = "522634"  # packs nothing
_STOCK: Final = 1_000_000
_PLENTY: Final = 100_000
_SCARCE: Final = 12  # gone within seconds, so that every fault falls among those who want what is left
_SLOT: Final = 5_000
WINDOW: Final = 1_800  # seconds a slot is on screen: longer than any fault


class Goods:
    """The wares of one round. `open`: allotments that orders knows, from which anybody may buy."""

    def __init__(self, run: str, number: int) -> None:
        self.number = number
        self.name = f"{run}-{number:04d}"
        self.began = datetime.now(UTC)
        self.plenty, self.scarce = self._sku("plenty"), self._sku("scarce")
        self.slot, self.later = self._sku("slot"), self._sku("later")
        self.show_id = ""
        self.wishes: dict[str, dict[str, Any]] = {}  # what was set aside, by the allotment that it became
        self.open: list[str] = []
        self.given_back: set[str] = set()  # allotments of which some order was to be cancelled
        self.clocks_differ = False  # whether the round's fault is a wrong clock
        self.channel_shelf = ""
        self.declined = 0
        self.lines: list[str] = []

    @property
    def skus(self) -> list[str]:
        """Of all its items."""
        return [sku for _, sku in self._all()]

    @property
    def shelves(self) -> list[str]:
        """Allotments that are not a slot's."""
        return [key for key, wish in self.wishes.items() if wish["purpose"] == "shelf"]

    def since(self, margin: float) -> datetime:
        """Before anything of this round can have been said, by clocks that are wrong by no more than that."""
        return self.began - timedelta(seconds=margin)

    def items_csv(self) -> str:
        """For catalog."""
        known = {"kind": "produce", "name_zh": "茶", "name_en": "Tea", "unit": "tin", "weight_g": 250}
        known |= {"price_fen": 9900, "live_price_fen": 7900, "stock": _STOCK, "origin_village": "谷堡镇"}
        known |= {"geographical_indication": "", "harvested_on": "2018-10-05", "shelf_life_days": 365}
        return _table({"sku": sku, "county": county, **known} for county, sku in self._all())

    def lineup_csv(self) -> str:
        """For broadcast: one show, one slot."""
        show = {"programme": "Chaos", "show": self.name, "slot": 1, "county": OTHER, "sku": self.slot}
        return _table([show | {"channels": "web|youku", "starts_min": 0, "minutes": 30, "allotted": _SLOT}])

    def opening(self) -> list[dict[str, Any]]:
        """What is set aside before the fault: plenty, next to nothing, and the slot's."""
        slot = {"county": OTHER, "sku": self.slot, "quantity": _SLOT, "purpose": "slot", "slot": 1}
        return [
            {"county": HOME, "sku": self.plenty, "quantity": _PLENTY, "purpose": "shelf"},
            {"county": OTHER, "sku": self.scarce, "quantity": _SCARCE, "purpose": "shelf", "per_buyer_limit": 3},
            slot | {"show_id": self.show_id, "per_buyer_limit": 40},
        ]

    def more(self) -> dict[str, Any]:
        """What is set aside during the fault, again and again."""
        return {"county": HOME, "sku": self.later, "quantity": _SCARCE, "purpose": "shelf"}

    def _all(self) -> list[tuple[str, str]]:
        return [(HOME, self.plenty), (OTHER, self.scarce), (OTHER, self.slot), (HOME, self.later)]

    def _sku(self, what: str) -> str:
        return f"{what.upper()}-{self.name}"


def _table(rows: Iterable[dict[str, Any]]) -> str:
    out, listed = io.StringIO(), list(rows)
    writer = csv.DictWriter(out, list(listed[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(listed)
    return out.getvalue()
