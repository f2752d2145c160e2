"""Every service is restarted under load, replica by replica, and nobody notices: not one request fails."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count

import pytest
from tests.integration.onair import NORTH, OnAir
from tests.integration.rolling import Caller, Load, Said, header
from tests.integration.shop import Shop
from tests.integration.test_catalog import XIUWEN, new_item, platform, stock_of, upload
from tests.integration.viewing import Viewer
from tests.unit.notify.facts import NOON, fact

from chassis.config import Settings, load
from chassis.producer import Producer
from chassis.testing import eventually
from contracts.codec import record, to_message
from contracts.events import Fact, ItemFeatured, OrderPaid, StreamStarted
from contracts.ids import new_id
from stack.local import DATA
from stack.services import Service

StartService = Callable[..., Service]
DELAY = {"SHUTDOWN_DELAY_SECONDS": "2"}
pytestmark = pytest.mark.timeout(300)


def two(start_service: StartService, name: str, **env: str) -> list[Service]:
    """Replicas of one service: the same database and group."""
    first = start_service(name, ready=False, **env)
    shared = {key: first.env[key] for key in ("KAFKA_GROUP", "MONGODB_DATABASE")}
    second = start_service(name, ready=False, **env, **shared)
    for replica in (first, second):
        replica.wait_ready()
    return [first, second]


def restart(replicas: Sequence[Service], load: Load, rounds: int = 2) -> None:
    """As a Deployment does it: the next one as soon as the one before was seen to be ready, whoever has heard of it."""
    load.go_on()
    for replica in [*replicas] * rounds:
        replica.stop()
        assert replica.process.exit_code == 0
        replica.start_again()
        replica.wait_ready()
        eventually(lambda replica=replica: load.balancer.has_seen(replica), every=0.005)
    load.go_on()


def nothing_failed(said: Said) -> None:
    print(f"{said.statuses.total()} answered, the slowest within {said.longest:.2f} s; failed: {len(said.failures)}")
    assert said.failures == []
    assert said.statuses.total() > 500


def states_of(shop: Shop) -> dict[str, str]:
    """The state of every order there is."""
    states: dict[str, str] = {}
    after: dict[str, str] = {}
    while True:
        page = shop.platform.get("/orders", params={"limit": 200, **after}).json()
        states |= {order["id"]: order["state"] for order in page["items"]}
        if page["next"] is None:
            return states
        after = {"after": page["next"]}


def test_orders_are_placed_and_paid_through_a_rolling_restart_and_each_exists_once(start_service: StartService) -> None:
    replicas = two(start_service, "orders", **DELAY)
    shop = Shop(replicas[0])
    allotment = shop.shelf(offered=100_000)
    buyer = header(replicas[0], "b1")
    placed: list[str] = []
    paid: list[str] = []

    def turn(caller: Caller) -> None:
        wanted = {"allotment_id": allotment, "quantity": 1, "channel": "web"}
        order = caller.ask("POST", "/orders", wanted, by=buyer, expect=201)["id"]
        placed.append(order)
        caller.ask("GET", f"/orders/{order}", by=buyer)
        caller.ask("POST", f"/orders/{order}/pay", {}, by=buyer)
        paid.append(order)
        caller.ask("GET", f"/allotments/{allotment}")

    with Load(replicas, turn) as running:
        restart(replicas, running)
    nothing_failed(running.said)
    states = states_of(shop)
    assert Counter(placed) == Counter(list(states))
    assert {states[order] for order in paid} == {"paid"}
    assert shop.allotment(allotment)["sold"] == len(placed)


def test_stock_is_listed_and_set_aside_through_a_rolling_restart_of_catalog(start_service: StartService) -> None:
    replicas = two(start_service, "catalog", **DELAY)
    for name in ("counties", "items"):
        upload(platform(replicas[0]), f"/{name}/import", (DATA / f"{name}.csv").read_text(encoding="utf-8"))
    sku = new_item(replicas[0], stock=100_000)
    office = header(replicas[0], "office", "county", county=XIUWEN)
    allotted: list[str] = []

    def turn(caller: Caller) -> None:
        items = caller.ask("GET", "/items?limit=5")["items"]
        caller.ask("GET", f"/items/{items[0]['item_id']}")
        asked = {"county": XIUWEN, "sku": sku, "quantity": 1, "purpose": "shelf"}
        allotted.append(caller.ask("POST", "/allotments", asked, by=office, expect=201)["allotment_id"])
        caller.ask("GET", "/stock", by=office)

    with Load(replicas, turn) as running:
        restart(replicas, running)
    nothing_failed(running.said)
    assert len(set(allotted)) == len(allotted) == stock_of(replicas[0], sku)["allotted"]


def test_a_show_goes_on_through_a_rolling_restart_of_broadcast(start_service: StartService) -> None:
    replicas = two(start_service, "broadcast", **DELAY)
    onair = OnAir(replicas[0])
    onair.list_goods()
    show_id = onair.live()
    host = header(replicas[0], "host", "host", county=NORTH)
    engineer = header(replicas[0], "engineer", "platform")
    taken: list[int] = []

    def turn(caller: Caller) -> None:
        caller.ask("GET", "/shows")
        caller.ask("POST", f"/shows/{show_id}/slots/1/feature", {}, by=host)
        sample = {"channel": "web", "viewers": len(taken)}
        taken.append(caller.ask("POST", f"/shows/{show_id}/audience", sample, by=engineer)["taken"])
        assert caller.ask("GET", f"/shows/{show_id}")["on_screen"] is not None

    with Load(replicas, turn) as running:
        restart(replicas, running)
    nothing_failed(running.said)


def test_viewers_and_readers_see_everything_through_a_rolling_restart_of_notify(start_service: StartService) -> None:
    replicas = two(start_service, "notify", **DELAY)
    producer = Producer(load(Settings, replicas[0].env))
    show, reader, slots = f"s-{new_id()}", f"b-{new_id()}", count(1)
    by = header(replicas[0], reader)

    def tell(said: Fact, sequence: int = 1) -> None:
        producer.send([to_message(record(said, source="test", sequence=sequence, time=NOON))])

    def turn(caller: Caller) -> None:
        caller.ask("GET", "/notices", by=by)
        caller.ask("PUT", "/subscriptions", {"language": "en"}, by=by)
        caller.ask("GET", "/live")

    def feature() -> None:
        slot = next(slots)
        tell(fact(ItemFeatured, show_id=show, slot=slot), slot + 1)
        tell(fact(OrderPaid, order_id=f"o-{new_id()}", buyer_id=reader))

    tell(fact(StreamStarted, show_id=show))
    running = Load(replicas, turn)
    viewers = [Viewer(running.balancer, running.said, f"/live/events?show_id={show}") for _ in range(4)]
    with running:
        for viewer in viewers:
            running.also(viewer.watch)
        eventually(lambda: all(viewer.streams for viewer in viewers))
        running.also(feature, every=0.1)
        restart(replicas, running)
        told = list(range(1, next(slots)))
        for viewer in viewers:
            eventually(lambda viewer=viewer: told[-1] in viewer.slots)
            viewer.leave()
    nothing_failed(running.said)
    for viewer in viewers:
        assert viewer.resets == 0
        assert viewer.streams > 1, "nobody was made to come back"
        assert viewer.slots[: len(told)] == told


def test_without_a_delay_requests_do_fail_or_these_tests_would_show_nothing(start_service: StartService) -> None:
    replicas = two(start_service, "catalog", SHUTDOWN_DELAY_SECONDS="0")
    # Some keep no connection: who keeps one to the other replica never comes here again, and sees nothing.
    with Load(replicas, lambda caller: caller.ask("GET", "/items"), fresh=True) as running:

        def refused() -> list[str]:
            """Whether anybody comes in the moment between is chance: restarted as often as it takes."""
            restart(replicas[:1], running, rounds=1)
            return [failure for failure in running.said.failures if "ConnectionRefusedError" in failure]

        eventually(refused, within=60)
        running.go_on()
    assert any("ConnectionRefusedError" in failure for failure in running.said.failures)
