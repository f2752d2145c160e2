"""What a container's health check says of the service in it."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from chassis.healthcheck import main
from stack.processes import free_port


class Doors(BaseHTTPRequestHandler):
    """Alive, and not ready."""

    def do_GET(self) -> None:
        ready = self.path != "/health/ready"
        body = b'{"status":"ok"}' if ready else b'{"status":"unready","checks":{"kafka":"no answer"}}'
        self.send_response(200 if ready else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def env() -> Iterator[dict[str, str]]:
    server = HTTPServer(("127.0.0.1", 0), Doors)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield {"HTTP_BIND": f"0.0.0.0:{server.server_port}"}
    server.shutdown()
    server.server_close()


def test_a_service_that_lives_is_healthy_whether_it_is_ready_or_not(env: dict[str, str]) -> None:
    assert main([], env) == 0


def test_a_service_that_is_not_ready_is_not_and_says_why(env: dict[str, str]) -> None:
    assert main(["ready"], env) == '503 {"status":"unready","checks":{"kafka":"no answer"}}'


def test_where_it_listens_may_be_told_by_file_as_to_the_service(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "bind").write_text(f"{env['HTTP_BIND']}\n")
    assert main([], {"HTTP_BIND_FILE": str(tmp_path / "bind")}) == 0


def test_where_nobody_answers_nobody_is_healthy() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "chassis.healthcheck"],
        env={"HTTP_BIND": f"127.0.0.1:{free_port()}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("no answer: ")


def test_the_check_loads_nothing_of_the_service() -> None:
    listing = "import sys, chassis.healthcheck; print([name for name in sys.modules if name in ('eventlet', 'nameko')])"
    done = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
