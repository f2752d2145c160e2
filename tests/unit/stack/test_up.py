"""`make up`: its mistakes are one line, its services are watched. They are stand-ins here that only say "ready"."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from chassis.testing import eventually
from stack.engines import Engines
from stack.footprint import footprint
from stack.issuer import Issuer
from stack.processes import ProcessError, free_port, free_ports, taken
from stack.services import NAMES, Service, settings_for, start_services

READY = """
import http.server, os
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
host, port = os.environ["HTTP_BIND"].split(":")
http.server.HTTPServer((host, int(port)), Ready).serve_forever()
"""
BROKEN = "import sys; sys.exit('MONGODB_URI: the granary is shut')"
ELSEWHERE = Engines(kafka="kafka.example:9092", mongodb="mongodb://mongodb.example")


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Modules with the names of the services, found before them."""
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text(READY)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


@pytest.fixture
def busy() -> Iterator[int]:
    """A port on which somebody listens, after some that are free."""
    with socket.create_server(("127.0.0.1", free_ports(4)[-1])) as server:
        yield server.getsockname()[1]


def up(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """With ports of its own for the engines where none are asked for: those of the defaults may be somebody's."""
    own = ["--kafka-port", str(free_port()), "--mongodb-port", str(free_port())]
    return subprocess.run(
        [sys.executable, "-m", "stack.up", *own, *arguments], cwd=cwd, capture_output=True, text=True, timeout=60
    )


def test_a_taken_port_is_one_line_that_names_it_and_the_way_out(busy: int, tmp_path: Path) -> None:
    answer = up("--base-port", str(busy - 3), cwd=tmp_path)
    assert answer.returncode == 2
    assert answer.stderr == f"stack.up: port {busy} (orders) is taken; choose another with --base-port\n"
    assert list(tmp_path.iterdir()) == []


def test_a_taken_port_of_an_engine_names_its_own_option(busy: int, tmp_path: Path) -> None:
    answer = up("--base-port", str(free_ports(10)[0]), "--mongodb-port", str(busy), cwd=tmp_path)
    assert answer.returncode == 2
    assert answer.stderr == f"stack.up: port {busy} (MongoDB) is taken; choose another with --mongodb-port\n"


@pytest.mark.parametrize(
    "arguments",
    [["--base-port", "eight"], ["--kafka-port", "80"], ["--mongodb-port"], ["--nonsense"], ["--data-dir", "/dev/null"]],
)
def test_a_bad_argument_is_one_line(arguments: list[str], tmp_path: Path) -> None:
    answer = up(*arguments, cwd=tmp_path)
    assert answer.returncode == 2
    assert answer.stderr.startswith("stack.up: ")
    assert answer.stderr.count("\n") == 1


def test_the_whole_stack_comes_up_says_where_and_goes_down(stand_ins: Path) -> None:
    base, kafka, mongodb = free_ports(10)[0], free_port(), free_port()
    options = ["--base-port", str(base), "--kafka-port", str(kafka), "--mongodb-port", str(mongodb), "--empty"]
    with subprocess.Popen(
        [sys.executable, "-m", "stack.up", *options], cwd=stand_ins, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        said = "".join(iter(process.stdout.readline, "Logs are in var/run. Ctrl-C stops everything.\n"))
        answer = httpx.post(f"http://127.0.0.1:{base + 9}/token", json={"subject": "me", "roles": ["platform"]})
        process.send_signal(signal.SIGINT)
        said += process.stdout.read()
    assert answer.status_code == 200
    assert f"http://127.0.0.1:{base + 3}" in said
    assert f"mongodb://127.0.0.1:{mongodb}" in said
    assert said.endswith("Stopped.\n")
    assert process.returncode == 0
    assert not any(taken(port) for port in (base + 1, base + 4, base + 9, kafka, mongodb))


def test_a_service_that_dies_takes_the_stack_down_with_its_last_words(stand_ins: Path) -> None:
    (stand_ins / "orders.py").write_text(BROKEN)
    answer = up("--base-port", str(free_ports(10)[0]), cwd=stand_ins)
    assert answer.returncode == 1
    assert "orders ended with exit code 1" in answer.stderr
    assert "MONGODB_URI: the granary is shut" in answer.stderr


def test_services_tell_how_long_they_took_and_what_they_take(stand_ins: Path) -> None:
    services = start_services(ELSEWHERE, Issuer(), stand_ins / "run")
    try:
        assert set(services.ready_seconds) == set(NAMES)
        assert all(0 < seconds < 60 for seconds in services.ready_seconds.values())
        prints = footprint(services.children)
        assert [one.name for one in prints] == list(NAMES)
        assert all(0 < one.pss <= one.rss for one in prints)
    finally:
        services.stop()
    assert footprint(services.children) == []


def test_a_service_that_died_later_is_told_with_its_log(stand_ins: Path) -> None:
    services = start_services(ELSEWHERE, Issuer(), stand_ins / "run")
    try:
        os.kill(services["notify"].process.pid, signal.SIGKILL)
        with pytest.raises(ProcessError, match="notify ended with SIGKILL"):
            eventually(services.check)
    finally:
        services.stop()


def test_a_service_started_again_is_the_same_to_others(stand_ins: Path) -> None:
    issuer = Issuer()
    service = Service("orders", issuer=issuer, run_dir=stand_ins / "run", env=settings_for("orders", ELSEWHERE, issuer))
    service.wait_ready()
    first, url = service.process.pid, service.url
    service.kill()
    service.start_again()
    service.wait_ready()
    assert service.process.pid != first
    assert httpx.get(f"{url}/health/ready").status_code == 200
    service.stop()


def test_services_are_told_of_the_engines_and_of_their_own_database() -> None:
    settings = settings_for("orders", ELSEWHERE, Issuer(), suffix="a1")
    assert settings["KAFKA_BOOTSTRAP_SERVERS"] == "kafka.example:9092"
    assert settings["MONGODB_URI"] == "mongodb://mongodb.example"
    assert settings["MONGODB_DATABASE"] == settings["KAFKA_GROUP"] == "orders_a1"
