"""How tests start services of their own, in containers or as processes, and clean up behind them."""

import secrets
from pathlib import Path

import pymongo

from evening.idle import LISTENS
from stack import choosing
from stack.choosing import Choice
from stack.engines import Engines
from stack.issuer import Issuer
from stack.reading import unread
from stack.services import Service, settings_for


class Starter:
    """`start("orders", OUTBOX_SWEEP_SECONDS="1")`: one more service, on its own database unless told otherwise.

    `ready=False` does not wait for it: for a service that is to start before its engines. Whoever calls it stops it.
    """

    def __init__(self, choice: Choice, engines: Engines, issuer: Issuer, run_dir: Path) -> None:
        self.engines = engines
        self._kind = choosing.kind(choice)
        self._issuer = issuer
        self._run_dir = run_dir

    def __call__(self, name: str, *, ready: bool = True, **env: str) -> Service:
        own = secrets.token_hex(4)
        wanted = settings_for(name, self.engines, self._issuer, suffix=own) | env
        service = self._kind(name, issuer=self._issuer, run_dir=self._run_dir, env=wanted, log=f"{name}-{own}")
        if ready:
            service.wait_ready()
        return service

    def drop(self, *services: Service) -> None:
        """Their databases."""
        drop(self.engines, *{service.database for service in services})


class StartService:
    """The same for one test, which need not stop anything."""

    def __init__(self, start: Starter) -> None:
        self.started: list[Service] = []
        self._start = start

    def __call__(self, name: str, *, ready: bool = True, **env: str) -> Service:
        service = self._start(name, ready=False, **env)
        self.started.append(service)
        if ready:
            service.wait_ready()
        return service


def caught_up(service: Service) -> bool:
    """Whether one of the four has read all that was said on the topics which its group reads."""
    return not unread(service.env["KAFKA_BOOTSTRAP_SERVERS"], service.env["KAFKA_GROUP"], LISTENS[service.name])


def drop(engines: Engines, *databases: str) -> None:
    """From a server that outlives the tests. Ours goes as a whole, and dropping takes it seconds each time."""
    if engines.database:
        return
    with pymongo.MongoClient[dict[str, object]](engines.mongodb) as client:
        for database in databases:
            client.drop_database(database)
