"""Drills: faults that strike as the file of flags says, from the next reading on, and a file that breaks nothing."""

import json
import logging
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import REGISTRY
from tests.chassis.test_config import ENOUGH

from chassis.config import BadSettings, Settings, load
from chassis.drills import Drills
from chassis.faults import Fault


def flag(default: str = "off", targeting: Any = None, share: float = 1.0) -> dict[str, Any]:
    variants = {"on": {"share": share, "seconds": 2}, "off": {"share": 0}}
    return {"state": "ENABLED", "variants": variants, "defaultVariant": default, "targeting": targeting or {}}


def write(path: Path, **flags: dict[str, Any]) -> None:
    path.write_text(json.dumps({"flags": {name.replace("_", "-"): one for name, one in flags.items()}}))


def drills(path: Path | str, service: str = "orders") -> Drills:
    """Bound by hand, as nameko would; its thread is not started."""
    made = Drills()
    settings = load(Settings, {**ENOUGH, "FAULT_FLAGS_PATH": str(path)})
    made.container = SimpleNamespace(service_name=service, config={"settings": settings})
    made.setup()
    made.expect("poison-event", "slow-payment")
    return made


def told(service: str, name: str, metric: str = "fault_flag_on") -> float | None:
    return REGISTRY.get_sample_value(metric, {"service": service, "fault": name})


def test_without_the_setting_nothing_is_ever_on_and_the_sdk_is_not_loaded() -> None:
    """In an interpreter of its own: the others here load it."""
    program = (
        "import sys; from types import SimpleNamespace as N; from chassis.drills import Drills; d = Drills();"
        "d.container = N(service_name='s', config={'settings': N(fault_flags_path='')}); d.setup(); d.start();"
        "sys.exit(bool(d.on('poison-event') or d.strikes('slow-payment') or 'openfeature' in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=False).returncode == 0


def test_a_flag_that_is_on_strikes_with_what_its_variant_says(tmp_path: Path) -> None:
    write(tmp_path / "flags", slow_payment=flag("on"))
    ours = drills(tmp_path / "flags")
    assert ours.strikes("slow-payment", provider="test") == Fault(share=1.0, seconds=2.0)
    assert ours.strikes("poison-event", topic="order.placed") is None


def test_a_flag_strikes_only_whom_its_rule_targets(tmp_path: Path) -> None:
    rule = {"if": [{"and": [{"==": [{"var": "service"}, "notify"]}, {"==": [{"var": "topic"}, "order.paid"]}]}, "on"]}
    write(tmp_path / "flags", poison_event=flag(targeting=rule))
    notify, orders = drills(tmp_path / "flags", "notify"), drills(tmp_path / "flags", "orders")
    assert notify.on("poison-event", topic="order.paid")
    assert not notify.on("poison-event", topic="order.placed")
    assert not orders.on("poison-event", topic="order.paid")


def test_a_share_strikes_about_as_often_as_it_says_and_is_counted(tmp_path: Path) -> None:
    write(tmp_path / "flags", poison_event=flag("on", share=0.3))
    ours = drills(tmp_path / "flags", "shares")
    struck = sum(ours.strikes("poison-event", topic="t") is not None for _ in range(5_000))
    assert 1_300 < struck < 1_700  # 1,500, give or take six standard deviations
    assert told("shares", "poison-event", "faults_struck_total") == struck


def test_a_changed_file_counts_from_the_next_reading_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path / "flags", poison_event=flag("off"))
    ours = drills(tmp_path / "flags", "changing")
    ours._tell()
    assert told("changing", "poison-event") == 0
    write(tmp_path / "flags", poison_event=flag("on"))
    assert not ours.on("poison-event")
    assert ours._reread()
    ours._tell()
    assert ours.on("poison-event")
    assert told("changing", "poison-event") == 1
    assert "A FAULT IS ON, on purpose: poison-event" in caplog.text
    write(tmp_path / "flags", poison_event=flag("off"))
    ours._reread()
    ours._tell()
    assert not ours.on("poison-event")
    assert told("changing", "poison-event") == 0


@pytest.mark.parametrize("broken", [None, b"", b"{", b'{"flags": {"poison-event": {}}}'])
def test_a_file_that_breaks_leaves_on_what_was_on_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, broken: bytes | None
) -> None:
    path = tmp_path / "flags"
    write(path, poison_event=flag("on"))
    ours = drills(path)
    if broken is None:
        path.unlink()
    else:
        path.write_bytes(broken)
    caplog.clear()
    assert not ours._reread()
    assert not ours._reread()
    assert ours.on("poison-event")
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "what was on stays" in caplog.text
    write(path, poison_event=flag("off"))
    assert ours._reread()
    assert not ours.on("poison-event")


def test_a_name_that_is_no_fault_is_told_once_in_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path / "flags", new_checkout=flag("on"), lost_webhooks=flag("on"))
    ours = drills(tmp_path / "flags")
    ours._reread()
    (line,) = [record.getMessage() for record in caplog.records]
    assert "no such fault: lost-webhooks, new-checkout; there are slow-payment, lost-webhook" in line


@pytest.mark.parametrize(
    ("content", "why"), [(None, "cannot be read"), ("{", "truncated"), ("[]", "Expected `object`")]
)
def test_a_service_does_not_start_with_a_file_that_is_none(tmp_path: Path, content: str | None, why: str) -> None:
    path = tmp_path / "flags"
    if content is not None:
        path.write_text(content)
    with pytest.raises(BadSettings, match=f"FAULT_FLAGS_PATH is no file of flags: .*{why}"):
        load(Settings, {**ENOUGH, "FAULT_FLAGS_PATH": str(path)})
