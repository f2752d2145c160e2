"""The four services as child processes (`stack.containers` has them in containers): started, waited for, talked to.

Knows them by name, environment and HTTP doors only.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import httpx

from chassis.patience import patience
from stack.engines import Engines
from stack.issuer import Issuer
from stack.processes import LOCAL, Child, PortTakenError, Program, free_port, stop_all, taken, wait_for

NAMES = ("catalog", "broadcast", "orders", "notify")
READY_WITHIN = 60.0  # seconds; the promise of 6 s is measured, and a slow machine is no reason to give up
GRACE = 15.0  # seconds to finish requests in flight


class Service:
    """One running service. `start_again` gives it the same address, database and group, as Kubernetes would."""

    def __init__(self, name: str, *, issuer: Issuer, run_dir: Path, env: Mapping[str, str], log: str = "") -> None:
        self.name = name
        self.env = dict(env)
        self.url = f"http://{env['HTTP_BIND']}"
        self.ready_seconds = 0.0
        self._issuer = issuer
        self._run_dir = run_dir
        self._log = run_dir / f"{log or name}.log"
        self.process = self._start()

    def _start(self) -> Program:
        self._run_dir.mkdir(parents=True, exist_ok=True)
        return Child(self.name, self.command, log=self._log, env=_environment(self.env), cwd=self._run_dir)

    @property
    def command(self) -> list[str]:
        """What is run."""
        return [sys.executable, "-m", self.name]

    @property
    def database(self) -> str:
        return self.env.get("MONGODB_DATABASE") or self.name

    def client(
        self,
        subject: str | None = "tester",
        roles: Iterable[str] = ("buyer",),
        county: str | None = None,
        producer: str | None = None,
        *,
        timeout: float = 30.0,
    ) -> httpx.Client:
        """An HTTP client that carries a token for this subject; without one if the subject is None."""
        headers = (
            {}
            if subject is None
            else {"Authorization": f"Bearer {self._issuer.token(subject, list(roles), county, producer)}"}
        )
        return httpx.Client(base_url=self.url, headers=headers, timeout=timeout)

    def lacks(self) -> str | None:
        """None when it is ready; otherwise what it says is missing."""
        try:
            answer = httpx.get(f"{self.url}/health/ready", timeout=1.0, trust_env=False)
        except httpx.TransportError as error:
            return f"{self.url}/health/ready does not answer ({type(error).__name__})"
        return None if answer.status_code == 200 else f"/health/ready answers {answer.status_code}: {answer.text[:500]}"

    def wait_ready(self, within: float = READY_WITHIN) -> float:
        """Seconds from its start until it was ready."""
        wait_ready([self], within)
        return self.ready_seconds

    def log(self) -> str:
        return self.process.text()

    def check(self) -> None:
        self.process.check()

    def stop(self, grace: float = GRACE) -> None:
        self.process.stop(grace)

    def kill(self) -> None:
        self.process.kill()

    def start_again(self) -> None:
        """A new one in the place of the ended one; does not wait for it to be ready."""
        self.process.kill()
        self.process = self._start()


class Services:
    """The four of them together."""

    def __init__(self, services: Mapping[str, Service]) -> None:
        self._services = dict(services)

    def __getitem__(self, name: str) -> Service:
        return self._services[name]

    def __iter__(self) -> Iterator[Service]:
        return iter(self._services.values())

    @property
    def ready_seconds(self) -> dict[str, float]:
        return {service.name: service.ready_seconds for service in self._services.values()}

    @property
    def children(self) -> list[Program]:
        return [service.process for service in self._services.values()]

    def url(self, name: str) -> str:
        return self._services[name].url

    def client(
        self,
        name: str,
        subject: str | None = "tester",
        roles: Iterable[str] = ("buyer",),
        county: str | None = None,
        producer: str | None = None,
        *,
        timeout: float = 30.0,
    ) -> httpx.Client:
        return self._services[name].client(subject, roles, county, producer, timeout=timeout)

    def check(self) -> None:
        """Raise ProcessError with the end of its log if one of them has died."""
        for service in self._services.values():
            service.check()

    def stop(self, grace: float = GRACE) -> None:
        stop_all(self.children, grace)


def start_services(
    engines: Engines,
    issuer: Issuer,
    run_dir: Path,
    *,
    ports: Mapping[str, int] | None = None,
    suffix: str = "",
    env: Mapping[str, str] | None = None,
    within: float = READY_WITHIN,
    kind: type[Service] = Service,
) -> Services:
    """Start all four at once and wait until each is ready.

    With a suffix, databases and consumer groups are named `orders_<suffix>`. `kind` says how they run.
    """
    for name, port in (ports or {}).items():
        if taken(port):
            raise PortTakenError(port, name)
    started: dict[str, Service] = {}
    try:
        for name in NAMES:
            settings = settings_for(name, engines, issuer, port=(ports or {}).get(name), suffix=suffix) | dict(
                env or {}
            )
            started[name] = kind(name, issuer=issuer, run_dir=run_dir, env=settings)
        wait_ready(started.values(), within)
    except BaseException:
        stop_all([service.process for service in started.values()], grace=2.0)
        raise
    return Services(started)


def settings_for(
    name: str, engines: Engines, issuer: Issuer, *, port: int | None = None, suffix: str = ""
) -> dict[str, str]:
    """The environment that makes a service work with these engines."""
    own = f"{name}_{suffix}" if suffix else name
    return {
        "KAFKA_BOOTSTRAP_SERVERS": engines.kafka,
        "KAFKA_GROUP": own,
        "MONGODB_URI": engines.mongodb,
        "MONGODB_DATABASE": own,
        "OIDC_ISSUER": issuer.url,
        "HTTP_BIND": f"{LOCAL}:{port or free_port()}",
    }


def wait_ready(services: Iterable[Service], within: float = READY_WITHIN) -> None:
    """Wait until all of them are ready; each remembers how long it took.

    `within`: seconds, of a machine as fast as `patience` says.
    """
    by_child = {service.process: service for service in services}
    for child, seconds in wait_for(
        {child: service.lacks for child, service in by_child.items()}, within=within * patience()
    ).items():
        by_child[child].ready_seconds = seconds


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, "PYTHONUNBUFFERED": "1", **settings}
