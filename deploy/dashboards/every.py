"""All dashboards, as the JSON that Grafana takes."""

import json
from collections.abc import Callable
from typing import Any, Final

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards.board import DOCS
from dashboards.events import events
from dashboards.live_sale import live_sale
from dashboards.logistics import logistics
from dashboards.orders_engine import orders_engine
from dashboards.services import services
from dashboards.slos import slos

ALL: Final[tuple[Callable[[str], Dashboard], ...]] = (live_sale, orders_engine, events, services, logistics, slos)


def documents(docs: str = DOCS) -> dict[str, str]:
    """The text of each dashboard by its uid, as it is committed. `docs`: where this repository is read."""
    built = [make(docs).build() for make in ALL]
    return {str(one.uid): json.dumps(one, cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n" for one in built}


def parsed(docs: str = DOCS) -> dict[str, dict[str, Any]]:
    """The same as Grafana reads it."""
    return {uid: json.loads(text) for uid, text in documents(docs).items()}
