"""What each chart may tell its program: the names of its settings, from the classes that read them."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any, Final
from warnings import catch_warnings, filterwarnings

import msgspec

from chassis.engines import BrokerSettings
from contracts.readers import READERS

_DEAD_LETTERS: Final = "dead-letters"


def names() -> Iterator[tuple[str, list[str]]]:
    """Each chart with the variables that its program reads."""
    for service in READERS:
        yield service, _variables(_settings(service))
    yield _DEAD_LETTERS, _variables(BrokerSettings)


def _settings(service: str) -> Any:
    with catch_warnings():
        filterwarnings("ignore", message=r"\s*Eventlet is deprecated")  # as chassis.run has it
        return getattr(import_module(f"{service}.settings"), f"{service.capitalize()}Settings")


def _variables(settings: Any) -> list[str]:
    return sorted(field.name.upper() for field in msgspec.structs.fields(settings))
