"""Files of flags: read as flagd reads them, and refused in one line that says which flag and why."""

import json
from typing import Any

import pytest

from chassis import faults, flags
from chassis.flags import BadFlags

ON = {"share": 0.5, "seconds": 3}
OFF = {"share": 0}


def file(name: str = "poison-event", **flag: Any) -> bytes:
    whole = {"state": "ENABLED", "variants": {"on": ON, "off": OFF}, "defaultVariant": "off"} | flag
    return json.dumps({"$schema": "https://flagd.dev/schema/v0/flags.json", "flags": {name: whole}}).encode()


def chosen(targeting: Any, **about: str) -> str:
    flag = flags.read(file(targeting=targeting))["poison-event"]
    return flag.variant(flags.compiled(flag.targeting), about)


def test_without_a_rule_everybody_gets_the_default_variant() -> None:
    assert chosen({}, service="orders") == "off"


def test_a_rule_chooses_by_who_asks() -> None:
    rule = {"if": [{"==": [{"var": "service"}, "notify"]}, "on", None]}
    assert chosen(rule, service="notify") == "on"
    assert chosen(rule, service="orders") == "off"
    assert chosen(rule) == "off"


def test_rules_are_put_together_from_and_or_not_in_and_further_ifs() -> None:
    rule = {
        "if": [
            {
                "and": [
                    {"in": [{"var": "topic"}, ["order.placed", "order.paid"]]},
                    {"!": {"==": [{"var": "service"}, "a"]}},
                ]
            },
            "on",
            {"or": [{"!=": [{"var": "service"}, "a"]}, {"==": [{"var": "topic"}, "x"]}]},
            {"if": [{"==": [{"var": "topic"}, "y"]}, "off", "on"]},
            "off",
        ]
    }
    assert chosen(rule, service="b", topic="order.paid") == "on"
    assert chosen(rule, service="a", topic="order.paid") == "off"
    assert chosen(rule, service="b", topic="y") == "off"
    assert chosen(rule, service="b", topic="z") == "on"
    assert chosen(rule, service="a", topic="x") == "on"


def test_a_disabled_flag_is_its_default_variant_and_nobody_meets_it() -> None:
    said = file(state="DISABLED", defaultVariant="on", targeting={"if": [{"var": "service"}, "on"]})
    assert faults.read(said).live == {}


def test_a_flag_that_only_a_rule_turns_on_is_live() -> None:
    assert "poison-event" in faults.read(file(targeting={"if": [{"==": [{"var": "service"}, "a"]}, "on"]})).live
    assert faults.read(file()).live == {}


def test_names_that_are_no_faults_are_told_and_the_rest_is_taken() -> None:
    said = json.loads(file(defaultVariant="on"))
    said["flags"]["new-checkout"] = said["flags"]["poison-event"]
    read = faults.read(json.dumps(said).encode())
    assert (list(read.live), read.unknown) == (["poison-event"], ["new-checkout"])


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"", "truncated"),
        (b"not json", "malformed"),
        (b"\xff\xfe", "malformed"),
        (b"[]", "Expected `object`"),
        (b'{"flags": []}', "flags"),
        (b'{"flags": {"a": {"targeting": ' + b'{"if": [1, ' * 5_000, "depth|recursion|truncated|malformed"),
        (b" " * 70_000, "larger than 65536 bytes"),
        (file(state="on"), "state"),
        (file(defaultVariant="half"), "poison-event: defaultVariant is none of on, off"),
        (file(variants={}), "variants"),
        (file(variants={"off": True}), "variants"),
        (file(variants={"off": {"share": 2}}), "poison-event: .*share"),
        (file(variants={"off": {"share": 0, "per_cent": 5}}), "poison-event: .*per_cent"),
        (file(variants={"off": {"share": 1, "seconds": 3600}}), "poison-event: .*seconds"),
        (file(targeting={"fractional": ["on", 50]}), "poison-event: targeting begins with `if`"),
        (file(targeting={"if": [{"fractional": []}, "on"]}), "targeting knows if, .*; not fractional"),
        (file(targeting={"if": [{"==": [1]}, "on"]}), "== takes from 2 to 2"),
        (file(targeting={"if": [True, "half"]}), "targeting names another variant than on, off"),
        (file(targeting={"if": [True, ["on"], "off"]}), "targeting names another variant than on, off"),
        (file(targeting={"if": [True, {"var": "service"}]}), "poison-event: "),
    ],
)
def test_what_is_no_file_of_flags_is_refused_with_the_reason(said: bytes, why: str) -> None:
    with pytest.raises(BadFlags, match=why) as refused:
        faults.read(said)
    assert "\n" not in str(refused.value)


def test_every_fault_may_be_flagged() -> None:
    whole = {"state": "ENABLED", "variants": {"on": ON, "off": OFF}, "defaultVariant": "on"}
    said = faults.read(json.dumps({"flags": dict.fromkeys(faults.NAMES, whole)}).encode())
    assert set(said.live) == set(faults.NAMES)
    assert said.unknown == []
