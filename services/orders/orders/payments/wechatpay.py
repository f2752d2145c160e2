"""WeChat Pay, API v3, by the SDK `wechatpayv3`: a QR code that the buyer scans (Native), amounts in fen.

An order's id without its dashes is its number there (`out_trade_no`, at most 32 characters), so asking twice asks for
the same trade and finding needs no memory. Answers and webhooks are signed with WeChat Pay's own key (RSA, SHA-256),
which is given to us with its id, so no certificates are fetched; what a webhook tells is enciphered with our API v3 key
(AES-GCM) besides.
"""

import hashlib
import json
import logging
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import requests
from wechatpayv3 import WeChatPay, WeChatPayType

from chassis.refusals import Unavailable
from orders.payments.interface import (
    CURRENCY,
    Charge,
    Declined,
    Forged,
    Notification,
    Paid,
    Pending,
    Purchase,
    Refund,
    RefundRefused,
)
from orders.payments.settings import PaymentSettings

_FRESH_SECONDS: Final = 300
_SECONDS: Final = r"[0-9]{1,12}"
_MOST_DESCRIBED: Final = 40  # characters; they allow 127 bytes
_OK: Final = range(200, 300)
_NOT_FOUND: Final = 404
_REFUSED: Final = range(400, 500)
_BUSY: Final = 429
_NOT_US: Final = 401
_UNPAID: Final = ("NOTPAY", "USERPAYING")
_log = logging.getLogger(__name__)


