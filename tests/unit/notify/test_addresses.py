"""Which addresses are taken, and that none is ever shown."""

import pytest

from chassis.refusals import Invalid
from notify.addresses import Addresses

HOSTS = {"good.example": ["93.184.216.34"], "inside.example": ["10.0.0.7"], "both.example": ["93.184.216.34", "::1"]}


def resolve(host: str) -> list[str]:
    """As the names above say; a host that is an address is itself; any other is unknown."""
    return HOSTS.get(host) or ([host] if ":" in host or host.count(".") == 3 else [])


def addresses(*schemas: str, allow_private: bool = False) -> Addresses:
    return Addresses(schemas or ("jsons", "mailtos"), allow_private, 5.0, resolve)


def refused(url: str, *schemas: str) -> Invalid:
    with pytest.raises(Invalid) as caught:
        addresses(*schemas).check(url, "$.urls[0]")
    return caught.value


@pytest.mark.parametrize(
    "url",
    [
        "jsons://good.example/hook?+X-Token=t",
        "mailtos://me:secret@good.example?to=you@good.example",
        "jsons://unknown.example",
    ],
)
def test_an_allowed_address_in_public_is_taken(url: str) -> None:
    addresses().check(url, "$.urls[0]")


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("json://good.example", "unknown-address"),
        ("file:///etc/passwd", "unknown-address"),
        ("nonsense", "unknown-address"),
        ("", "unknown-address"),
        ("jsons://", "bad-address"),
        ("mailtos://nobody", "bad-address"),
        ("jsons://good.example?method=DELETE", "bad-method"),
    ],
)
def test_an_address_that_is_not_ours_to_call_is_refused_with_what_would_be_valid(url: str, code: str) -> None:
    refusal = refused(url)
    assert (refusal.code, refusal.field) == (code, "$.urls[0]")
    assert refusal.valid


@pytest.mark.parametrize(
    "url",
    [
        "jsons://inside.example/hook",
        "jsons://both.example/hook",
        "jsons://127.0.0.1/hook",
        "jsons://169.254.169.254/latest/meta-data",
        "jsons://[::1]/hook",
        "jsons://[::ffff:10.0.0.1]/hook",
        "mailtos://me:secret@good.example?smtp=10.0.0.1&to=you@good.example",
        "mailtos://me:secret@good.example?smtp=inside.example:25&to=you@good.example",
    ],
)
def test_no_address_leads_into_a_private_network(url: str) -> None:
    assert refused(url).code == "private-address"
    addresses(allow_private=True).check(url, "$.urls[0]")


def test_a_refusal_does_not_repeat_the_address() -> None:
    refusal = refused("jsons://me:secret@inside.example/token?+X-Token=t")
    said = f"{refusal} {refusal.valid} {refusal.figures}"
    assert not any(part in said for part in ("secret", "token", "example"))


@pytest.mark.parametrize(
    "url",
    [
        "jsons://me:secret@good.example:8443/secret/path?+X-Token=secret&:key=secret",
        "mailtos://me:secret@good.example?to=secret@good.example",
    ],
)
def test_its_owner_sees_the_kind_and_the_host_and_nothing_that_opens_it(url: str) -> None:
    masked = addresses().masked(url)
    assert "good.example" in masked
    assert "secret" not in masked


def test_our_time_outs_and_no_redirects_hold_whatever_the_address_says() -> None:
    plugin = addresses().open("jsons://good.example?redirect=yes&cto=900&rto=900&retry=9")
    assert plugin is not None
    assert (plugin.redirects, plugin.request_timeout) == (False, (5.0, 5.0))


def test_a_webhook_is_told_the_id_of_the_notice() -> None:
    url = "jsons://good.example?+Idempotency-Key=theirs"
    plugin = addresses().open(url, {"Idempotency-Key": "n1"}, {"notice_id": "n1"})
    assert plugin is not None
    assert plugin.headers == {"Idempotency-Key": "n1"}
    assert plugin.payload_extras == {"notice_id": "n1"}


def test_other_kinds_of_address_are_known_to_apprise_and_taken_where_allowed() -> None:
    telegram = "tgram://123456789:abcdefg_hijklmnop/12315544/"
    addresses("tgram").check(telegram, "$.urls[0]")
    assert "hijkl" not in addresses("tgram").masked(telegram)
    assert refused(telegram).code == "unknown-address"
