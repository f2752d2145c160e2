"""The system in the cluster: charts installed one by one, engines, whoever comes to it. Judges nothing."""

import json
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.kube.cluster import Namespace, Pod, Refused

from chassis.patience import PATIENCE
from chassis.testing import eventually, patience
from images.wheels import ROOT

CHARTS: Final = ROOT / "deploy" / "charts"
ENGINES: Final = ROOT / "deploy" / "engines" / "kube"
VALUES: Final = Path(__file__).with_name("values.yaml")
WITHIN: Final = 120.0  # seconds; everything here takes less than ten on an idle machine
_ANSWERS: Final = 30  # answers that a load goes on for before and after something is done to it
_USER: Final = 10001
_KILLED: Final = "exit code 137"
# Orders that nobody pays must lapse before the evening is over.
_OWN: Final = {"orders": ["--set-string=config.PAY_WITHIN_SECONDS=15"]}
_HOW: Final = """
from http.client import HTTPConnection
connection = HTTPConnection("127.0.0.1", 8000, timeout=5)
connection.request("GET", "/health/ready")
print(connection.getresponse().read().decode())
"""


class GaveUp(Exception):
    """Somebody who came to the town left in anger; the text is the end of what they said."""


class Town:
    """What is installed in a namespace, by the images chosen."""

    def __init__(self, namespace: Namespace, images: Mapping[str, str]) -> None:
        self.ns = namespace
        self.images = images
        self._loads = 0

    def install(self, service: str) -> None:
        """As somebody would who has heard of this one only."""
        self.ns.helm("install", service, CHARTS / service, *self._values(service))

    def install_desk(self) -> None:
        """The chart dead-letters, on the engines here."""
        kafka = {"bootstrapServers": "kafka:9092", "securityProtocol": "PLAINTEXT", "replicationFactor": 1}
        way = {"to": [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "kafka"}}}], "ports": [9092]}
        wanted = [f"--set-json=kafka={json.dumps(kafka)}", f"--set-json=networkPolicy.kafka={json.dumps(way)}"]
        self.ns.helm("install", "dead-letters", CHARTS / "dead-letters", *self._image("catalog"), *wanted)

    def install_crowd(self, load: Mapping[str, Any]) -> None:
        """The load's chart: a Job that plays an evening once."""
        label = json.dumps({"shanhuo.test/role": "load"})
        wanted = [f"--set-json=load={json.dumps(load)}", f"--set-json=podLabels={label}"]
        wanted.append('--set-json=resources={"requests": {"cpu": "50m", "memory": "96Mi"}}')
        self.ns.helm("install", "load", CHARTS / "load", *self._image("load"), *wanted)

    def upgrade(self, service: str, **changed: Any) -> None:
        """The same with other values, which stay for the upgrades after it."""
        words = [f"--set-json={name.replace('__', '.')}={json.dumps(value)}" for name, value in changed.items()]
        self.ns.helm("upgrade", service, CHARTS / service, "--reuse-values", *words)

    def start_engines(self, **replicas: int) -> None:
        """Engines that are not named stay as they are, or are not there."""
        words = [f"--set={name}.replicas={number}" for name, number in replicas.items()]
        named = {"kafka": "kafka", "mongodb": "mongodb", "issuer": "issuer", "initiate": "catalog"}
        words += [f"--set=images.{what}={self.images[image]}" for what, image in named.items()]
        self.ns.helm("upgrade", "--install", "engines", ENGINES, *words)

    def pods(self, service: str) -> list[Pod]:
        return self.ns.pods(f"app.kubernetes.io/name={service}")

    def staying(self, service: str) -> list[Pod]:
        """Those that nobody has told to leave."""
        return [pod for pod in self.pods(service) if not pod.leaving]

    def ready(self, *services: str) -> bool:
        """Whether everything that is to stay of these is ready."""
        return all(pods and all(pod.ready for pod in pods) for pods in map(self.staying, services))

    def wait_ready(self, *services: str) -> None:
        eventually(lambda: self.ready(*services), within=WITHIN, every=0.5)

    def rolled(self, service: str) -> list[Pod]:
        """The pods of a service after its rollout, when those before it are gone."""
        within = WITHIN * patience()
        self.ns.kubectl("rollout", "status", f"deployment/{service}", f"--timeout={within:.0f}s", within=within + 10)
        eventually(lambda: not any(pod.leaving for pod in self.pods(service)), within=WITHIN, every=0.5)
        return self.pods(service)

    def lacking(self, service: str) -> dict[str, str]:
        """What `/health/ready` complains of, by name; asked inside the pod, which no Service leads to yet."""
        pod = self.staying(service)[0].name
        report = json.loads(self.ns.execute(pod, _HOW))
        return {name: said for name, said in report["checks"].items() if said != "ok"}

    def kill(self, pod: Pod) -> None:
        """As `kill -9` would. The first process of a container cannot be killed from inside; its time can run out."""
        try:
            self.ns.execute(pod.name, "import resource; resource.prlimit(1, resource.RLIMIT_CPU, (1, 1))")
        except Refused as refused:  # with the first process all others end, this one too if it was not gone by then
            if _KILLED not in str(refused):
                raise

    def evening(self, *words: str, within: float) -> dict[str, Any]:
        """The evening, played and audited inside the cluster; its report."""
        pod = self._visit("evening", ["evening.elsewhere", *words])
        return self._told(pod, within)

    def load(self, errand: str, *words: str) -> "Load":
        """A steady load from inside the cluster, through the Service."""
        self._loads += 1
        return Load(self, self._visit(f"load-{self._loads}-{errand}", ["evening.steady", errand, *words]))

    def _visit(self, name: str, arguments: Sequence[str]) -> str:
        env = {"KAFKA_BOOTSTRAP_SERVERS": "kafka:9092", "OIDC_ISSUER": "http://issuer:8009"}
        env |= {"MONGODB_URI": "mongodb://mongodb:27017/?directConnection=true", PATIENCE: f"{patience():g}"}
        bare = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
        container = {
            "name": "evening",
            "image": self.images["evening"],
            "args": list(arguments),
            "env": [{"name": key, "value": value} for key, value in env.items()],
            "resources": {"requests": {"cpu": "50m", "memory": "96Mi"}, "limits": {"memory": "768Mi"}},
            "securityContext": bare,
        }
        spec = {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": _USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
        }
        metadata = {"name": name, "labels": {"shanhuo.test/role": "load"}}
        self.ns.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        return name

    def told_by(self, pod: str) -> Any:
        """The last line that a visitor wrote; None as long as there is none, or it is no JSON."""
        phase = self.phase(pod)
        # A long line is kept in pieces, each of which counts as a line where they are counted.
        said = self.ns.kubectl("logs", pod, "--tail=40") if phase not in {"Pending", ""} else ""
        line = said.strip().rpartition("\n")[2]
        if phase == "Failed" and not line.startswith("{"):
            raise GaveUp(f"{pod} gave up: {self.ns.kubectl('logs', pod, '--tail=20')}")
        return json.loads(line) if line.startswith("{") else None

    def phase(self, pod: str) -> str:
        return self.ns.kubectl("get", "pod", pod, "--output=jsonpath={.status.phase}")

    def ended(self, pod: str) -> bool:
        return self.phase(pod) in {"Succeeded", "Failed"}

    def _told(self, pod: str, within: float) -> dict[str, Any]:
        eventually(lambda: self.ended(pod), within=within, every=1.0)
        told: dict[str, Any] = self.told_by(pod)
        return told

    def _values(self, service: str) -> list[str]:
        return [f"--values={VALUES}", *self._image(service), *_OWN.get(service, [])]

    def _image(self, name: str) -> list[str]:
        repository, _, tag = self.images[name].rpartition(":")
        return [f"--set=image.repository={repository}", f"--set-string=image.tag={tag}"]


