"""The providers as the conformance suite sees them: an adapter, and a hand at the other end of its wire.

`remembers`: whether what stands at the other end keeps what it was told. Stripe's own stripe-mock does not: it checks
every request against Stripe's published API and answers with examples.
"""

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from shutil import which
from typing import Any, NamedTuple

import pytest
from tests.unit.orders.gateways import stripe, wechatpay

from chassis.testing import eventually
from orders.payments import Notification, PaymentProvider, Purchase, Refund, TestProvider, chosen
from orders.payments.settings import PaymentSettings
from orders.payments.test import Delivery, payment_id, sealed, signed
from stack.processes import free_port

SECRET = "shared-and-never-to-be-shown"
ENOUGH: dict[str, Any] = {"kafka_bootstrap_servers": "-", "mongodb_uri": "-", "oidc_issuer": "https://issuer.example"}
STRIPE_MOCK = "github.com/stripe/stripe-mock@v0.203.0"
BIN = Path(__file__).parents[4] / ".cache/bin"
NOBODY = "http://127.0.0.1:9"  # the port of "discard": nobody listens


class Rig(NamedTuple):
    """One provider under test. The makers of webhooks take `amount`, `by_thief` and `at` (seconds since 1970)."""

    provider: PaymentProvider
    away: PaymentProvider  # the same adapter with nobody at the other end
    secrets: tuple[str, ...]
    token: str | None  # what the buyer's page sends
    remembers: bool
    pay: Callable[[Purchase], Any]  # the buyer does what is asked of them
    given: Callable[[], int]  # what was refunded so far
    paid: Callable[..., Delivery]
    refunded: Callable[..., Delivery]
    refund_failed: Callable[..., Delivery]
    other: Callable[[], Delivery]


def settings(**fields: Any) -> PaymentSettings:
    return PaymentSettings(**{**ENOUGH, "payment_timeout_seconds": 10.0, **fields})


@contextmanager
def own_rig() -> Iterator[Rig]:
    """The provider for tests and demos."""
    given: dict[str, int] = {}

    class Remembering(TestProvider):
        def refund(self, refund: Refund) -> None:
            super().refund(refund)
            given[refund.key] = refund.amount

    class Away(TestProvider):
        def charge(self, purchase: Purchase, token: str | None) -> Any:
            return super().charge(purchase, token and "away")

    def webhook(kind: Any) -> Callable[..., Delivery]:
        def make(
            purchase: Purchase, amount: int | None = None, *, by_thief: bool = False, at: int | None = None
        ) -> Delivery:
            said = Notification(
                event_id="event-1",
                order_id=purchase.order_id,
                kind=kind,
                payment_id=payment_id(purchase.order_id, "slow"),
                amount=purchase.amount_fen if amount is None else amount,
            )
            return signed("a thief's" if by_thief else SECRET, said, at)

        return make

    provider = Remembering(SECRET)
    yield Rig(
        provider=provider,
        away=Away(SECRET),
        secrets=(SECRET,),
        token="slow",
        remembers=True,
        pay=provider.settle,
        given=lambda: sum(given.values()),
        paid=webhook("paid"),
        refunded=webhook("refunded"),
        refund_failed=webhook("refund-failed"),
        other=lambda: sealed(SECRET, b'{"kind": "something else"}'),
    )


def _stripe_rig(url: str, *, pay: Callable[[Purchase], Any], given: Callable[[], int], remembers: bool) -> Rig:
    def adapter(api: str) -> PaymentProvider:
        keys = {"stripe_secret_key": stripe.KEY, "stripe_webhook_secret": stripe.WEBHOOK_SECRET}
        return chosen(settings(payment_providers="stripe", stripe_api=api, **keys))[0]

    def webhook(kind: str, content: Callable[..., dict[str, Any]]) -> Callable[..., Delivery]:
        def make(
            purchase: Purchase, amount: int | None = None, *, by_thief: bool = False, at: int | None = None
        ) -> Delivery:
            due = purchase.amount_fen if amount is None else amount
            secret = "a thief's" if by_thief else stripe.WEBHOOK_SECRET
            return Delivery(*stripe.webhook(kind, content(purchase, due), secret=secret, at=at))

        return make

    return Rig(
        provider=adapter(url),
        away=adapter(NOBODY),
        secrets=(stripe.KEY, stripe.WEBHOOK_SECRET),
        token=None,
        remembers=remembers,
        pay=pay,
        given=given,
        paid=webhook("payment_intent.succeeded", stripe.succeeded),
        refunded=webhook("charge.refunded", stripe.refunded),
        refund_failed=webhook("refund.failed", stripe.refund_failed),
        other=lambda: Delivery(*stripe.webhook("customer.created", {"id": "cus_1", "object": "customer"})),
    )


