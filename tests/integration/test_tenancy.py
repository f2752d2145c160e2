"""A county sees and changes only its own, a buyer only their own: tried with a stranger's token on every route.

The routes are read from the services' own declarations. One that is neither tried here nor said to be nobody's fails
the test.
"""

import importlib
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from chassis.auth import Role
from chassis.openapi import routes
from chassis.routes import Public
from chassis.testing import eventually, patience
from stack.services import NAMES, Services

DATA = Path(__file__).parents[2] / "deploy/data"
OWN, FOREIGN = "520123", "350628"
SKU = "XW-KIWI-5"
COUPON = f"TENANCY-{secrets.token_hex(4).upper()}"


class Scene(NamedTuple):
    """What belongs to county OWN and to buyer `own-buyer`; nothing of it is the stranger's."""

    show: str
    allotment: str
    shelf: str
    order: str
    parcel: str
    notice: str
    ids: dict[str, str]


def upload(client: httpx.Client, path: str, text: str, **query: Any) -> Any:
    answer = client.post(
        path, content=text.encode(), headers={"content-type": "text/csv"}, params=query, timeout=60 * patience()
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def told(client: httpx.Client, path: str, body: Any = None, key: str | None = None, status: int = 200) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    answer = client.post(path, json=body, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def scene(services: Services) -> Scene:
    """A county's evening, up to a parcel on its way, through the doors that the county and its buyer may use."""
    platform = services.client("catalog", "platform", ["platform"])
    for file in ("counties", "hubs", "items"):
        upload(platform, f"/{file}/import", (DATA / f"{file}.csv").read_text())
    show = plan(services)
    office = services.client("catalog", "office", ["county"], OWN)
    slot = {"county": OWN, "sku": SKU, "quantity": 20, "purpose": "slot", "show_id": show, "slot": 1}
    allotment = told(office, "/allotments", slot, secrets.token_hex(8), 201)["allotment_id"]
    shelf = told(office, "/allotments", {**slot, "purpose": "shelf", "show_id": None, "slot": None}, show, 201)
    go_live(services, show)
    told(services.client("orders", "office", ["county"], OWN), "/coupons", coupon(show), status=201)
    order = buy(services, allotment)
    entry = wait(services, shelf["allotment_id"])
    parcel = ship(services)
    notice = eventually(lambda: services.client("notify", "own-buyer").get("/notices").json()["items"])[0]["id"]
    ids = {
        "show_id": show,
        "slot": "1",
        "code": COUPON,
        "allotment_id": allotment,
        "order_id": order,
        "entry_id": entry,
        "parcel_id": parcel,
        "notice_id": notice,
    }
    return Scene(show, allotment, shelf["allotment_id"], order, parcel, notice, ids)


def coupon(show: str) -> dict[str, Any]:
    window = {"opens_at": "2018-12-03T12:00:00Z", "closes_at": "2100-01-01T00:00:00Z"}
    return {"coupon_code": COUPON, "show_id": show, "county": OWN, "discount_fen": 1, "budget_fen": 10, **window}


def plan(services: Services) -> str:
    broadcast = services.client("broadcast", "platform", ["platform"])
    key = f"tenancy-{secrets.token_hex(4)}"
    lines = f"{(DATA / 'lineup.csv').read_text().splitlines()[0]}\nTenancy,{key},1,{OWN},{SKU},web,0,10,20,3\n"

    def planned() -> Any:
        return upload(broadcast, "/lineups/import", lines).get("shows")

    return str(eventually(planned)[0]["show_id"])


def go_live(services: Services, show: str) -> None:
    host = services.client("broadcast", "host", ["host"], OWN)
    eventually(lambda: host.post(f"/shows/{show}/start").status_code == 200)
    told(host, f"/shows/{show}/slots/1/feature", {"window_seconds": 600})


def buy(services: Services, allotment: str) -> str:
    buyer = services.client("orders", "own-buyer")

    def placed() -> Any:
        body = {"allotment_id": allotment, "quantity": 1, "channel": "web"}
        answer = buyer.post("/orders", json=body, headers={"Idempotency-Key": "tenancy"})
        return answer.status_code == 201 and answer.json()

    order = str(eventually(placed)["id"])
    told(buyer, f"/orders/{order}/pay", {"method": "test"})
    return order


def wait(services: Services, allotment: str) -> str:
    """A place on the waitlist: for more than there is."""
    body = {"quantity": 999, "channel": "web"}
    waiting = services.client("orders", "waiting-buyer")

    def joined() -> Any:
        answer = waiting.post(f"/allotments/{allotment}/waitlist", json=body, headers={"Idempotency-Key": "tenancy"})
        return answer.status_code == 201 and answer.json()

    return str(eventually(joined)["id"])


def ship(services: Services) -> str:
    office = services.client("orders", "office", ["county"], OWN)
    told(office, "/parcels/pack", {"county": OWN})
    told(office, "/parcels/ship", {"county": OWN, "carrier": "SF"})
    parcels = services.client("orders", "own-buyer").get("/parcels").json()["items"]
    return str(parcels[0]["id"])


# --- what a stranger tries, and what must come of it ---


class Try(NamedTuple):
    """A request, and whether its answer is right."""

    right: Callable[[httpx.Response, Scene], bool]
    json: Any = None
    csv: str | None = None
    query: dict[str, str] = {}  # noqa: RUF012  never changed


def refused(answer: httpx.Response, _: Scene) -> bool:
    """Not theirs, or not there: either is fine, what it says must be a problem and name nobody."""
    return answer.status_code in (403, 404) and answer.headers["content-type"] == "application/problem+json"


def shows_nothing_of_theirs(answer: httpx.Response, scene: Scene) -> bool:
    theirs = [*scene.ids.values(), OWN, SKU, "own-buyer"]
    theirs.remove("1")
    return answer.status_code == 200 and not any(value in answer.text for value in theirs)


def refused_or_nothing(answer: httpx.Response, scene: Scene) -> bool:
    return refused(answer, scene) or shows_nothing_of_theirs(answer, scene)


def every_row_refused(answer: httpx.Response, _: Scene) -> bool:
    report = answer.json()
    return (
        answer.status_code == 200
        and report["accepted"] == report["unchanged"] == 0
        and len(report["refused"]) == report["rows"] >= 1
    )


def file(name: str) -> str:
    lines = (DATA / name).read_text().splitlines()
    return "\n".join([lines[0], *(line for line in lines[1:] if f",{OWN}," in line)])


ALLOTMENT_ROWS = f"county,sku,quantity,purpose\n{OWN},{SKU},1,shelf"
LOT_ROWS = f"lot,sku,county,quantity\nL9,{SKU},{OWN},5"
ALLOTMENT = {"county": OWN, "sku": SKU, "quantity": 1, "purpose": "shelf"}
SUBSCRIPTION = {"recipient": f"county:{OWN}", "kinds": "all", "language": "en", "urls": []}

TRIES: dict[str, Try] = {
    "catalog POST /allotments": Try(refused, json=ALLOTMENT),
    "catalog POST /allotments/import": Try(every_row_refused, csv=ALLOTMENT_ROWS),
    "catalog POST /hubs/import": Try(every_row_refused, csv=file("hubs.csv")),
    "catalog POST /items/import": Try(every_row_refused, csv=file("items.csv")),
    "catalog POST /lots/import": Try(every_row_refused, csv=LOT_ROWS),
    "catalog GET /signals": Try(refused_or_nothing, query={"county": OWN}),
    "catalog GET /stock": Try(refused_or_nothing, query={"county": OWN}),
    "broadcast POST /lineups/import": Try(every_row_refused, csv=file("lineup.csv").replace("2018-12-03", "stranger")),
    "broadcast POST /shows/{show_id}/start": Try(refused),
    "broadcast POST /shows/{show_id}/end": Try(refused),
    "broadcast GET /shows/{show_id}/report-card": Try(refused),
    "broadcast POST /shows/{show_id}/slots/{slot}/feature": Try(refused, json={}),
    "broadcast DELETE /shows/{show_id}/slots/{slot}": Try(refused),
    "orders POST /allotments/{allotment_id}/close": Try(refused),
    "orders POST /coupons": Try(refused, json={**coupon("a-show"), "coupon_code": "STRANGERS"}),
    "orders GET /coupons/{code}": Try(refused),
    "orders GET /orders": Try(shows_nothing_of_theirs),
    "orders GET /orders/{order_id}": Try(refused),
    "orders POST /orders/{order_id}/cancel": Try(refused),
    "orders POST /orders/{order_id}/complete": Try(refused),
    "orders POST /orders/{order_id}/pay": Try(refused, json={"method": "test"}),
    "orders POST /orders/{order_id}/return": Try(refused, json={"quantity": 1, "restock": False}),
    "orders GET /parcels": Try(shows_nothing_of_theirs),
    "orders POST /parcels/pack": Try(refused, json={"county": OWN}),
    "orders POST /parcels/ship": Try(refused, json={"county": OWN, "carrier": "SF"}),
    "orders GET /parcels/{parcel_id}": Try(refused),
    "orders POST /parcels/{parcel_id}/ship": Try(refused, json={"carrier": "SF"}),
    "orders POST /parcels/{parcel_id}/scan": Try(refused, json={"hub": f"{OWN}-C"}),
    "orders POST /parcels/{parcel_id}/deliver": Try(refused),
    "orders GET /waitlist": Try(shows_nothing_of_theirs),
    "orders DELETE /waitlist/{entry_id}": Try(refused),
    "notify GET /notices": Try(refused, query={"recipient": f"county:{OWN}"}),
    "notify GET /notices/{notice_id}": Try(refused),
    "notify GET /subscriptions": Try(refused, query={"recipient": "buyer:own-buyer"}),
    "notify DELETE /subscriptions": Try(refused, query={"recipient": f"county:{OWN}"}),
    "notify PUT /subscriptions": Try(refused, json=SUBSCRIPTION),
}
NOBODYS = {
    "orders POST /orders": "whoever is a buyer may buy from any county",
    "orders POST /allotments/{allotment_id}/waitlist": "and may wait for what any county sold",
}
STRANGERS = {Role.COUNTY, Role.HOST, Role.PRODUCER, Role.BUYER}


def declared() -> Iterator[tuple[str, Role]]:
    """Every route that somebody other than the platform may call, with each role that may."""
    for name in NAMES:
        service = getattr(importlib.import_module(f"{name}.service"), f"{name.capitalize()}Service")
        for method, path, who in routes(service):
            if not isinstance(who, Public) and f"{name} {method} {path}" not in NOBODYS:
                for role in sorted(who & STRANGERS):
                    yield f"{name} {method} {path}", role


@pytest.mark.parametrize(("route", "role"), [pytest.param(*pair, id=" ".join(pair)) for pair in declared()])
def test_a_strangers_token_opens_nothing(services: Services, scene: Scene, route: str, role: Role) -> None:
    assert route in TRIES, f"say in TRIES what a stranger gets at {route}"
    attempt = TRIES[route]
    name, method, path = route.split(" ")
    stranger = services.client(name, "stranger", [role], FOREIGN, "stranger-producer")
    content = {"content": attempt.csv.encode()} if attempt.csv else {"json": attempt.json} if attempt.json else {}
    kind = {"content-type": "text/csv"} if attempt.csv else {}
    headers = {"Idempotency-Key": secrets.token_hex(8), **kind}
    answer = stranger.request(method, path.format(**scene.ids), headers=headers, params=attempt.query, **content)  # type: ignore[arg-type]
    assert attempt.right(answer, scene), f"{answer.status_code} {answer.text[:2000]}"


@pytest.mark.parametrize("route", sorted(TRIES))
def test_without_a_token_no_such_route_answers(services: Services, scene: Scene, route: str) -> None:
    name, method, path = route.split(" ")
    answer = services.client(name, None).request(method, path.format(**scene.ids))
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_every_service_says_of_each_of_its_routes_who_may_call_it() -> None:
    for name in NAMES:
        service = getattr(importlib.import_module(f"{name}.service"), f"{name.capitalize()}Service")
        found = routes(service)
        assert found
        assert all(isinstance(who, Public) or who for _, _, who in found)
