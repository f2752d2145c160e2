"""What spans say: attributes of the semantic conventions for HTTP and messaging, and our own, `shanhuo.*`.

Ids only. Never a name, an address, a token, a query or a header: these may say who somebody is. Pure.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from contracts.codec import Event, Record
from contracts.events import EVENTS

About = Mapping[str, str | Sequence[str]]
NO_ROUTE: Final = "none"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_IDS: Final = ("order_id", "order_ids", "parcel_id", "allotment_id", "show_id", "item_id", "entry_id", "preorder_id")


def method(environ: Mapping[str, Any]) -> str:
    """How a span of the request begins to be called."""
    asked: str = environ["REQUEST_METHOD"]
    return asked if asked in _METHODS else "HTTP"


def answer(environ: Mapping[str, Any], route: str, status: int) -> dict[str, str | int]:
    """How a request was answered: by its route. The path itself may hold what somebody can redeem, a coupon's code."""
    asked = environ["REQUEST_METHOD"]
    said: dict[str, str | int] = {
        "http.request.method": asked if asked in _METHODS else "_OTHER",
        "url.scheme": environ["wsgi.url_scheme"],
        "http.response.status_code": status,
    }
    if route != NO_ROUTE:
        said["http.route"] = route
    return said


def sent(item: Record) -> dict[str, str]:
    """That an event was published."""
    key = EVENTS[item.type].key
    about = {f"shanhuo.{key}": item.key} if key in _IDS else {}
    return _messaging("send", item.type, item.id) | about


def handled(message: Any, event: Event, group: str | None) -> dict[str, Any]:
    """That an event was handled, where it stood, and which of our things it speaks of."""
    about = {name: value for name in _IDS if (value := getattr(event.data, name, None))}
    where = {
        "messaging.destination.partition.id": str(message.partition),
        "messaging.kafka.offset": message.offset,
    } | ({"messaging.consumer.group.name": group} if group else {})
    return _messaging("process", event.type, event.id) | where | about_ids(about)


def _messaging(operation: str, topic: str, event_id: str) -> dict[str, str]:
    return {
        "messaging.system": "kafka",
        "messaging.destination.name": topic,
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.message.id": event_id,
        "cloudevents.event_type": topic,
    }


def about_ids(about: About) -> dict[str, Any]:
    """Which of our things it is about."""
    return {f"shanhuo.{name}": value for name, value in about.items()}
