"""The town that suffers: engines and services in containers on named volumes, and toxiproxy between them.

Services reach both engines through a wire that can be cut; the judge reads the engines directly. Everything carries the
run's label and is taken away at the end. Knows no fault and no load.
"""

import secrets
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Any, Final, Self

import httpx
import pymongo
from docker.errors import APIError, DockerException, NotFound
from docker.types import Mount
from pymongo.errors import PyMongoError
from tests.chaos import recipes
from tests.chaos.members import Keeper, Member
from tests.chaos.wires import Wires

from chassis.patience import patience
from stack.containers import leftovers
from stack.engines import Engines, kafka_answers
from stack.issuer import Issuer
from stack.processes import LOCAL, free_port
from stack.services import settings_for

SERVICES: Final = ("catalog", "broadcast", "orders-1", "orders-2", "notify")
ENGINES: Final = ("kafka", "mongodb")
GUEST: Final = "orders-3"  # a replica that comes and goes
LABEL: Final = "org.shanhuo.chaos"
READY_WITHIN: Final = 90.0


class NotUp(Exception):
    """The town did not come up; the text says who did not, and what it wrote last."""


class Town:
    """Containers, by name in `members`; where they listen; the issuer of tokens."""

    def __init__(self, client: Any, images: Mapping[str, str], settings: Mapping[str, str]) -> None:
        self.run = secrets.token_hex(4)
        self.issuer = Issuer()
        self.members: dict[str, Member] = {}
        self.disk: Any = None
        self._client = client
        self._images = images
        self._settings = dict(settings)
        self._volumes: list[Any] = []
        self._undo = ExitStack()
        self._ports = {name: free_port() for name in (*SERVICES, GUEST, "mongodb", "toxiproxy", "kafka-wire")}
        self._ports |= {"mongodb-wire": free_port()}
        self._broker = recipes.Broker(direct=free_port(), proxied=free_port(), controller=free_port())
        self.kafka = f"{LOCAL}:{self._broker.direct}"
        self.mongodb = f"mongodb://{LOCAL}:{self._ports['mongodb']}/?directConnection=true"
        self.wires = Wires(f"http://{LOCAL}:{self._ports['toxiproxy']}")
        self.keeper = Keeper(client, f"{LABEL}={self.run}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.keeper.stop()
        self._undo.close()
        self._clear()

    def start(self) -> None:
        """Build and start everything, and wait until all are ready; what a run that was killed left goes first."""
        try:
            leftovers.sweep(self._client)
            self._build()
        except (DockerException, OSError) as error:  # its client's time-outs are OSErrors
            raise NotUp(f"the Docker engine refused: {type(error).__name__}: {error}") from error
        except httpx.HTTPError as error:
            raise NotUp(f"toxiproxy refused: {type(error).__name__}: {error}") from error

    @property
    def kills(self) -> int:
        """How often anybody was killed."""
        return sum(member.kills for member in self.members.values())

    @property
    def last_kill(self) -> float:
        """When anybody was killed last."""
        return max(member.killed_at for member in self.members.values())

    def url(self, name: str) -> str:
        """Where a member of the services listens."""
        return f"http://{LOCAL}:{self._ports[name]}"

    def urls(self) -> dict[str, list[str]]:
        """The addresses of each service's replicas."""
        own = {name: [self.url(name)] for name in ("catalog", "broadcast", "notify")}
        return own | {"orders": [self.url("orders-1"), self.url("orders-2")]}

    def unready(self) -> list[str]:
        """Which services are not ready."""
        return [name for name in SERVICES if not _ready(self.url(name))]

    def wait_ready(self, names: Iterable[str] = SERVICES, within: float = READY_WITHIN) -> None:
        """Until these services are ready."""
        for name in names:
            self._await(name, lambda name=name: _ready(self.url(name)), within)  # type: ignore[misc]

    def takes_writes(self) -> bool:
        """Whether the database takes a few megabytes, and promises to keep them. They are dropped at once."""
        how: dict[str, Any] = {"w": "majority", "journal": True, "serverSelectionTimeoutMS": 2_000}
        try:
            with pymongo.MongoClient[dict[str, Any]](self.mongodb, socketTimeoutMS=5_000, **how) as client:
                for _ in range(4):
                    client["scratch"]["ballast"].insert_one({"weight": "x" * 1_000_000})
                client.drop_database("scratch")
        except PyMongoError:
            return False
        return True

    def service(self, name: str, more: Mapping[str, str] | None = None, mounts: Iterable[Mount] = ()) -> Any:
        """A container of the service, not started: another one in its place has other settings."""
        which = name.partition("-")[0]
        engines = Engines(
            kafka=f"{LOCAL}:{self._ports['kafka-wire']}",
            mongodb=f"mongodb://{LOCAL}:{self._ports['mongodb-wire']}/?directConnection=true",
        )
        told = settings_for(which, engines, self.issuer, port=self._ports[name]) | self._settings | dict(more or {})
        own = "" if more is None else f"-{secrets.token_hex(2)}"
        return self._create(name, self._images[which], own=own, environment=told, mounts=list(mounts))

    def logs(self) -> dict[str, str]:
        """The end of what everybody wrote."""
        return {name: member.log(400) for name, member in self.members.items()}

    def _build(self) -> None:
        self._undo.callback(self.issuer.stop)
        self.issuer.start()
        self._lay_disk()
        self._add("toxiproxy", command=["-host", LOCAL, "-port", str(self._ports["toxiproxy"])])
        log = Mount(recipes.KAFKA_LOG, self._volume("kafka"), type="volume")
        environment = self._broker.environment(self._ports["kafka-wire"])
        self._add("kafka", environment=environment, mounts=[log])
        self._add(
            "mongodb",
            command=recipes.MONGODB_COMMAND,
            mounts=[Mount(recipes.MONGODB_FILES, self.disk.volume, type="volume")],
            network_mode="bridge",
            ports={"27017/tcp": (LOCAL, self._ports["mongodb"])},
        )
        self.keeper.keep(self.members.values())
        self._await("toxiproxy", self.wires.answers, 10.0)
        self.wires.lay("kafka", f"{LOCAL}:{self._ports['kafka-wire']}", f"{LOCAL}:{self._broker.proxied}")
        self.wires.lay("mongodb", f"{LOCAL}:{self._ports['mongodb-wire']}", f"{LOCAL}:{self._ports['mongodb']}")
        self._await("mongodb", self._is_primary, READY_WITHIN)
        self._await("kafka", lambda: kafka_answers(self.kafka) is None, READY_WITHIN)
        for name in (*SERVICES, GUEST):
            self.members[name] = Member(name, self.service(name))
        self.keeper.keep(self.members.values())
        for name in SERVICES:
            self.members[name].start()
        self.wait_ready()

    def _lay_disk(self) -> None:
        volume = self._volume("mongodb", driver_opts=recipes.SMALL_DISK)
        mount = [Mount(recipes.MONGODB_FILES, volume, type="volume")]
        holder = self._create(
            "disk", self._images["mongodb"], entrypoint=["sleep"], command=["infinity"], mounts=mount, user="0:0"
        )
        holder.start()
        self.disk = recipes.Disk(volume, holder)

    def _add(self, name: str, **how: Any) -> None:
        member = Member(name, self._create(name, self._images[name], **how))
        self.members[name] = member
        member.start()

    def _create(self, name: str, image: str, own: str = "", **how: Any) -> Any:
        labels = {LABEL: self.run, "member": name, **leftovers.label()}
        known = {"network_mode": "host", "labels": labels, "name": f"chaos-{self.run}-{name}{own}"}
        return self._client.containers.create(image, **known | how)

    def _volume(self, name: str, **how: Any) -> str:
        volume = self._client.volumes.create(
            f"chaos-{self.run}-{name}", labels={LABEL: self.run, **leftovers.label()}, **how
        )
        self._volumes.append(volume)
        return str(volume.name)

    def _is_primary(self) -> bool:
        try:
            with pymongo.MongoClient[dict[str, Any]](self.mongodb, serverSelectionTimeoutMS=500) as client:
                if client.admin.command("hello").get("isWritablePrimary"):
                    return True
                client.admin.command("replSetInitiate", recipes.REPLICA_SET)
        except PyMongoError:
            pass
        return False

    def _await(self, name: str, there: Any, within: float) -> None:
        within *= patience()
        deadline = time.monotonic() + within
        while not there():
            if time.monotonic() > deadline:
                raise NotUp(f"{name} is not there after {within:.0f} s; it wrote last:\n{self.members[name].log()}")
            time.sleep(0.1)

    def _clear(self) -> None:
        for container in self._client.containers.list(all=True, filters={"label": f"{LABEL}={self.run}"}):
            with suppress(NotFound, APIError):
                container.remove(force=True, v=False)
        for volume in self._volumes:
            with suppress(NotFound, APIError):
                volume.remove(force=True)


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/ready", timeout=1.5, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
