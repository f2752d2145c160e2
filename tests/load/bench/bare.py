"""The first ceiling: a bare nameko `POST` that parses an order and answers one (`python -m bench.bare ADDRESS`).

What nameko and eventlet alone allow: no token is checked, no key remembered, nothing is written or told.
"""

import eventlet

eventlet.monkey_patch()

import json  # noqa: E402  after the patch, as in any nameko service
import logging  # noqa: E402  as above
import sys  # noqa: E402  as above

from nameko.containers import ServiceContainer  # noqa: E402  as above
from nameko.web.handlers import http  # noqa: E402  as above
from werkzeug import Request  # noqa: E402  as above

ORDER = {
    "id": "01939f2e-7a3c-7cc2-98c4-dc0c0c07398f",
    "buyer_id": "buyer-0001",
    "item_id": "520123.BENCH-0001",
    "county": "520123",
    "sku": "BENCH-0001",
    "name_zh": "修文猕猴桃",
    "name_en": "Xiuwen kiwifruit",
    "show_id": None,
    "slot": None,
    "rehearsal": False,
    "imported": False,
    "external_number": None,
    "unit_price_fen": 4980,
    "weight_g": 2500,
    "state": "placed",
    "placed_at": "2018-12-03T12:00:00.000000Z",
    "pay_by": "2018-12-03T12:15:00.000000Z",
    "paid_at": None,
    "cancelled_at": None,
    "cancel_reason": None,
    "returned_quantity": 0,
    "refunded_fen": 0,
    "parcel_id": None,
    "tracking_number": None,
    "version": 1,
}


class Bare:
    """Takes what `POST /orders` takes, answers what it answers."""

    name = "bare"

    @http("POST", "/orders")  # type: ignore[untyped-decorator]  # nameko has no types
    def place(self, request: Request) -> tuple[int, dict[str, str], str]:
        wanted = json.loads(request.get_data())
        total = wanted["quantity"] * 4980
        return 201, {"Content-Type": "application/json"}, json.dumps({**ORDER, **wanted, "total_fen": total})


def main() -> None:
    """Serve until the process is ended."""
    logging.basicConfig(level=logging.WARNING)
    container = ServiceContainer(Bare, {"WEB_SERVER_ADDRESS": sys.argv[1], "max_workers": 512})
    container.start()
    container.wait()


if __name__ == "__main__":
    main()