class WeChatPayProvider:
    """Payments by WeChat Pay."""

    name = "wechatpay"

    def __init__(self, settings: PaymentSettings) -> None:
        self._key_id = settings.wechatpay_public_key_id
        self._pay = WeChatPay(
            wechatpay_type=WeChatPayType.NATIVE,
            mchid=settings.wechatpay_mchid,
            private_key=_pem(settings.wechatpay_private_key),
            cert_serial_no=settings.wechatpay_cert_serial,
            apiv3_key=settings.wechatpay_apiv3_key,
            appid=settings.wechatpay_appid,
            notify_url=settings.wechatpay_notify_url,
            timeout=settings.payment_timeout_seconds,
            public_key=_pem(settings.wechatpay_public_key),
            public_key_id=self._key_id,
        )
        self._pay._core._gate_way = settings.wechatpay_api  # the SDK names its gateway nowhere else

    def decides_at_once(self, token: str | None) -> bool:
        """Never: the buyer scans a code some time later."""
        del token
        return False

    def charge(self, purchase: Purchase, token: str | None) -> Charge:
        """A QR code to scan, unless it was scanned and paid before."""
        del token  # the buyer's phone pays, not their page
        expires = {"time_expire": _rfc3339(purchase.pay_by)} if purchase.pay_by else {}
        status, answer = self._ask(
            self._pay.pay,
            description=purchase.description[:_MOST_DESCRIBED],
            out_trade_no=_number(purchase.order_id),
            amount={"total": purchase.amount_fen, "currency": CURRENCY},
            **expires,
        )
        if status in _OK:
            return Pending(kind="qr", value=answer["code_url"])
        if answer.get("code") == "ORDERPAID":
            return self.find(purchase) or Declined(reason="ORDERPAID")
        return Declined(reason=answer.get("code", ""))

    def find(self, purchase: Purchase) -> Charge | None:
        """How the trade with the order's number stands."""
        status, trade = self._ask(self._pay.query, out_trade_no=_number(purchase.order_id))
        if status == _NOT_FOUND:
            return None
        if status not in _OK:
            raise Unavailable("payment-provider-away", "The payment provider cannot say.")
        if trade["trade_state"] == "SUCCESS":
            return _paid(trade)
        return Pending(kind="wait") if trade["trade_state"] in _UNPAID else Declined(reason=trade["trade_state"])

    def close(self, purchase: Purchase) -> Charge | None:
        """Close the trade: its code can be paid no more."""
        status, _ = self._ask(self._pay.close, out_trade_no=_number(purchase.order_id))
        return Declined(reason="CLOSED") if status in _OK else self.find(purchase)

    def refund(self, refund: Refund) -> None:
        """Give back. Their refund number is made from the key; the same number again is the same refund."""
        status, answer = self._ask(
            self._pay.refund,
            transaction_id=refund.payment_id,
            out_refund_no=hashlib.sha256(refund.key.encode()).hexdigest(),
            amount={"refund": refund.amount, "total": refund.paid, "currency": refund.currency},
        )
        if status not in _OK:
            raise RefundRefused(answer.get("code", str(status)))

    def webhook(self, headers: Mapping[str, str], body: bytes) -> Notification | None:
        """A trade that was paid, or a refund that was given or failed."""
        event = self._verified(headers, body)
        read = _READERS.get(event["event_type"])
        order_id = _order_id(event["resource"]["out_trade_no"]) if read else None
        return read(event["id"], order_id, event["resource"]) if read and order_id else None

    def _verified(self, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        # The key's id is compared first: for one it does not know the SDK would go and fetch certificates.
        at = headers.get("wechatpay-timestamp", "")
        if headers.get("wechatpay-serial") != self._key_id or not re.fullmatch(_SECONDS, at):
            raise Forged("not signed with WeChat Pay's key")
        if abs(time.time() - int(at)) > _FRESH_SECONDS:
            raise Forged("signed too long ago")
        try:
            event = self._pay.callback(headers, body)
        except Exception as broken:  # the SDK raises bare Exceptions for what it cannot verify or read
            raise Forged("cannot be verified") from broken
        if not event:
            raise Forged("not signed with WeChat Pay's key")
        return dict(event)

    def _ask(self, call: Callable[..., Any], **arguments: Any) -> tuple[int, dict[str, Any]]:
        """The answer's status and content. No answer, theirs or one that somebody else signed, is an outage."""
        try:
            status, text = call(**arguments)
            answer = json.loads(text) if text else {}
        except (requests.RequestException, ValueError) as away:
            raise Unavailable("payment-provider-away", "The payment provider cannot be reached.") from away
        except Exception as forged:  # what the SDK raises when an answer's signature is wrong
            _log.error("an answer of the payment provider is not signed by it", extra={"provider": self.name})
            raise Unavailable("payment-provider-away", "The payment provider's answer cannot be believed.") from forged
        if status == _NOT_US:
            _log.error(
                "WeChat Pay does not take our signature: somebody must look", extra={"reason": answer.get("code")}
            )
        if status not in _OK and (status not in _REFUSED or status in (_BUSY, _NOT_US)):
            raise Unavailable("payment-provider-away", "The payment provider cannot be reached.")
        return status, answer


def _number(order_id: str) -> str:
    return UUID(order_id).hex


def _order_id(number: str) -> str | None:
    """Whose trade it is; None when it is no order of ours, but something else that the merchant sells."""
    try:
        return str(UUID(number))
    except ValueError:
        return None


def _pem(text: str) -> str:
    """A key as a variable holds it: its lines may be separated by a written \\n."""
    return text.replace("\\n", "\n")


def _rfc3339(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _paid(trade: Mapping[str, Any]) -> Paid:
    amount = trade["amount"]
    return Paid(payment_id=trade["transaction_id"], amount=amount["total"], currency=amount.get("currency", CURRENCY))


def _succeeded(event_id: str, order_id: str, trade: Mapping[str, Any]) -> Notification:
    paid = _paid(trade)
    return Notification(
        event_id=event_id,
        order_id=order_id,
        kind="paid",
        payment_id=paid.payment_id,
        amount=paid.amount,
        currency=paid.currency,
    )


def _refunded(event_id: str, order_id: str, refund: Mapping[str, Any]) -> Notification:
    return Notification(
        event_id=event_id,
        order_id=order_id,
        kind="refunded" if refund["refund_status"] == "SUCCESS" else "refund-failed",
        payment_id=refund["transaction_id"],
        amount=refund["amount"]["refund"],
    )


_READERS: Final[Mapping[str, Callable[[str, str, Mapping[str, Any]], Notification]]] = {
    "TRANSACTION.SUCCESS": _succeeded,
    "REFUND.SUCCESS": _refunded,
    "REFUND.ABNORMAL": _refunded,  # the buyer's account takes nothing
    "REFUND.CLOSED": _refunded,
}
