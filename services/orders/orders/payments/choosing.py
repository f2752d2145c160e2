"""Which providers are on, by the settings. The first named is the one for who does not say."""

import logging
from collections.abc import Callable, Mapping
from typing import Final

from chassis.refusals import Invalid, NotFound
from orders.payments.interface import PaymentProvider
from orders.payments.settings import PaymentSettings
from orders.payments.test import TestProvider

_log = logging.getLogger(__name__)


class Providers:
    """The providers of one process, by name."""

    def __init__(self, *providers: PaymentProvider) -> None:
        self._by_name: Mapping[str, PaymentProvider] = {provider.name: provider for provider in providers}
        self._first = providers[0]

    def get(self, name: str) -> PaymentProvider | None:
        """The one of that name, if it is on."""
        return self._by_name.get(name)

    def for_buyer(self, method: str | None) -> PaymentProvider:
        """The one a buyer wants; the first when they do not say."""
        found = self._first if method is None else self.get(method)
        if found is None:
            raise Invalid(
                "unknown-method", "There is no such means of payment.", field="$.method", valid=sorted(self._by_name)
            )
        return found

    def at_door(self, name: str) -> PaymentProvider:
        """The one whose webhooks come to this address."""
        found = self.get(name)
        if found is None:
            raise NotFound("no-such-provider", "No such payment provider is on here.")
        return found


def _test(settings: PaymentSettings) -> PaymentProvider:
    return TestProvider(settings.payment_test_webhook_secret)


def _stripe(settings: PaymentSettings) -> PaymentProvider:
    from orders.payments.stripe import StripeProvider  # an SDK that is not used is not loaded

    return StripeProvider(
        settings.stripe_secret_key,
        settings.stripe_webhook_secret,
        settings.stripe_api,
        settings.payment_timeout_seconds,
    )


def _wechatpay(settings: PaymentSettings) -> PaymentProvider:
    from orders.payments.wechatpay import WeChatPayProvider  # as above

    return WeChatPayProvider(settings)


_MAKERS: Final[Mapping[str, Callable[[PaymentSettings], PaymentProvider]]] = {
    "test": _test,
    "stripe": _stripe,
    "wechatpay": _wechatpay,
}


def chosen(settings: PaymentSettings) -> list[PaymentProvider]:
    """The providers that the settings name, in their order. What they lack, the settings have complained of."""
    if "test" in settings.named_providers():
        _log.warning("the test payment provider is on: it takes no money")
    return [_MAKERS[name](settings) for name in settings.named_providers()]
