"""The locks that images are made from: what the tests have, checked by hash, from nowhere in particular."""

import re
from pathlib import Path

import pytest
import yaml

from images.services import ISSUER, SERVICES
from images.wheels import ROOT

LOCKS = [*(f"services/{own.name}/requirements.txt" for own in SERVICES), *(
    f"deploy/engines/{name}/requirements.txt" for name in ("issuer", "mongodb")
)]  # fmt: skip


def pinned(path: str) -> dict[str, str]:
    """Each package's version as the lock says it, with the conditions under which it is wanted."""
    lines = re.findall(r"^([a-z0-9._-]+)==([^\s;\\]+)", (ROOT / path).read_text(), flags=re.MULTILINE)
    return dict(lines)


@pytest.mark.parametrize("lock", LOCKS)
def test_an_image_has_the_versions_that_the_tests_have(lock: str) -> None:
    tested = pinned("requirements.txt")
    assert pinned(lock)
    assert {name: version for name, version in pinned(lock).items() if tested.get(name) != version} == {}


@pytest.mark.parametrize("lock", LOCKS)
def test_everything_in_a_lock_has_a_hash_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "//" not in text
    entries = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)[1:]
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_a_service_has_no_other_services_libraries() -> None:
    catalog = set(pinned("services/catalog/requirements.txt"))
    assert "stripe" in pinned("services/orders/requirements.txt")
    assert "apprise" in pinned("services/notify/requirements.txt")
    assert not catalog & {"stripe", "wechatpayv3", "apprise", "pytest", "confluent-kafka", "setuptools"}


def test_compose_names_the_versions_that_are_built() -> None:
    text = Path(ROOT / "deploy/compose.yaml").read_text()
    services = yaml.safe_load(text)["services"]
    for own in (*SERVICES, ISSUER):
        assert services[own.name]["image"] == f"${{{own.variable}:-{own.image}}}"