@contextmanager
def stripe_rig() -> Iterator[Rig]:
    """Stripe's adapter at a gateway of our own, which remembers."""
    account = stripe.Stripe()
    with closing(account.web):
        yield _stripe_rig(
            account.web.url,
            pay=lambda purchase: account.pay(purchase.order_id),
            given=lambda: sum(one["amount"] for one in account.refunds),
            remembers=True,
        )


@contextmanager
def stripe_mock_rig() -> Iterator[Rig]:
    """Stripe's adapter at Stripe's own mock server, which checks and forgets."""
    program, port = _stripe_mock(), free_port()
    url = f"http://127.0.0.1:{port}"
    mock = subprocess.Popen([program, "-http-addr", f"127.0.0.1:{port}"], stdout=subprocess.DEVNULL)
    try:
        eventually(lambda: _answers(port), within=20)
        yield _stripe_rig(url, pay=lambda _: None, given=lambda: 0, remembers=False)
    finally:
        mock.terminate()
        mock.wait()


def _stripe_mock() -> Path:
    """Where stripe-mock is; built there if it is not and Go is at hand."""
    if not (program := BIN / "stripe-mock").exists():
        if (go := which("go")) is None:
            pytest.skip("stripe-mock is not built, and there is no Go to build it with")
        built = subprocess.run(
            [go, "install", STRIPE_MOCK], env={**os.environ, "GOBIN": str(BIN)}, capture_output=True, text=True
        )
        if built.returncode:
            pytest.skip(f"stripe-mock could not be built: {built.stderr[-300:]}")
    return program


def _answers(port: int) -> bool:
    with socket.socket() as knocking:
        return knocking.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def wechatpay_rig() -> Iterator[Rig]:
    """WeChat Pay's adapter at a gateway of our own: the provider publishes no mock."""
    merchant = wechatpay.WeChat()

    def adapter(api: str) -> PaymentProvider:
        return chosen(settings(payment_providers="wechatpay", wechatpay_api=api, **wechatpay.account()))[0]

    def webhook(kind: str, content: Callable[..., dict[str, Any]]) -> Callable[..., Delivery]:
        def make(
            purchase: Purchase, amount: int | None = None, *, by_thief: bool = False, at: int | None = None
        ) -> Delivery:
            due = purchase.amount_fen if amount is None else amount
            by = "thief" if by_thief else "wechatpay"
            return Delivery(*wechatpay.webhook(kind, content(purchase, due), by=by, at=at))

        return make

    with closing(merchant.web):
        yield Rig(
            provider=adapter(merchant.web.url),
            away=adapter(NOBODY),
            secrets=(wechatpay.APIV3_KEY, wechatpay.private_pem("merchant")),
            token=None,
            remembers=True,
            pay=lambda purchase: merchant.pay(purchase.order_id),
            given=lambda: sum(one["amount"]["refund"] for one in merchant.refunds.values()),
            paid=webhook("TRANSACTION.SUCCESS", wechatpay.succeeded),
            refunded=webhook("REFUND.SUCCESS", wechatpay.refunded),
            refund_failed=webhook("REFUND.ABNORMAL", wechatpay.refund_failed),
            other=lambda: Delivery(*wechatpay.webhook("COUPON.USE", {"coupon_id": "1"})),
        )


RIGS = {"test": own_rig, "stripe": stripe_rig, "stripe-mock": stripe_mock_rig, "wechatpay": wechatpay_rig}
