"""Every fault is seen on a dashboard's panel and caught by an alert while it is on, and by neither in peace.

On a real Prometheus, under the load that Locust makes. All four are on at once, each where it hides no other.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chassis.faults import NAMES
from watch.drill import EVERY, HASTE, Caught, Flags, Verdict, drill, settings
from watch.prometheus import NotInstalledError
from watch.run import watched

pytestmark = pytest.mark.timeout(420)


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Verdict]]:
    """Peace, all faults, and peace again: it does not end before what stood still was read."""
    folder: Path = tmp_path_factory.mktemp("drill")
    flags = Flags(folder / "flags.json")
    try:
        with watched(folder, settings(flags), haste=HASTE) as here:
            yield {one.caught.fault: one for one in drill(here, flags).verdicts}
    except NotInstalledError as missing:
        pytest.skip(str(missing))


def test_every_fault_there_is_is_drilled() -> None:
    assert sorted(one.fault for one in EVERY) == sorted(NAMES)


@pytest.mark.parametrize("caught", EVERY, ids=lambda one: one.fault)
def test_a_fault_is_seen_on_its_panel_and_not_in_peace(verdicts: dict[str, Verdict], caught: Caught) -> None:
    assert verdicts[caught.fault].seen, verdicts[caught.fault]


@pytest.mark.parametrize("caught", EVERY, ids=lambda one: one.fault)
def test_a_fault_is_caught_by_its_alert_and_not_in_peace(verdicts: dict[str, Verdict], caught: Caught) -> None:
    assert verdicts[caught.fault].alerted, verdicts[caught.fault]
