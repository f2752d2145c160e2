"""The list of who reads which event is what the services' doors declare."""

import importlib
import inspect

import pytest
from nameko.extensions import ENTRYPOINT_EXTENSIONS_ATTR

from chassis.kafka import Consume
from contracts.events import EVENTS
from contracts.readers import READERS, shared_out


def consumers(service: str) -> list[Consume]:
    """The doors by which a service reads events."""
    module = importlib.import_module(f"{service}.service")
    handlers = inspect.getmembers(getattr(module, f"{service.capitalize()}Service"), inspect.isfunction)
    doors = [door for _, handler in handlers for door in getattr(handler, ENTRYPOINT_EXTENSIONS_ATTR, ())]
    return [door for door in doors if isinstance(door, Consume)]


@pytest.mark.parametrize("service", READERS)
def test_a_service_reads_what_the_contracts_say(service: str) -> None:
    assert READERS[service] == {topic for door in consumers(service) for topic in door.topics}


@pytest.mark.parametrize("service", READERS)
def test_its_group_reads_all_of_it_but_what_every_replica_reads_for_itself(service: str) -> None:
    grouped = {topic for door in consumers(service) if not door.everywhere for topic in door.topics}
    assert shared_out(service) == grouped


def test_every_owner_is_a_service_of_ours_or_the_platforms_that_sell_for_us() -> None:
    assert {event.owner for event in EVENTS.values()} <= {*READERS, "channels"}
