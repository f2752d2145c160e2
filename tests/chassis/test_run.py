"""Starting and ending a service: what it says, and the code it ends with."""

import json
import signal
from collections.abc import Callable

import pytest

from chassis.testing import patience
from stack.services import Service

StartSample = Callable[..., Service]


def test_missing_and_wrong_settings_stop_the_start_in_one_line_that_names_them(start_sample: StartSample) -> None:
    service = start_sample(ready=False, MONGODB_URI="", MAX_WORKERS="s3cret")
    assert service.process.process.wait(20) == 2
    (line,) = service.log().splitlines()
    assert line.startswith("sample: ")
    assert "MONGODB_URI is missing" in line
    assert "MAX_WORKERS is invalid" in line
    assert "s3cret" not in line


def test_an_address_that_is_taken_ends_the_service_with_its_reason(sample: Service, start_sample: StartSample) -> None:
    service = start_sample(ready=False, HTTP_BIND=sample.url.removeprefix("http://"))
    assert service.process.process.wait(20) == 1
    assert "Address already in use" in json.loads(service.log().splitlines()[-1])["exception"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_service_at_once_and_with_code_0(start_sample: StartSample, number: signal.Signals) -> None:
    service = start_sample(SHUTDOWN_GRACE_SECONDS="60")
    service.process.process.send_signal(number)
    assert service.process.process.wait(5 * patience()) == 0


def test_a_bug_ends_the_service_with_code_1_and_its_reason(start_sample: StartSample) -> None:
    service = start_sample(ready=False, BUG_AFTER_SECONDS="0.1")
    assert service.process.process.wait(20) == 1
    assert "a bug" in json.loads(service.log().splitlines()[-1])["exception"]


def test_a_bug_ends_the_service_also_when_something_hangs_while_it_is_killed(start_sample: StartSample) -> None:
    service = start_sample(ready=False, BUG_AFTER_SECONDS="0.1", STUCK_SECONDS="3600", SHUTDOWN_GRACE_SECONDS="0.5")
    assert service.process.process.wait(20) == 1
    assert "it ends here" in service.log()
