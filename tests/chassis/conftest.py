"""The sample service as a real process. It needs no engine, only an issuer."""

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from stack.issuer import Issuer
from stack.processes import LOCAL, free_port
from stack.services import Service

HERE = Path(__file__).parent
StartSample = Callable[..., Service]


def sample_settings(issuer: Issuer, **env: str) -> dict[str, str]:
    """The least environment the sample service starts with; nothing listens where its engines should be."""
    return {
        "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path]),
        "KAFKA_BOOTSTRAP_SERVERS": f"{LOCAL}:1",
        "MONGODB_URI": f"mongodb://{LOCAL}:1",
        "OIDC_ISSUER": issuer.url,
        "HTTP_BIND": f"{LOCAL}:{free_port()}",
        **env,
    }


@pytest.fixture(scope="session")
def sample(issuer: Issuer, run_dir: Path) -> Iterator[Service]:
    """One sample service for all tests that leave it running."""
    service = Service("sample", issuer=issuer, run_dir=run_dir, env=sample_settings(issuer))
    service.wait_ready()
    yield service
    service.stop()


@pytest.fixture
def start_sample(issuer: Issuer, run_dir: Path) -> Iterator[StartSample]:
    """Starts a sample service of the test's own, with other settings or to be stopped."""
    started: list[Service] = []

    def start(*, ready: bool = True, **env: str) -> Service:
        settings = sample_settings(issuer, **env)
        port = settings["HTTP_BIND"].rpartition(":")[2]
        service = Service("sample", issuer=issuer, run_dir=run_dir, env=settings, log=f"sample-{port}")
        started.append(service)
        if ready:
            service.wait_ready()
        return service

    yield start
    for service in started:
        service.stop(grace=5.0)


@pytest.fixture
def buyer(sample: Service) -> Iterator[httpx.Client]:
    """A buyer's client of the sample service."""
    with sample.client("b1", ["buyer"]) as client:
        yield client


@pytest.fixture
def anybody(sample: Service) -> Iterator[httpx.Client]:
    """A client that shows no token."""
    with sample.client(None) as client:
        yield client


@pytest.fixture(scope="session")
def problem() -> Callable[[httpx.Response, int, str], dict[str, Any]]:
    """Checks that an answer is a whole RFC 9457 problem of that status and code, and gives its members."""
    return _problem


def _problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert told["type"] == f"/problems/{code}"
    assert told["status"] == status
    assert told["title"]
    assert told["detail"]
    assert told["instance"] == f"urn:shanhuo:request:{answer.headers['x-request-id']}"
    return told


@pytest.fixture(scope="session")
def sample_module() -> ModuleType:
    """The sample service's module, imported here without starting anything."""
    spec = importlib.util.spec_from_file_location("sample.service", HERE / "sample" / "service.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
