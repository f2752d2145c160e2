"""Rules for drills: shorter in time, the same in all else."""

from datetime import timedelta

import pytest
from tests.unit.prometheus.promtool import promtool

from stack.rules import compressed, files, read, shorter, write_compressed


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("rate(x[5m])", "rate(x[5s])"),
        ("increase(x[1d]) > 300", "increase(x[24m]) > 300"),
        ("max_over_time(rate(x[5m])[1h:1m])", "max_over_time(rate(x[5s])[1m:1s])"),
        ("x unless x offset 1h", "x unless x offset 1m"),
        ("rate(x[5m] offset 1h)", "rate(x[5s] offset 1m)"),
        ("x offset -1h", "x offset -1m"),
        ("min_over_time(x[1h:] offset 5m)", "min_over_time(x[1m:] offset 5s)"),
        ("x @ 5 offset 1h", "x @ 5.000 offset 1m"),
        ('x{a=" offset 5m"} offset 1h', 'x{a=" offset 5m"} offset 1m'),
        ('max_over_time(x{a="[1h]"}[1h:] @ end())', 'max_over_time(x{a="[1h]"}[1m:] @ end())'),
        ("rate(x[1s])", "rate(x[17ms])"),
        ('x{path="[5m]",topic=~"a\\\\.b|1h"} > 2.5', 'x{path="[5m]",topic=~"a\\\\.b|1h"} > 2.5'),
        ('label_replace(x, "for", "5m", "a", "1h")', 'label_replace(x, "for", "5m", "a", "1h")'),
    ],
)
def test_ranges_and_offsets_shrink_and_nothing_else_does(before: str, after: str) -> None:
    assert shorter(before, 60).split() == after.split()


def test_no_range_gets_too_short_to_hold_two_samples() -> None:
    assert shorter("rate(x[5m] offset 5m)", 300, timedelta(seconds=4)) == "rate(x[4s] offset 1s)"


def test_what_was_a_time_never_becomes_none() -> None:
    assert shorter("rate(x[1s] offset 1s)", 100_000) == "rate(x[1ms] offset 1ms)"


def test_what_is_no_promql_is_refused() -> None:
    with pytest.raises(ValueError, match="unclosed"):
        shorter("rate(x[5m]", 60)


def test_a_rule_waits_shorter_and_its_group_asks_more_often() -> None:
    rule = {"alert": "Old", "expr": "x > 60", "for": "1h30m", "labels": {"severity": "warning"}}
    wait = {"record": "a:x:rate5m", "expr": "rate(x[5m])", "keep_firing_for": "10m"}
    rules = {"groups": [{"name": "g", "interval": "30s", "rules": [rule, wait]}]}
    assert compressed(rules, 60) == {
        "groups": [
            {
                "name": "g",
                "interval": "500ms",
                "rules": [
                    {**rule, "for": "1m30s"},
                    {"record": "a:x:rate5m", "expr": "rate(x[5s])", "keep_firing_for": "10s"},
                ],
            }
        ]
    }
    assert rule["for"] == "1h30m"  # what was given is left as it was


def test_our_own_rules_mean_the_same_when_nothing_is_divided() -> None:
    for path in files():
        for group in read(path)["groups"]:
            for rule in group["rules"]:
                once = shorter(rule["expr"], 1)
                assert shorter(once, 1) == once


def test_prometheus_takes_our_own_rules_compressed(tmp_path) -> None:  # type: ignore[no-untyped-def]
    written = write_compressed(files(), tmp_path / "drill", 60)
    checked = promtool("check", "rules", *written)
    assert checked.returncode == 0, checked.stdout + checked.stderr
