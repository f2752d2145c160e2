"""What callers of the steady load come for, service by service, and what must be there first. Judges nothing.

Every errand has wares of its own, so that one load does not meet what another left. `turn` is one caller's round.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final

import httpx

from chassis.patience import patience
from contracts.ids import new_id
from evening.audit import Promise
from evening.callers import Caller
from evening.house import House
from stack.samples import DATA

COUNTY: Final = "520123"
PLENTY: Final = 1_000_000
_ITEM: Final = "sku,county,kind,name_zh,name_en,unit,weight_g,price_fen,live_price_fen,stock,origin_village,geographical_indication,harvested_on,shelf_life_days"  # noqa: E501  a CSV's head
_LINEUP: Final = "programme,show,slot,county,sku,channels,starts_min,minutes,allotted"
_WINDOW_SECONDS: Final = 3_000
_HEARD_WITHIN: Final = 60.0
_LARGEST: Final = 200  # units of an order when the rest is bought up


class Unprepared(Exception):
    """What the errand needs is not to be had; the text says what was refused."""


class Errand(ABC):
    """Someone's business with one service. Nothing needs to be prepared for it, and nothing is promised by it."""

    service: ClassVar[str]

    def __init__(self, house: House) -> None:
        self.house = house
        self.promises: list[Promise] = []
        self.run = new_id()
        staff = {"platform": "platform", "county": "county", "host": "host"}
        self.by = {who: self.header(f"{who}-{self.run}", role) for who, role in staff.items()}

    def prepare(self) -> None:  # noqa: B027 - most need nothing
        """What must be there before the first turn."""

    @abstractmethod
    def turn(self, caller: Caller) -> None:
        """Once."""

    def finish(self, caller: Caller) -> None:  # noqa: B027 - most leave as they are
        """What a caller still does when nobody takes turns any more."""

    def header(self, subject: str, role: str) -> dict[str, str]:
        """What proves who calls."""
        county = COUNTY if role in {"county", "host"} else None
        return {"Authorization": f"Bearer {self.house.mint(subject, roles=[role], county=county)}"}

    def list_item(self, stock: int = PLENTY) -> str:
        """A new item with its stock; its SKU."""
        sku = f"STEADY-{self.run[-12:].upper()}"
        counties = (DATA / "counties.csv").read_text(encoding="utf-8")
        row = f"{sku},{COUNTY},produce,茶,Tea,tin,250,9900,7900,{stock},谷堡镇,,2018-10-05,365"
        for path, text in (("/counties/import", counties), ("/items/import", f"{_ITEM}\n{row}\n")):
            self._upload("catalog", path, text)
        return sku

    def set_aside(self, sku: str, quantity: int) -> str:
        """A shelf allotment that orders knows; its id."""
        body = {"county": COUNTY, "sku": sku, "quantity": quantity, "purpose": "shelf"}
        key = {"Idempotency-Key": f"{self.run}-shelf"}
        made = self.told("catalog", "POST", "/allotments", headers=self.by["county"] | key, json=body)
        allotment = str(made["allotment_id"])
        _until(lambda: self.asked("orders", "GET", f"/allotments/{allotment}").is_success, "orders knows the shelf")
        return allotment

    def asked(self, service: str, method: str, path: str, **said: Any) -> httpx.Response:
        """The service's answer, whatever it is; for preparations only, which are in no hurry."""
        return httpx.request(method, self.house.urls[service] + path, timeout=60.0, trust_env=False, **said)

    def told(self, service: str, method: str, path: str, **said: Any) -> Any:
        answer = self.asked(service, method, path, **said)
        if not answer.is_success:
            raise Unprepared(f"{service} answered {method} {path} with {answer.status_code}: {answer.text[:300]}")
        return answer.json() if answer.content else None

    def _upload(self, service: str, path: str, text: str) -> Any:
        headers = self.by["platform"] | {"Content-Type": "text/csv; charset=utf-8"}
        report = self.told(service, "POST", path, headers=headers, content=text.encode())
        if service == "catalog" and report["refused"]:
            raise Unprepared(f"{path}: {report['refused'][:2]}")
        return report


