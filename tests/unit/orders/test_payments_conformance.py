"""What every payment provider must do, tried on each: the test provider, Stripe and WeChat Pay.

Stripe is tried twice: at a gateway of our own, which remembers like the real one, and at Stripe's stripe-mock, which
proves that our requests are what Stripe's published API takes and that its answers are read, but remembers nothing:
what depends on an earlier request cannot be shown there and is not tried.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from tests.unit.orders.gateways import stripe, wechatpay
from tests.unit.orders.gateways.rigs import RIGS, Rig, settings

from chassis.refusals import Unavailable
from contracts.ids import new_id
from orders.payments import Declined, Forged, Paid, Pending, Purchase, Refund, RefundRefused, chosen
from orders.payments.test import Delivery


@pytest.fixture(scope="module", params=RIGS)
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    with RIGS[request.param]() as one:
        yield one


@pytest.fixture
def remembering(rig: Rig) -> Rig:
    if not rig.remembers:
        pytest.skip("stripe-mock remembers nothing of what it was told")
    return rig


@pytest.fixture
def purchase() -> Purchase:
    pay_by = datetime.now(UTC) + timedelta(minutes=15)
    return Purchase(order_id=new_id(), amount_fen=7980, description="修文猕猴桃 5 斤装" * 9, pay_by=pay_by)


def bought(rig: Rig, purchase: Purchase) -> Paid:
    """The purchase, charged for and paid."""
    rig.provider.charge(purchase, rig.token)
    rig.pay(purchase)
    paid = rig.provider.find(purchase)
    assert isinstance(paid, Paid)
    return paid


def hear(rig: Rig, delivery: Delivery) -> object:
    return rig.provider.webhook(delivery.headers, delivery.body)


def test_a_charge_tells_the_buyer_what_to_do(rig: Rig, purchase: Purchase) -> None:
    charge = rig.provider.charge(purchase, rig.token)
    assert isinstance(charge, Pending)
    assert charge.kind == "wait" or charge.value


def test_a_charge_that_waits_is_one_to_be_remembered_before(rig: Rig) -> None:
    assert not rig.provider.decides_at_once(rig.token)


def test_charged_twice_it_is_one_payment(remembering: Rig, purchase: Purchase) -> None:
    remembering.provider.charge(purchase, remembering.token)
    first = bought(remembering, purchase)
    assert remembering.provider.charge(purchase, remembering.token) == first


def test_a_payment_is_found_by_its_order_with_its_amount_in_fen(remembering: Rig, purchase: Purchase) -> None:
    paid = bought(remembering, purchase)
    assert (paid.amount, paid.currency) == (7980, "CNY")
    assert remembering.provider.find(purchase) == paid


def test_what_nobody_paid_is_not_found_as_paid(rig: Rig, purchase: Purchase) -> None:
    assert not isinstance(rig.provider.find(purchase), Paid)
    rig.provider.charge(purchase, rig.token)
    assert not isinstance(rig.provider.find(purchase), Paid)


def test_what_was_closed_is_paid_no_more(remembering: Rig, purchase: Purchase) -> None:
    remembering.provider.charge(purchase, remembering.token)
    assert isinstance(remembering.provider.close(purchase), Declined)
    assert isinstance(remembering.provider.find(purchase), Declined)


def test_closing_what_was_paid_says_that_it_was(remembering: Rig, purchase: Purchase) -> None:
    paid = bought(remembering, purchase)
    assert remembering.provider.close(purchase) == paid


def test_closing_what_was_never_asked_for_finds_nothing_paid(rig: Rig, purchase: Purchase) -> None:
    assert not isinstance(rig.provider.close(purchase), Paid)


def refund_of(paid: Paid, amount: int, key: str) -> Refund:
    return Refund(
        order_id=key.split(":")[0],
        payment_id=paid.payment_id,
        paid=paid.amount,
        amount=amount,
        currency=paid.currency,
        key=key,
    )


def test_a_refund_is_taken(rig: Rig, purchase: Purchase) -> None:
    paid = bought(rig, purchase) if rig.remembers else Paid(payment_id="pi_any", amount=7980)
    rig.provider.refund(refund_of(paid, 1000, f"{purchase.order_id}:2:refund"))


def test_a_refund_asked_for_twice_is_given_once(remembering: Rig, purchase: Purchase) -> None:
    before, paid = remembering.given(), bought(remembering, purchase)
    for _ in range(3):
        remembering.provider.refund(refund_of(paid, 1000, f"{purchase.order_id}:2:refund"))
    assert remembering.given() - before == 1000


def test_more_than_was_paid_is_not_given_back(remembering: Rig, purchase: Purchase) -> None:
    paid = bought(remembering, purchase)
    with pytest.raises(RefundRefused):
        remembering.provider.refund(refund_of(paid, 7981, f"{purchase.order_id}:2:refund"))


def test_a_signed_webhook_says_which_order_was_paid_and_how_much_of_it(rig: Rig, purchase: Purchase) -> None:
    said = rig.provider.webhook(*rig.paid(purchase, 7979))
    assert said is not None
    assert (said.kind, said.order_id, said.amount, said.currency) == ("paid", purchase.order_id, 7979, "CNY")
    assert said.event_id


def test_a_webhook_of_a_refund_is_told_from_one_of_a_payment(rig: Rig, purchase: Purchase) -> None:
    paid, said = (rig.provider.webhook(*make(purchase)) for make in (rig.paid, rig.refunded))
    assert paid is not None
    assert said is not None
    assert (said.kind, said.order_id, said.payment_id) == ("refunded", purchase.order_id, paid.payment_id)


def test_a_refund_that_failed_afterwards_is_told(rig: Rig, purchase: Purchase) -> None:
    said = rig.provider.webhook(*rig.refund_failed(purchase, 1000))
    assert said is not None
    assert (said.kind, said.order_id, said.amount) == ("refund-failed", purchase.order_id, 1000)


def test_a_webhook_that_is_nothing_to_us_is_heard_and_left(rig: Rig) -> None:
    assert hear(rig, rig.other()) is None


def test_what_somebody_else_signed_is_not_believed(rig: Rig, purchase: Purchase) -> None:
    with pytest.raises(Forged):
        hear(rig, rig.paid(purchase, by_thief=True))


def test_a_webhook_changed_on_its_way_is_not_believed(rig: Rig, purchase: Purchase) -> None:
    headers, body = rig.paid(purchase)
    with pytest.raises(Forged):
        rig.provider.webhook(headers, body.replace(b"e", b"a", 1))


@pytest.mark.parametrize("strange", ["é" * 64, "²", "9" * 400, "9" * 5000, "-1", "t=1,v1=é", "v1=" + "9" * 5000])
def test_whatever_stands_where_the_signature_and_its_time_do_it_is_an_answer(
    rig: Rig, purchase: Purchase, strange: str
) -> None:
    headers, body = rig.paid(purchase)
    for name in headers:
        if name.lower() != "content-type":
            with pytest.raises(Forged):
                rig.provider.webhook({**headers, name: strange}, body)


def test_an_old_webhook_is_not_believed_again(rig: Rig, purchase: Purchase) -> None:
    with pytest.raises(Forged):
        hear(rig, rig.paid(purchase, at=int(time.time()) - 3600))


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"\xff\xfe", b"out_trade_no=1"])
def test_what_is_not_signed_at_all_is_not_believed(rig: Rig, body: bytes) -> None:
    with pytest.raises(Forged):
        rig.provider.webhook({}, body)


def test_a_provider_that_is_away_is_an_outage(rig: Rig, purchase: Purchase) -> None:
    with pytest.raises(Unavailable):
        rig.away.charge(purchase, rig.token)


def test_no_secret_is_logged_or_shown(rig: Rig, purchase: Purchase, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        rig.provider.charge(purchase, rig.token)
        hear(rig, rig.paid(purchase))
        with pytest.raises(Unavailable) as away:
            rig.away.charge(purchase, rig.token)
    for secret in rig.secrets:
        assert secret not in caplog.text + repr(rig.provider) + repr(away.value) + repr(away.value.__cause__)


# --- what only some of them have ---


def test_stripe_charges_a_payment_method_at_once(purchase: Purchase) -> None:
    with RIGS["stripe"]() as rig:
        assert rig.provider.charge(purchase, stripe.DECLINED) == Declined(reason="card_declined")
        assert isinstance(rig.provider.charge(purchase, "pm_of_nobody"), Declined)
        paid = rig.provider.charge(purchase, stripe.GOOD)
        assert isinstance(paid, Paid)
        assert paid.amount == 7980
        assert rig.provider.charge(purchase, stripe.GOOD) == paid


def test_stripe_declines_what_is_too_little_for_it(purchase: Purchase) -> None:
    little = msgspec.structs.replace(purchase, amount_fen=stripe.LEAST - 1)
    with RIGS["stripe"]() as rig:
        assert isinstance(rig.provider.charge(little, stripe.GOOD), Declined)
        assert rig.provider.find(little) is None
        assert rig.provider.close(little) is None


def test_what_else_a_merchant_sells_by_wechat_pay_is_nothing_to_us(purchase: Purchase) -> None:
    trade = {**wechatpay.succeeded(purchase), "out_trade_no": "GIFT-CARD-17"}
    with RIGS["wechatpay"]() as rig:
        assert rig.provider.webhook(*wechatpay.webhook("TRANSACTION.SUCCESS", trade)) is None


def test_an_answer_that_wechat_pay_did_not_sign_is_not_believed(purchase: Purchase) -> None:
    thief = wechatpay.WeChat()
    thief.signs_with = "thief"
    adapter = chosen(settings(payment_providers="wechatpay", wechatpay_api=thief.web.url, **wechatpay.account()))[0]
    with closing(thief.web), pytest.raises(Unavailable, match="cannot be believed"):
        adapter.charge(purchase, None)


def test_a_key_that_wechat_pay_does_not_take_is_an_outage_and_no_refusal(purchase: Purchase) -> None:
    gateway = wechatpay.WeChat()
    account = {**wechatpay.account(), "wechatpay_private_key": wechatpay.private_pem("thief")}
    adapter = chosen(settings(payment_providers="wechatpay", wechatpay_api=gateway.web.url, **account))[0]
    with closing(gateway.web), pytest.raises(Unavailable):
        adapter.charge(purchase, None)
