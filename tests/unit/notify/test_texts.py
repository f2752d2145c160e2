"""Every kind of notice has its words in both languages, and no place in them stays empty."""

import itertools
from typing import Any, get_args

import pytest
from tests.unit.notify.facts import event

from contracts.events import AllotmentClosed, OrderCancelled, OrderPaid, ParcelDelivered, ParcelShipped, WaitlistOffered
from contracts.types import CancelReason
from notify.domain import KINDS, LANGUAGES, TOLD, Language, Telling, tell
from notify.texts import Unspeakable, clock, preferred, speak, yuan

REASONS = get_args(get_args(CancelReason)[0])  # the Literal inside its Annotated
_VARIANTS: dict[Any, list[dict[str, Any]]] = {
    OrderCancelled: [{"reason": reason, "refund_fen": fen} for reason in REASONS for fen in (0, 7980)],
    OrderPaid: [{"quantity": units} for units in (1, 2)],
    AllotmentClosed: [
        {"revision": revision, "slot": slot, "sold": 100 - returned, "returned": returned}
        for revision, slot, returned in itertools.product((1, 2), (None, 3), (0, 1, 10))
    ],
    ParcelShipped: [{"order_ids": ("o1",)}, {"order_ids": ("o1", "o2")}],
    ParcelDelivered: [{"order_ids": ("o1",)}, {"order_ids": ("o1", "o2")}],
}


def tellings() -> list[Telling]:
    """Every telling of every event, in every variant that its texts tell apart."""
    events = [event(cls, **changed) for cls in TOLD for changed in _VARIANTS.get(cls, [{}])]
    return [telling for each in events for telling in tell(each)]


def test_the_tests_know_every_kind() -> None:
    assert {telling.kind for telling in tellings()} == set(KINDS)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("telling", tellings(), ids=lambda telling: f"{telling.kind}-{telling.recipient}")
def test_every_kind_speaks_both_languages_with_every_place_filled(telling: Telling, language: Language) -> None:
    said = speak(telling.kind, telling.params, language)
    for part in said:
        assert part.strip()
        assert not set(part) & set("{}$")
        assert "None" not in part
    chinese = any("\u4e00" <= letter <= "\u9fff" for letter in said.text)
    assert chinese == (language == "zh")


def test_a_missing_figure_is_an_error_and_never_half_a_sentence() -> None:
    with pytest.raises(Unspeakable, match="order-paid in en"):
        speak("order-paid", {}, "en")


def test_money_is_shown_in_yuan_and_time_as_in_china() -> None:
    (paid,) = tell(event(OrderPaid, amount_fen=3990))
    for language in LANGUAGES:
        said = speak(paid.kind, paid.params, language).text
        assert "¥39.90" in said
        assert "2018-12-03 20:00" in said
    assert yuan(5) == "¥0.05"
    assert yuan(123456789) == "¥1,234,567.89"
    assert clock("2018-12-03T16:30:00+00:00") == "2018-12-04 00:30"


def test_one_is_not_many() -> None:
    (one,) = tell(event(OrderPaid, quantity=1))
    (many,) = tell(event(OrderPaid, quantity=3))
    assert "one Xiuwen kiwifruit" in speak("order-paid", one.params, "en").text
    assert "3 × Xiuwen kiwifruit" in speak("order-paid", many.params, "en").text


def test_an_offer_says_what_it_costs_and_until_when() -> None:
    (offer,) = tell(event(WaitlistOffered))
    for language in LANGUAGES:
        said = speak(offer.kind, offer.params, language)
        assert "¥79.80" in said.text
        assert "2018-12-03 20:10" in said.title


def test_a_lapsed_order_does_not_promise_money_back() -> None:
    (lapsed,) = tell(event(OrderCancelled, reason="expired", refund_fen=0))
    assert "not paid in time" in speak(lapsed.kind, lapsed.params, "en").text
    assert "¥" not in speak(lapsed.kind, lapsed.params, "en").text


def test_the_reader_language_is_the_first_that_we_speak() -> None:
    assert preferred(["fr", "en-GB", "zh"]) == "en"
    assert preferred(["zh-Hant-TW"]) == "zh"
    assert preferred(["fr"], "en") == "en"
    assert preferred([]) == "zh"