class Buying(Errand):
    """Orders: place, look, pay, see how many are left."""

    service = "orders"

    def __init__(self, house: House, offered: int = PLENTY // 2) -> None:
        super().__init__(house)
        self.offered = offered
        self.allotment = ""

    def prepare(self) -> None:
        self.allotment = self.set_aside(self.list_item(self.offered), self.offered)

    def turn(self, caller: Caller) -> None:
        by = self._buyer(caller)
        order = self._place(caller, 1)
        caller.ask("GET", f"/orders/{order['id']}", by=by)
        caller.ask("POST", f"/orders/{order['id']}/pay", {}, by=by)
        caller.ask("GET", f"/allotments/{self.allotment}")

    def _place(self, caller: Caller, quantity: int, expect: Sequence[int] = (201,)) -> Any:
        wanted = {"allotment_id": self.allotment, "quantity": quantity, "channel": "web"}
        key = new_id()
        order = caller.ask("POST", "/orders", wanted, by=self._buyer(caller), key=key, expect=expect)
        if "id" not in order:
            return None
        told = {name: order[name] for name in ("buyer_id", "allotment_id", "quantity")}
        self.promises.append(Promise(order_id=order["id"], key=key, **told))
        return order

    def _buyer(self, caller: Caller) -> dict[str, str]:
        if "by" not in caller.kept:
            caller.kept["by"] = self.header(f"buyer-{new_id()}", "buyer")
        by: dict[str, str] = caller.kept["by"]
        return by


class SellingOut(Buying):
    """The same on one hot item, of which the last unit is sold in the end: everybody buys up what is left, at once."""

    def finish(self, caller: Caller) -> None:
        while left := caller.ask("GET", f"/allotments/{self.allotment}")["remaining"]:
            order = self._place(caller, min(left, _LARGEST), expect=(201, 409))
            if order:
                caller.ask("POST", f"/orders/{order['id']}/pay", {}, by=self._buyer(caller))


class Stocking(Errand):
    """Catalog: look at items, set stock aside."""

    service = "catalog"

    def prepare(self) -> None:
        self._sku = self.list_item()

    def turn(self, caller: Caller) -> None:
        items = caller.ask("GET", "/items?limit=5")["items"]
        caller.ask("GET", f"/items/{items[0]['item_id']}")
        wanted = {"county": COUNTY, "sku": self._sku, "quantity": 1, "purpose": "shelf"}
        caller.ask("POST", "/allotments", wanted, by=self.by["county"], expect=201)
        caller.ask("GET", "/stock?limit=5", by=self.by["county"])


class Watching(Errand):
    """Broadcast: a show on air, whose host puts a slot on screen again and again, and whose audience is counted."""

    service = "broadcast"
    _host: Caller | None = None

    def prepare(self) -> None:
        sku, show = self.list_item(), f"steady-{self.run}"
        row = f"Steady,{show},1,{COUNTY},{sku},web,0,30,100"
        _until(lambda: not self._plan(f"{_LINEUP}\n{row}\n")["refused"], "broadcast knows the item")
        (planned,) = self._plan(f"{_LINEUP}\n{row}\n")["shows"]
        self._show = planned["show_id"]
        slot = {"county": COUNTY, "sku": sku, "quantity": 100, "purpose": "slot", "show_id": self._show, "slot": 1}
        by = self.by["county"] | {"Idempotency-Key": f"{self.run}-slot"}
        self.told("catalog", "POST", "/allotments", headers=by, json=slot)
        start = f"/shows/{self._show}/start"
        _until(lambda: self.asked("broadcast", "POST", start, headers=self.by["host"]).is_success, "the show can start")
        self._feature = f"/shows/{self._show}/slots/1/feature"
        by = self.by["host"] | {"Idempotency-Key": f"{self.run}-on-screen"}
        self.told("broadcast", "POST", self._feature, headers=by, json={"window_seconds": _WINDOW_SECONDS})

    def _plan(self, text: str) -> Any:
        return self._upload("broadcast", "/lineups/import", text)

    def turn(self, caller: Caller) -> None:
        caller.ask("GET", "/shows?limit=5")
        self._host = self._host or caller  # a show has one
        if caller is self._host:
            caller.ask("POST", self._feature, {"window_seconds": _WINDOW_SECONDS}, by=self.by["host"])
        sample = {"channel": "web", "viewers": 7}
        caller.ask("POST", f"/shows/{self._show}/audience", sample, by=self.by["platform"])
        if caller.ask("GET", f"/shows/{self._show}")["on_screen"] is None:
            raise caller.failed("nothing is on screen")


class Reading(Errand):
    """Notify: one's notices, how one wants to be told, the live page."""

    service = "notify"

    def turn(self, caller: Caller) -> None:
        if "by" not in caller.kept:
            caller.kept["by"] = self.header(f"reader-{new_id()}", "buyer")
        by = caller.kept["by"]
        caller.ask("GET", "/notices", by=by)
        caller.ask("PUT", "/subscriptions", {"language": "en"}, by=by)
        caller.ask("GET", "/live")


ERRANDS: Final[Mapping[str, type[Errand]]] = {one.service: one for one in (Buying, Stocking, Watching, Reading)} | {
    "hot-item": SellingOut
}


def _until(there: Callable[[], Any], what: str) -> None:
    within = _HEARD_WITHIN * patience()
    deadline = time.monotonic() + within
    while not there():
        if time.monotonic() > deadline:
            raise Unprepared(f"not within {within:.0f} s: {what}")
        time.sleep(0.2)
