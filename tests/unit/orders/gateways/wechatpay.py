"""What WeChat Pay's servers do with trades and refunds, as far as an adapter may rely on it; and its webhooks.

Signs every answer with a throw-away RSA key, checks the merchant's signature of every request, and enciphers what its
webhooks tell, as API v3 prescribes.
"""

import base64
import json
import re
import time
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from tests.unit.orders.gateways.web import Asked, Web, as_json

from orders.payments import Purchase

APIV3_KEY, KEY_ID = "never-to-be-shown-32-bytes-long!", "PUB_KEY_ID_1"
_AUTHORIZATION = re.compile(r'(\w+)="([^"]*)"')


@cache
def keys() -> dict[str, rsa.RSAPrivateKey]:
    """Theirs, ours, and somebody else's; made once, thrown away at the end."""
    return {name: rsa.generate_private_key(65537, 2048) for name in ("wechatpay", "merchant", "thief")}


def private_pem(name: str) -> str:
    return keys()[name].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(name: str) -> str:
    return keys()[name].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def account() -> dict[str, str]:
    """The merchant's settings."""
    return {
        "wechatpay_appid": "wx1",
        "wechatpay_mchid": "1900000109",
        "wechatpay_cert_serial": "OURS",
        "wechatpay_private_key": private_pem("merchant").replace("\n", "\\n"),  # as one line of an environment
        "wechatpay_apiv3_key": APIV3_KEY,
        "wechatpay_public_key": public_pem("wechatpay"),
        "wechatpay_public_key_id": KEY_ID,
        "wechatpay_notify_url": "https://shop.example/payments/wechatpay/webhooks",
    }


def signature(body: bytes, *, by: str = "wechatpay", at: int | None = None) -> dict[str, str]:
    """The headers that say who sent the body, and when."""
    stamp, nonce = str(int(time.time()) if at is None else at), "nonce"
    message = f"{stamp}\n{nonce}\n".encode() + body + b"\n"
    return {
        "wechatpay-timestamp": stamp,
        "wechatpay-nonce": nonce,
        "wechatpay-serial": KEY_ID,
        "wechatpay-signature-type": "WECHATPAY2-SHA256-RSA2048",
        "wechatpay-signature": base64.b64encode(keys()[by].sign(message, PKCS1v15(), SHA256())).decode(),
    }


