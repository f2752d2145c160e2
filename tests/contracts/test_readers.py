"""The list of who reads which event is what the services' doors declare."""

import importlib
import inspect

import pytest
from nameko.extensions import ENTRYPOINT_EXTENSIONS_ATTR

from chassis.kafka import Consume
from contracts.events import EVENTS
from contracts.readers import READERS


@pytest.mark.parametrize("service", READERS)
def test_a_service_reads_what_the_contracts_say(service: str) -> None:
    module = importlib.import_module(f"{service}.service")
    handlers = inspect.getmembers(getattr(module, f"{service.capitalize()}Service"), inspect.isfunction)
    doors = [door for _, handler in handlers for door in getattr(handler, ENTRYPOINT_EXTENSIONS_ATTR, ())]
    assert READERS[service] == {topic for door in doors if isinstance(door, Consume) for topic in door.topics}


def test_every_owner_is_a_service_of_ours_or_the_platforms_that_sell_for_us() -> None:
    assert {event.owner for event in EVENTS.values()} <= {*READERS, "channels"}
