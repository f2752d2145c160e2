"""Which payment providers are on: named by one setting, complained of by name, their secrets shown nowhere."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.unit.orders.gateways import wechatpay

from chassis.config import BadSettings, Settings, load
from chassis.refusals import Invalid, NotFound
from orders.payments import Providers, chosen
from orders.payments.settings import NEEDED
from orders.settings import OrdersSettings

ENOUGH = {
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
    "MONGODB_URI": "mongodb://127.0.0.1:9",
    "OIDC_ISSUER": "http://x.example",
}
STRIPE = {"STRIPE_SECRET_KEY": "sk_test_nevertobeshown", "STRIPE_WEBHOOK_SECRET": "whsec_nevertobeshown"}


def settings(**env: str) -> OrdersSettings:
    return load(OrdersSettings, {**ENOUGH, **env})


def wechatpay_env() -> dict[str, str]:
    return {name.upper(): value for name, value in wechatpay.account().items()}


def test_the_test_provider_is_on_when_nothing_is_said() -> None:
    assert [one.name for one in chosen(settings())] == ["test"]


def test_the_first_named_is_for_who_does_not_say() -> None:
    env = {"PAYMENT_PROVIDERS": "wechatpay, stripe,wechatpay", **STRIPE, **wechatpay_env()}
    providers = Providers(*chosen(settings(**env)))
    assert providers.for_buyer(None).name == "wechatpay"
    assert providers.for_buyer("stripe").name == "stripe"
    with pytest.raises(Invalid) as refused:
        providers.for_buyer("test")
    assert refused.value.valid == ["stripe", "wechatpay"]
    with pytest.raises(NotFound):
        providers.at_door("test")


@pytest.mark.parametrize("name", ["stripe", "wechatpay"])
def test_a_provider_that_is_on_lacks_nothing_unnamed(name: str) -> None:
    with pytest.raises(BadSettings) as bad:
        settings(PAYMENT_PROVIDERS=f"test,{name}")
    for field in NEEDED[name]:
        assert f"{field.upper()} is missing (PAYMENT_PROVIDERS names {name})" in str(bad.value)


@pytest.mark.parametrize("names", ["paypal", ",", "test,Stripe"])
def test_a_provider_that_does_not_exist_is_refused(names: str) -> None:
    with pytest.raises(BadSettings, match="PAYMENT_PROVIDERS is invalid"):
        settings(PAYMENT_PROVIDERS=names)


def test_a_key_that_is_none_stops_the_start() -> None:
    env: dict[str, Any] = {"PAYMENT_PROVIDERS": "wechatpay", **wechatpay_env(), "WECHATPAY_PRIVATE_KEY": "no key"}
    with pytest.raises(Exception, match="failed to load private key"):
        chosen(settings(**env))


def test_the_service_does_not_start_without_a_secret_and_says_which() -> None:
    env = {**os.environ, **ENOUGH, "PAYMENT_PROVIDERS": "stripe", "STRIPE_SECRET_KEY": STRIPE["STRIPE_SECRET_KEY"]}
    ended = subprocess.run([sys.executable, "-m", "orders"], env=env, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1] == "orders: STRIPE_WEBHOOK_SECRET is missing (PAYMENT_PROVIDERS names stripe)"
    assert "nevertobeshown" not in ended.stderr + ended.stdout


def test_every_setting_stands_in_the_readme() -> None:
    readme = (Path(__file__).parents[3] / "services/orders/README.md").read_text()
    ours = set(OrdersSettings.__struct_fields__) - set(Settings.__struct_fields__)
    assert {name.upper() for name in ours if f"`{name.upper()}`" not in readme} == set()
