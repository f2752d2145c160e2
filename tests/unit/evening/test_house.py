"""Where an evening takes place, as the environment names it."""

import pytest

from evening.house import Unnamed, named

KNOWN = {
    "KAFKA_BOOTSTRAP_SERVERS": "kafka:9092",
    "MONGODB_URI": "mongodb://mongodb",
    "OIDC_ISSUER": "http://issuer:8009",
}


def test_services_are_found_by_their_names_unless_told_otherwise() -> None:
    house = named({**KNOWN, "ORDERS_URL": "http://127.0.0.1:9003"})
    assert house.urls["orders"] == "http://127.0.0.1:9003"
    assert house.urls["catalog"] == "http://catalog:8000"
    assert house.databases == house.groups == {name: name for name in ("catalog", "broadcast", "orders", "notify")}


@pytest.mark.parametrize("missing", sorted(KNOWN))
def test_what_is_not_named_is_said_by_name(missing: str) -> None:
    with pytest.raises(Unnamed, match=missing):
        named({name: value for name, value in KNOWN.items() if name != missing})
