"""A rolling restart as clients meet it: a balancer that learns late, callers that keep their connections, viewers.

No caller tries anything again. A connection is used until its answer says that it ends, or it is seen to have ended;
the next one goes to a replica that was ready a while ago, as kube-proxy's endpoints are. A replica that says that it
stops, or that nobody listens for any more, is taken out at once; one that is late with its answer only when it stays
so, as the charts' probes have it.
"""

import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from http.client import HTTPConnection, HTTPException
from typing import Final, Self

from chassis.testing import eventually
from evening import callers
from evening.callers import PATIENCE_SECONDS, Caller, Said
from stack.services import Service

LAG_SECONDS: Final = 0.6
LATE_SECONDS: Final = 3.0  # as the charts' readiness probe: two failures, three seconds apart
_ASKED_EVERY_SECONDS: Final = 0.1


class Balancer:
    """Asks the replicas whether they are ready, and sends callers to those that were a while ago."""

    def __init__(self, replicas: Sequence[Service], lag: float = LAG_SECONDS) -> None:
        self._replicas = replicas
        self._lag = lag
        self._seen: deque[tuple[float, list[Service]]] = deque([(time.monotonic(), list(replicas))])
        self._ready = {replica: time.monotonic() for replica in replicas}  # since when it is not known otherwise

    def connect(self) -> HTTPConnection:
        """A connection to one of them. Raises OSError if it is not taken."""
        known = self._seen[0][1]
        if not known:
            raise ConnectionError("no replica is ready")
        connection = _connection(random.choice(known), PATIENCE_SECONDS)
        connection.connect()
        return connection

    def has_seen(self, replica: Service) -> bool:
        """Whether it was ready when it was last asked. Who decides what is restarted next knows no more than this."""
        return replica in self._seen[-1][1]

    def look(self) -> None:
        """Ask once."""
        for replica in self._replicas:
            self._ask(replica)
        still = time.monotonic() - LATE_SECONDS
        self._seen.append((time.monotonic(), [one for one, at in self._ready.items() if at > still]))
        while len(self._seen) > 1 and self._seen[1][0] < time.monotonic() - self._lag:
            self._seen.popleft()
        time.sleep(_ASKED_EVERY_SECONDS)

    def _ask(self, replica: Service) -> None:
        ready = _ready(replica)
        if ready:
            self._ready[replica] = time.monotonic()
        elif ready is False:
            self._ready.pop(replica, None)


class Load(callers.Load):
    """Callers at the balancer's doors, which looks at its replicas all the while."""

    def __init__(self, replicas: Sequence[Service], turn: Callable[[Caller], None], *, fresh: bool = False) -> None:
        self.balancer = Balancer(replicas)
        super().__init__(self.balancer, turn, fresh=fresh)

    def go_on(self, answers: int = 100) -> None:
        """Until so many more were answered."""
        wanted = self.said.statuses.total() + answers
        eventually(lambda: self.said.statuses.total() >= wanted, within=60)

    def __enter__(self) -> Self:
        self.also(self.balancer.look)
        return super().__enter__()


def header(service: Service, subject: str, *roles: str, county: str | None = None) -> dict[str, str]:
    """What proves who calls."""
    with service.client(subject, roles or ("buyer",), county) as client:
        return {"Authorization": client.headers["authorization"]}


def _ready(replica: Service) -> bool | None:
    """Whether it is; None if that is not known."""
    connection = _connection(replica, 2.0)
    try:
        connection.request("GET", "/health/ready")
        answer = connection.getresponse()
        return answer.status == 200 or (False if b"stopping" in answer.read() else None)
    except ConnectionRefusedError:
        return False
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()


def _connection(replica: Service, patience: float) -> HTTPConnection:
    host, _, port = replica.url.removeprefix("http://").partition(":")
    return HTTPConnection(host, int(port), timeout=patience)


__all__ = ["Balancer", "Caller", "Load", "Said", "header"]
