"""The town says who is not up: after as long as patience says, and whoever of its engines refused."""

from collections.abc import Callable
from types import SimpleNamespace

import httpx
import pytest
import requests
from docker.errors import APIError
from tests.chaos import town
from tests.chaos.members import Member
from tests.chaos.town import NotUp, Town


def raising(error: Exception) -> Callable[[object], None]:
    def sweep(_: object) -> None:
        raise error

    return sweep


def test_a_slow_machine_has_longer_to_be_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHANHUO_PATIENCE", "4")
    silent = SimpleNamespace(events=lambda **_: iter(()))
    waiting = Town(silent, {}, {})
    waiting.members["orders-1"] = Member("orders-1", SimpleNamespace(id="one", logs=lambda **_: b"starting"))
    with pytest.raises(NotUp, match="orders-1 is not there after 2 s; it wrote last:\nstarting"):
        waiting.wait_ready(["orders-1"], within=0.5)


def test_a_town_that_a_slow_engine_cannot_build_is_not_up(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = SimpleNamespace(events=lambda **_: iter(()))
    for error in (requests.ReadTimeout("slow"), APIError("no"), httpx.ConnectError("nobody")):
        monkeypatch.setattr(town.leftovers, "sweep", raising(error))
        with pytest.raises(NotUp, match="refused: "):
            Town(silent, {}, {}).start()
