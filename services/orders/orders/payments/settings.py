"""What the payment providers must be told. Secrets come from the environment only, and are shown nowhere."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Final

from msgspec import Meta

from chassis.config import Seconds, Settings, Some, Url

NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "test": (),
    "stripe": ("stripe_secret_key", "stripe_webhook_secret"),
    "wechatpay": (
        "wechatpay_appid",
        "wechatpay_mchid",
        "wechatpay_cert_serial",
        "wechatpay_private_key",
        "wechatpay_apiv3_key",
        "wechatpay_public_key",
        "wechatpay_public_key_id",
        "wechatpay_notify_url",
    ),
}


class PaymentSettings(Settings, frozen=True, kw_only=True):
    """Which providers are on, and their accounts."""

    payment_providers: Annotated[Some, Meta(description="Names, comma-separated; the first is the default.")] = "test"
    payment_timeout_seconds: Seconds = 10.0
    payment_retry_seconds: Annotated[Seconds, Meta(description="Time before a refused refund is tried again.")] = 600.0

    payment_test_webhook_secret: str = ""

    stripe_secret_key: str = ""
    stripe_webhook_secret: str = ""
    stripe_api: Url = "https://api.stripe.com"

    wechatpay_appid: str = ""
    wechatpay_mchid: str = ""
    wechatpay_cert_serial: str = ""
    wechatpay_private_key: str = ""
    wechatpay_apiv3_key: str = ""
    wechatpay_public_key: str = ""
    wechatpay_public_key_id: str = ""
    wechatpay_notify_url: str = ""
    wechatpay_api: Url = "https://api.mch.weixin.qq.com"

    def named_providers(self) -> list[str]:
        """The providers that are on, in their order."""
        return list(dict.fromkeys(name.strip() for name in self.payment_providers.split(",") if name.strip()))

    def complaints(self) -> Iterable[str]:
        """A provider that is on lacks a secret, or there is none of that name."""
        for name in self.named_providers() or [""]:
            if name not in NEEDED:
                yield f"PAYMENT_PROVIDERS is invalid (there is no {name!r}; there are {', '.join(NEEDED)})"
            for field in NEEDED.get(name, ()):
                if not getattr(self, field):
                    yield f"{field.upper()} is missing (PAYMENT_PROVIDERS names {name})"
