"""Where an evening takes place: the doors of the services, the engines behind them, who mints tokens. Starts nothing.

Either a stack of this machine's own (`of`), or a system that runs elsewhere and that the environment names (`named`).
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from evening.stage import Mint
from stack.minting import minted_by

if TYPE_CHECKING:
    from stack.local import Stack

NAMES: Final = ("catalog", "broadcast", "orders", "notify")
_ENGINES: Final = ("KAFKA_BOOTSTRAP_SERVERS", "MONGODB_URI", "OIDC_ISSUER")


class Unnamed(Exception):
    """Something that must be known is not in the environment; the text says what."""


@dataclass(frozen=True)
class House:
    """`databases` and `groups` are the services' own; `check` raises what has died, where that can be seen."""

    urls: Mapping[str, str]
    databases: Mapping[str, str]
    groups: Mapping[str, str]
    kafka: str
    mongodb: str
    mint: Mint
    check: Callable[[], None] = lambda: None


def of(stack: "Stack") -> House:
    """A stack that was launched here."""
    return House(
        urls={service.name: service.url for service in stack.services},
        databases={service.name: service.database for service in stack.services},
        groups={service.name: service.env["KAFKA_GROUP"] for service in stack.services},
        kafka=stack.engines.kafka,
        mongodb=stack.engines.mongodb,
        mint=stack.issuer.token,
        check=stack.check,
    )


def named(env: Mapping[str, str] = os.environ) -> House:
    """What the environment names: ORDERS_URL and so on (`http://orders:8000` if not), the engines, the issuer.

    The issuer must be the one for local trial: who plays an evening is everybody in turn.
    """
    if missing := [name for name in _ENGINES if not env.get(name)]:
        raise Unnamed(f"{', '.join(missing)} must be set")
    own = {name: name for name in NAMES}
    return House(
        urls={name: env.get(f"{name.upper()}_URL") or f"http://{name}:8000" for name in NAMES},
        databases=own,
        groups=own,
        kafka=env["KAFKA_BOOTSTRAP_SERVERS"],
        mongodb=env["MONGODB_URI"],
        mint=minted_by(env["OIDC_ISSUER"]),
    )
