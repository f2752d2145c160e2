"""Whose doing a death was: each is known by the container that died, and only what ran can have died of us."""

import queue
from collections.abc import Iterator
from typing import Any

import pytest
from docker.errors import APIError
from requests import ReadTimeout
from tests.chaos.members import Keeper, Member

from chassis.testing import eventually


class Container:
    """One that does what Docker's would, and dies of what kills it."""

    def __init__(self, name: str, status: str = "running") -> None:
        self.id, self.status = name, status
        self.error: Exception | None = None
        self.stopped = 0

    def start(self) -> None:
        if self.error:
            error, self.error = self.error, None
            raise error
        self.status = "running"

    def kill(self) -> None:
        if self.error:
            raise self.error
        if self.status != "running":
            raise APIError("it is not running")
        self.status = "exited"

    def stop(self, timeout: int) -> None:
        self.stopped, self.status = timeout, "exited"

    def reload(self) -> None:
        """Its status is always what it is."""

    def logs(self, tail: int) -> bytes:
        return f"the last {tail} lines".encode()


class Engine:
    """Tells of deaths."""

    def __init__(self) -> None:
        self._told: queue.Queue[dict[str, Any] | None] = queue.Queue()

    def events(self, **_: object) -> "Engine":
        return self

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._told.get, None)

    def close(self) -> None:
        self._told.put(None)

    def tell(self, name: str, dead: str) -> None:
        self._told.put({"Actor": {"ID": dead, "Attributes": {"member": name, "exitCode": "1"}}})


def ours(member: Member, dead: str) -> bool:
    return member.died(dead)[0]


def test_who_was_killed_died_of_us_once() -> None:
    member = Member("orders-1", Container("one"))
    member.kill()
    assert member.kills == 1
    assert ours(member, "one")
    assert not ours(member, "one")


def test_two_kills_before_either_was_heard_of_are_two_deaths_of_ours() -> None:
    member = Member("orders-3", Container("one"))
    member.kill()
    member.start()
    member.kill()
    assert [ours(member, "one") for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_who_was_down_already_did_not_die_of_us(end: str) -> None:
    member = Member("orders-1", Container("one", status="exited"))
    getattr(member, end)()
    assert member.kills == 0
    assert not ours(member, "one")


def test_an_engine_that_cannot_kill_is_not_taken_for_somebody_who_is_down() -> None:
    member = Member("orders-1", Container("one"))
    member.container.error = APIError("server error")
    with pytest.raises(APIError):
        member.kill()
    assert not ours(member, "one")


def test_what_replaces_somebody_who_was_stopped_does_not_die_of_us() -> None:
    """As in a skew of the clock: the death of the first is heard of when the second is in its place."""
    member = Member("orders-1", Container("right"))
    member.stop()
    member.replace(Container("wrong"))
    member.start()
    assert not ours(member, "wrong")
    assert ours(member, "right")


def test_who_comes_back_after_a_skew_does_not_die_of_the_stop_before_it() -> None:
    right = Container("right")
    member = Member("orders-1", right)
    for container in (Container("wrong"), right):
        member.stop()
        member.replace(container)
        member.start()
    assert ours(member, "right")
    assert ours(member, "wrong")
    assert not ours(member, "right")


def test_a_death_that_nobody_ordered_is_told_though_another_one_is_in_its_place() -> None:
    engine = Engine()
    keeper = Keeper(engine, "label")
    member = Member("orders-1", Container("wrong", status="exited"))
    keeper.keep([member])
    member.replace(Container("right"))
    engine.tell("orders-1", "wrong")
    told = eventually(lambda: keeper.deaths)
    assert told == ["orders-1 ended by itself with exit code 1:\n(another one is in its place)"]
    keeper.stop()


def test_who_died_by_itself_is_told_and_started_again() -> None:
    engine = Engine()
    keeper = Keeper(engine, "label")
    member = Member("orders-1", Container("one"))
    keeper.keep([member])
    member.start()
    member.container.status = "exited"
    engine.tell("orders-1", "one")
    eventually(lambda: member.container.status == "running")
    assert keeper.deaths == ["orders-1 ended by itself with exit code 1:\nthe last 15 lines"]
    keeper.stop()


def test_who_is_held_stays_down() -> None:
    member = Member("orders-1", Container("one"))
    member.stop(grace=3)
    member.revive("one")
    assert (member.container.status, member.container.stopped) == ("exited", 3)


def test_a_slow_engine_is_asked_again_to_start_somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.chaos.members._LATER", 0.01)
    engine = Engine()
    keeper = Keeper(engine, "label")
    member = Member("orders-1", Container("one"))
    keeper.keep([member])
    member.start()
    member.kill()
    member.container.error = ReadTimeout()
    engine.tell("orders-1", "one")
    eventually(lambda: member.container.status == "running")
    assert keeper.deaths == []
    keeper.stop()
