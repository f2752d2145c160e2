"""What the gauges say of live shows: the viewers of each channel, and an end to what others name."""

from typing import Any

from tests.scraped import here, series, value

from broadcast.service import BroadcastService
from broadcast.shows import Show, Watching
from contracts import metrics as declared

from .stages import a_show


class OnAir:
    """A store of these live shows."""

    def __init__(self, *shows: Show) -> None:
        self._shows = list(shows)

    def live(self) -> list[Show]:
        return self._shows


def measured(*shows: Show) -> dict[tuple[str, ...], float]:
    service: Any = BroadcastService()
    service.store = OnAir(*shows)
    service.measure()
    return series(here(), declared.VIEWERS)


def watched(**viewers: int) -> Show:
    return a_show(state="live", audience={name: Watching(viewers=many, peak=many) for name, many in viewers.items()})


def test_a_channels_viewers_are_those_of_all_live_shows_and_go_when_it_does() -> None:
    assert measured(watched(web=3, youku=4), watched(web=5)) == {("web",): 8, ("youku",): 4}
    assert measured(watched(web=2)) == {("web",): 2}
    assert measured() == {}
    assert value(here(), declared.SHOWS_LIVE) == 0


def test_ten_thousand_made_up_channels_are_a_few_hundred_series() -> None:
    crowd = {f"made-up-{number}": 1 for number in range(10_000)}
    counted = measured(watched(**crowd))
    assert len(counted) <= 201
    assert sum(counted.values()) == 10_000
