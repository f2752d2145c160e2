"""The suite can fail: a lost, a doubled and an oversold order end in their counts, the closing line and exit code 1."""

from collections.abc import Callable

import msgspec
import pytest
from tests.chaos.judge import Verdict, verdict
from tests.chaos.ledger import Ledger, Manners
from tests.chaos.report import closing, exit_code, totals, troubles
from tests.chaos.run import Round
from tests.unit.evening.small_evening import small_evening

from evening.audit import Evidence, judge

Spoil = Callable[[Evidence], object]
WELL = Manners(asked=100, refused=3, unanswered=1, stall=2.0)


def judged(spoil: Spoil = lambda _: None) -> Verdict:
    evidence = small_evening()
    spoil(evidence)
    return verdict(evidence, judge(evidence))


def a_round(found: Verdict | None, trouble: str = "") -> Round:
    return Round(1, "kill-orders", 2.5, 9.0, 1, found, WELL, trouble)


def lose(evidence: Evidence) -> None:
    """The order that was promised is gone, and the stock says so too."""
    evidence.orders.pop(0)


def double(evidence: Evidence) -> None:
    """The same request became two orders."""
    evidence.orders.append(evidence.orders[0])


def oversell(evidence: Evidence) -> None:
    """More was sold than was offered."""
    evidence.allotments[0] = msgspec.structs.replace(evidence.allotments[0], sold=11)


def forget(evidence: Evidence) -> None:
    """An event never reached the one who tells people."""
    evidence.notices.pop(0)


def test_a_whole_evening_is_a_good_verdict() -> None:
    found = judged()
    assert found.holds
    assert (found.acknowledged, found.lost, found.oversold, found.doubled, found.wrong) == (1, 0, 0, 0, ())
    assert exit_code([a_round(found)], found, []) == 0


@pytest.mark.parametrize(
    ("spoil", "count"), [(lose, "lost"), (double, "doubled"), (oversell, "oversold"), (forget, "lost")]
)
def test_what_is_spoilt_is_counted_told_and_ends_in_exit_code_1(spoil: Spoil, count: str) -> None:
    found = judged(spoil)
    assert not found.holds
    assert getattr(found, count) > 0
    rounds = [a_round(found)]
    line = closing(7, 182.4, rounds, None, kills=12)
    assert line.startswith("chaos: seed 7, 3:02 min, 1 faults, 12 kills, 1 acknowledged, ")
    assert f"{getattr(found, count)} {count}" in line
    assert exit_code(rounds, judged(), troubles(rounds, None, (), ())) == 1


def test_what_is_found_only_at_the_end_counts_too() -> None:
    late = judged(lose)
    rounds = [a_round(judged())]
    assert totals(rounds, late)["lost"] == late.lost
    assert exit_code(rounds, late, troubles(rounds, late, (), ())) == 1


def test_who_does_not_come_back_fails_the_run_though_nothing_is_lost() -> None:
    rounds = [a_round(None, trouble="not recovered after 60 s: orders-2 not ready")]
    assert troubles(rounds, None, (), ()) == ["kill-orders (round 1): not recovered after 60 s: orders-2 not ready"]
    assert exit_code(rounds, None, troubles(rounds, None, (), ())) == 1


def test_without_a_last_look_nobody_is_told_that_nothing_was_lost() -> None:
    assert closing(7, 60.0, [a_round(judged())], None, kills=1).endswith(
        "1 acknowledged, ? lost, ? oversold, ? doubled"
    )
    line = closing(7, 60.0, [a_round(judged(lose))], None, kills=1, promised=12)
    assert "12 acknowledged, at least " in line
    assert exit_code([a_round(judged())], None, []) == 1


def test_a_run_without_rounds_has_shown_nothing() -> None:
    assert exit_code([], judged(), []) == 1


@pytest.mark.parametrize(
    ("status", "media_type", "settles", "rude"),
    [
        (201, "application/json", True, False),
        (409, "application/problem+json", True, False),
        (503, "application/problem+json", False, False),
        (503, "text/plain", False, True),
        (504, "application/problem+json", False, True),
        (500, "application/problem+json", False, True),
        (401, "application/problem+json", False, True),
        (0, "", False, False),
    ],
)
def test_callers_may_be_put_off_politely_and_not_otherwise(
    status: int, media_type: str, settles: bool, rude: bool
) -> None:
    ledger = Ledger()
    assert ledger.heard("orders: POST /orders", status, media_type) is settles
    assert bool(ledger.rude) is rude
    found = troubles([a_round(judged())], None, ledger.rude, ())
    assert exit_code([a_round(judged())], judged(), found) == int(rude)


def test_a_death_that_nobody_ordered_fails_the_run() -> None:
    rounds = [a_round(judged())]
    assert exit_code(rounds, judged(), troubles(rounds, None, (), ["orders-2 ended by itself with exit code 1"])) == 1
