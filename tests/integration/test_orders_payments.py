"""Payments as a real process: a provider that is slow, and webhooks that anybody may send and it alone can sign."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from uuid import UUID

import httpx
import pytest
from tests.integration.shop import Shop, open_shop
from tests.starting import Starter
from tests.unit.orders.gateways import stripe, wechatpay

from chassis.testing import eventually, patience
from contracts.ids import new_id
from orders.payments import Notification, Purchase
from orders.payments.test import Delivery, payment_id, signed

SECRET = "shared-with-the-test-provider"


@pytest.fixture(scope="module")
def shop(starter: Starter) -> Iterator[Shop]:
    with open_shop(starter, PAYMENT_TEST_WEBHOOK_SECRET=SECRET) as shop:
        yield shop


def begun(shop: Shop) -> dict[str, Any]:
    """An order whose payment waits for the provider."""
    order_id = shop.placed(shop.shelf())
    answer = shop.buyer.post(f"/orders/{order_id}/pay", json={"method": "test", "token": "slow"})
    assert answer.status_code == 202
    order: dict[str, Any] = answer.json()
    assert (order["state"], order["to_pay"]) == ("placed", {"provider": "test", "kind": "wait", "value": ""})
    return order


def paid(order: dict[str, Any], secret: str = SECRET, **fields: Any) -> Delivery:
    known = {
        "event_id": new_id(),
        "order_id": order["id"],
        "kind": "paid",
        "payment_id": payment_id(order["id"], "slow"),
        "amount": order["total_fen"],
    }
    return signed(secret, Notification(**{**known, **fields}))


def post(shop: Shop, delivery: Delivery, provider: str = "test") -> httpx.Response:
    """As a provider does: without a token of ours."""
    address = f"{shop.service.url}/payments/{provider}/webhooks"
    return httpx.post(address, headers=delivery.headers, content=delivery.body)


def state(shop: Shop, order: dict[str, Any]) -> str:
    return str(shop.buyer.get(f"/orders/{order['id']}").json()["state"])


def figures(shop: Shop) -> str:
    return httpx.get(f"{shop.service.url}/metrics").text


def test_a_slow_payment_is_told_by_a_webhook_however_often(shop: Shop) -> None:
    order = begun(shop)
    delivery = paid(order)
    assert [post(shop, delivery).status_code for _ in range(3)] == [204, 204, 204]
    assert state(shop, order) == "paid"
    assert shop.types(order["id"], 2) == ["order.placed", "order.paid"]
    again = shop.buyer.post(f"/orders/{order['id']}/pay", json={"token": "slow"})
    assert (again.status_code, again.json()["state"], again.json()["to_pay"]) == (200, "paid", None)


def test_what_the_provider_did_not_sign_changes_nothing(shop: Shop) -> None:
    order = begun(shop)
    forged = post(shop, paid(order, secret="a guess"))
    assert (forged.status_code, forged.json()["type"]) == (401, "/problems/bad-signature")
    assert post(shop, Delivery({}, paid(order).body)).status_code == 401
    assert post(shop, Delivery(paid(order).headers, paid(order, amount=1).body)).status_code == 401
    assert state(shop, order) == "placed"


def test_webhooks_of_a_provider_that_is_not_on_find_no_door(shop: Shop) -> None:
    assert post(shop, paid(begun(shop)), "stripe").status_code == 404


def test_another_amount_does_not_pay_and_is_counted(shop: Shop) -> None:
    order = begun(shop)
    assert post(shop, paid(order, amount=order["total_fen"] - 1)).status_code == 204
    assert state(shop, order) == "placed"
    assert 'payments_astray_total{provider="test",reason="mismatch"} 1.0' in figures(shop)
    assert 'payment_notifications_total{kind="paid",provider="test"}' in figures(shop)


def test_money_that_comes_after_the_order_was_cancelled_does_not_bring_it_back(shop: Shop) -> None:
    order = begun(shop)
    assert shop.buyer.post(f"/orders/{order['id']}/cancel").status_code == 200
    assert post(shop, paid(order)).status_code == 204
    assert state(shop, order) == "cancelled"
    assert 'payments_astray_total{provider="test",reason="too-late"} 1.0' in figures(shop)


def test_a_means_of_payment_that_is_not_on_is_refused_with_those_that_are(shop: Shop) -> None:
    order_id = shop.placed(shop.shelf())
    answer = shop.buyer.post(f"/orders/{order_id}/pay", json={"method": "stripe"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["valid"] == ["test"]


def test_paying_on_an_old_view_of_the_order_is_refused(shop: Shop) -> None:
    order = begun(shop)
    stale = shop.buyer.post(f"/orders/{order['id']}/pay", json={}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    fresh = shop.buyer.get(f"/orders/{order['id']}").headers["etag"]
    answer = shop.buyer.post(f"/orders/{order['id']}/pay", json={}, headers={"If-Match": fresh})
    assert (answer.status_code, answer.json()["state"]) == (200, "paid")


# --- the real adapters in a real process, at gateways of our own ---


class Till(NamedTuple):
    """A gateway: where it is, how its buyer pays there, how its webhook looks, what it has given back."""

    settings: dict[str, str]
    pay: Callable[[str], None]
    webhook: Callable[[Purchase], Any]
    given: Callable[[], int]
    asks: str


def stripe_till() -> Till:
    account = stripe.Stripe()
    keys = {"STRIPE_SECRET_KEY": stripe.KEY, "STRIPE_WEBHOOK_SECRET": stripe.WEBHOOK_SECRET}
    return Till(
        {"PAYMENT_PROVIDERS": "stripe", "STRIPE_API": account.web.url, **keys},
        account.pay,
        lambda purchase: stripe.webhook("payment_intent.succeeded", account.of(purchase.order_id)),
        lambda: sum(one["amount"] for one in account.refunds),
        "client-secret",
    )


def wechatpay_till() -> Till:
    merchant = wechatpay.WeChat()
    account = {name.upper(): value for name, value in wechatpay.account().items()}
    return Till(
        {"PAYMENT_PROVIDERS": "wechatpay", "WECHATPAY_API": merchant.web.url, **account},
        merchant.pay,
        lambda purchase: wechatpay.webhook("TRANSACTION.SUCCESS", merchant.trades[UUID(purchase.order_id).hex]),
        lambda: sum(one["amount"]["refund"] for one in merchant.refunds.values()),
        "qr",
    )


@pytest.mark.parametrize("make", [stripe_till, wechatpay_till])
def test_a_real_provider_is_paid_asked_and_gives_back(starter: Starter, make: Callable[[], Till]) -> None:
    till = make()
    with open_shop(starter, **till.settings, PAY_WITHIN_SECONDS=f"{5 * patience():.0f}") as shop:
        heard, unheard = (begin(shop, till) for _ in range(2))
        name = till.settings["PAYMENT_PROVIDERS"]
        purchase = Purchase(order_id=heard["id"], amount_fen=heard["total_fen"], description="")
        assert post(shop, Delivery(*till.webhook(purchase)), name).status_code == 204
        assert state(shop, heard) == "paid"
        assert state(shop, unheard) == "placed"
        eventually(lambda: state(shop, unheard) == "paid", within=15)  # its webhook was lost: the sweep asks
        for _ in range(2):
            assert shop.buyer.post(f"/orders/{heard['id']}/cancel").status_code == 200
        eventually(lambda: till.given() == heard["total_fen"])


def begin(shop: Shop, till: Till) -> dict[str, Any]:
    """An order that its buyer pays for at the gateway; orders has not heard of it yet."""
    order_id = shop.placed(shop.shelf())
    answer = shop.buyer.post(f"/orders/{order_id}/pay", json={})
    assert (answer.status_code, answer.json()["to_pay"]["kind"]) == (202, till.asks), answer.text
    till.pay(order_id)
    order: dict[str, Any] = answer.json()
    return order