class Load:
    """Callers in the cluster. `end` says what came of all that they asked for."""

    def __init__(self, town: Town, pod: str) -> None:
        self._town = town
        self.pod = pod

    def __enter__(self) -> Self:
        eventually(lambda: self.answered() >= _ANSWERS, within=WITHIN, every=0.5)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:  # otherwise its log is still to be looked at
            self._town.ns.kubectl("delete", "pod", self.pod, "--wait=false", "--ignore-not-found")

    def answered(self) -> int:
        """How many requests were answered until now."""
        told = self._town.told_by(self.pod)
        return int(told["answered"]) if told else 0

    def go_on(self, answers: int = _ANSWERS) -> None:
        """Until so many more were answered."""
        wanted = self.answered() + answers
        eventually(lambda: self.answered() >= wanted, within=WITHIN, every=0.5)

    def end(self, within: float = WITHIN) -> dict[str, Any]:
        """No new turn; what is under way is finished, and counted."""
        self._town.ns.execute(self.pod, f"import os; os.kill(1, {signal.SIGTERM:d})")
        eventually(lambda: self._town.ended(self.pod), within=within, every=0.5)
        told: dict[str, Any] = self._town.told_by(self.pod)
        said = {name: value for name, value in told.items() if name != "audit" and value is not None}
        print(f"{self.pod}: {said}")
        return told


def failed_checks(report: Mapping[str, Any]) -> list[Any]:
    """The checks of an audit that did not hold; all of it, if there was none."""
    checks = report.get("audit") or [{"name": "there is no audit", "ok": False}]
    return [check for check in checks if not check["ok"]]
