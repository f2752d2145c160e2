"""What a service must be allowed: to send what it owns, to read what it reads, to set aside what it cannot digest."""

import pytest

from contracts.__main__ import main
from contracts.acls import grants
from contracts.events import EVENTS
from contracts.readers import READERS


@pytest.mark.parametrize("service", READERS)
def test_a_service_may_write_its_own_and_the_dead_letters_of_what_it_reads_and_nothing_else(service: str) -> None:
    own = {event.name for event in EVENTS.values() if event.owner == service}
    written = {each.name for each in grants() if each.service == service and "Write" in each.operations}
    assert written == own | {f"{event}.dlq" for event in READERS[service]}


@pytest.mark.parametrize("service", READERS)
def test_a_service_may_read_what_it_reads_as_its_own_group_and_nothing_else(service: str) -> None:
    read = {(each.resource, each.name) for each in grants() if each.service == service and "Read" in each.operations}
    assert read == {("group", service)} | {("topic", event) for event in READERS[service]}


def test_the_command_prints_them_for_kafkas_own_tool(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["acls"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert len(told) == len(list(grants()))
    assert "--add --allow-principal User:orders --operation Read --group orders" in told
    assert "--add --allow-principal User:orders --operation Write --operation Describe --topic order.placed" in told