class WeChat:
    """One merchant's account."""

    def __init__(self) -> None:
        self.trades: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self.signs_with = "wechatpay"
        self.web = Web(self._answer)

    def pay(self, order_id: str) -> None:
        """The buyer scans the code and pays, if they still can."""
        number = UUID(order_id).hex
        if self.trades[number]["trade_state"] == "CLOSED":
            raise PermissionError("the trade was closed")
        self.trades[number] |= {"trade_state": "SUCCESS", "transaction_id": f"42{number[:26]}"}

    def _answer(self, asked: Asked) -> tuple[int, bytes, dict[str, str]]:
        status, content = (401, {"code": "SIGN_ERROR"}) if not self._is_ours(asked) else self._do(asked)
        body = as_json(content) if status != 204 else b""
        return status, body, {**signature(body, by=self.signs_with), "Content-Type": "application/json"}

    def _is_ours(self, asked: Asked) -> bool:
        said = dict(_AUTHORIZATION.findall(asked.headers["authorization"]))
        message = f"{asked.method}\n{asked.path}\n{said['timestamp']}\n{said['nonce_str']}\n".encode()
        try:
            keys()["merchant"].public_key().verify(
                base64.b64decode(said["signature"]), message + asked.body + b"\n", PKCS1v15(), SHA256()
            )
        except InvalidSignature:
            return False
        return bool(said["serial_no"] == "OURS" and said["mchid"] == "1900000109")

    def _do(self, asked: Asked) -> tuple[int, dict[str, Any]]:
        body = json.loads(asked.body or b"{}")
        match [asked.method, *urlsplit(asked.path).path.split("/")[2:]]:
            case ["POST", "pay", "transactions", "native"]:
                return self._native(body)
            case ["GET", "pay", "transactions", "out-trade-no", number]:
                return (200, self.trades[number]) if number in self.trades else (404, {"code": "ORDER_NOT_EXIST"})
            case ["POST", "pay", "transactions", "out-trade-no", number, "close"]:
                return self._close(number)
            case ["POST", "refund", "domestic", "refunds"]:
                return self._refund(body)
        return 404, {"code": "RESOURCE_NOT_EXISTS"}

    def _native(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        number = body["out_trade_no"]
        assert re.fullmatch(r"[\w|*-]{6,32}", number), number
        assert len(body["description"].encode()) <= 127
        known = self.trades.setdefault(
            number,
            {"out_trade_no": number, "amount": body["amount"], "trade_state": "NOTPAY", "expires": body["time_expire"]},
        )
        if known["trade_state"] != "NOTPAY":
            return 400, {"code": "ORDERPAID"}
        return 200, {"code_url": f"weixin://wxpay/bizpayurl?pr={number[:8]}"}

    def _close(self, number: str) -> tuple[int, dict[str, Any]]:
        known = self.trades.get(number, {"trade_state": None})
        if known["trade_state"] == "SUCCESS":
            return 400, {"code": "ORDERPAID"}
        known["trade_state"] = "CLOSED"
        return 204, {}

    def _refund(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        name, amount = body["out_refund_no"], body["amount"]
        assert re.fullmatch(r"[\w|*@-]{1,64}", name), name
        if name not in self.refunds:
            trade = next(
                (one for one in self.trades.values() if one.get("transaction_id") == body["transaction_id"]), None
            )
            if trade is None:
                return 404, {"code": "RESOURCE_NOT_EXISTS"}
            given = sum(one["amount"]["refund"] for one in self.refunds.values())
            if amount["total"] != trade["amount"]["total"] or given + amount["refund"] > amount["total"]:
                return 400, {"code": "INVALID_REQUEST"}
            self.refunds[name] = body
        return 200, {"refund_id": "50" + name[:20], "status": "PROCESSING"}


def webhook(kind: str, content: dict[str, Any], *, by: str = "wechatpay", at: int | None = None) -> Any:
    """Headers and body of a webhook: enciphered with our API v3 key, signed as WeChat Pay signs."""
    nonce, extra = b"0123456789ab", b"transaction"
    sealed = AESGCM(APIV3_KEY.encode()).encrypt(nonce, as_json(content), extra)
    resource = {
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": base64.b64encode(sealed).decode(),
        "nonce": nonce.decode(),
        "associated_data": extra.decode(),
    }
    body = as_json({"id": "EV-1", "event_type": kind, "resource_type": "encrypt-resource", "resource": resource})
    return signature(body, by=by, at=at), body


def succeeded(purchase: Purchase, amount: int | None = None, currency: str = "CNY") -> dict[str, Any]:
    """A paid trade, as `TRANSACTION.SUCCESS` tells it."""
    return {
        "out_trade_no": UUID(purchase.order_id).hex,
        "transaction_id": "42of-order",
        "trade_state": "SUCCESS",
        "amount": {"total": purchase.amount_fen if amount is None else amount, "currency": currency},
    }


def refunded(purchase: Purchase, amount: int) -> dict[str, Any]:
    """A refund, as `REFUND.SUCCESS` tells it."""
    return {
        "out_trade_no": UUID(purchase.order_id).hex,
        "transaction_id": "42of-order",
        "refund_status": "SUCCESS",
        "amount": {"total": purchase.amount_fen, "refund": amount},
    }


def refund_failed(purchase: Purchase, amount: int) -> dict[str, Any]:
    """A refund that the buyer's account does not take, as `REFUND.ABNORMAL` tells it."""
    return {**refunded(purchase, amount), "refund_status": "ABNORMAL"}
