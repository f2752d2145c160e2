"""Children are watched, quoted and never left behind."""

import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from stack import processes
from stack.processes import Child, ProcessError, free_port, free_ports, stop_all, taken, wait_for

SLEEP = [sys.executable, "-c", "import signal; print('here', flush=True); signal.pause()"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); signal.pause()",
]
# A parent that starts a child, tells its id, and then waits for its own end.
PARENT = """
import signal, sys
from pathlib import Path
from stack.processes import Child
print(Child("sleeper", [sys.executable, "-c", "import signal; signal.pause()"], log=Path(sys.argv[1])).pid, flush=True)
signal.pause()
"""


def says_here(child: Child) -> str | None:
    return None if "here" in child.text() else "it has not said that it is here"


def started(command: list[str], log: Path) -> Child:
    child = Child("sleeper", command, log=log)
    wait_for({child: lambda: says_here(child)}, within=10)
    return child


def test_a_child_that_dies_is_quoted(tmp_path: Path) -> None:
    child = Child(
        "sleeper", [sys.executable, "-c", "import sys; sys.exit('no room in the barn')"], log=tmp_path / "log"
    )
    with pytest.raises(ProcessError, match=r"sleeper ended with exit code 1(.|\n)*no room in the barn"):
        wait_for({child: lambda: "not yet"}, within=10)


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    child = Child("sleeper", ["no-such-program"], log=tmp_path / "log")
    with pytest.raises(ProcessError, match="no-such-program: No such file or directory"):
        wait_for({child: lambda: "not yet"}, within=10)


def test_a_child_that_never_answers_is_given_up_with_what_it_lacks(tmp_path: Path) -> None:
    child = started(SLEEP, tmp_path / "log")
    with pytest.raises(ProcessError, match="sleeper is not ready after 0 s: no broker"):
        wait_for({child: lambda: "no broker"}, within=0)
    child.stop()


def test_a_log_of_an_earlier_start_is_kept_but_not_quoted(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("of yesterday\n")
    child = started(SLEEP, log)
    assert child.tail() == "here"
    assert log.read_text().startswith("of yesterday")
    child.stop()


def test_a_child_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    stubborn, willing = started(STUBBORN, tmp_path / "a"), started(SLEEP, tmp_path / "b")
    stop_all([stubborn, willing], grace=0.5)
    assert stubborn.process.returncode == -signal.SIGKILL
    assert willing.process.returncode == -signal.SIGTERM


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_children_of_a_killed_parent_die_with_it(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path / "log")], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    child = int(parent.stdout.readline())
    watch = os.pidfd_open(child)
    parent.kill()
    parent.wait()
    ended, _, _ = select.select([watch], [], [], 10)  # readable when it has ended
    os.close(watch)
    parent.stdout.close()
    assert ended


def test_a_child_is_not_started_from_a_passing_thread(tmp_path: Path) -> None:
    """The kernel would end it with that thread."""
    refused: list[str] = []

    def start() -> None:
        try:
            Child("sleeper", SLEEP, log=tmp_path / "log")
        except RuntimeError as error:
            refused.append(str(error))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert refused
    assert "main thread" in refused[0]


def test_a_free_port_is_below_those_that_outgoing_connections_take() -> None:
    port = free_port()
    assert port < 32_768
    assert not taken(port)


def test_a_port_is_not_given_twice_while_nobody_has_bound_it_yet() -> None:
    given = [free_port() for _ in range(900)]
    assert len(set(given)) == 900


def test_ports_side_by_side_are_all_free_and_nobody_elses() -> None:
    block = free_ports(10)
    assert len(block) == 10
    assert not any(taken(port) for port in block)
    assert not set(block) & {free_port() for _ in range(900)}


def test_shares_of_the_ports_do_not_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PORTS", range(30_000, 31_000))
    monkeypatch.setattr(processes, "_given", [])
    got = {}
    for share in ("1/2", "2/2"):
        monkeypatch.setenv("SHANHUO_PORTS", share)
        got[share] = set(free_ports(10))
    assert got["1/2"] < set(range(30_000, 30_500))
    assert got["2/2"] < set(range(30_500, 31_000))
