"""A cluster as its command-line tools show it: kubectl and helm, in one namespace. Knows no service and no test."""

import json
import os
import subprocess
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from chassis.patience import eventually, patience

LABEL: Final = "shanhuo.test/kube"
_RESTRICTED: Final = {f"pod-security.kubernetes.io/{what}": "restricted" for what in ("enforce", "warn")}


class Refused(AssertionError):
    """A command failed; the text is what it said."""


class Pod(NamedTuple):
    """What the cluster says of a pod. `ready_since`: since when it is (or is not) ready."""

    name: str
    phase: str
    alive: bool
    ready: bool
    ready_since: datetime | None
    started_at: datetime | None
    restarts: int
    leaving: bool
    annotations: Mapping[str, str]

    @classmethod
    def of(cls, told: Any) -> Self:
        status, meta = told["status"], told["metadata"]
        condition: dict[str, str] = next((one for one in status.get("conditions", ()) if one["type"] == "Ready"), {})
        containers = status.get("containerStatuses", [])
        running = [one["state"]["running"] for one in containers if "running" in one["state"]]
        return cls(
            name=meta["name"],
            phase=status["phase"],
            alive=bool(running) and all(one.get("started") for one in containers),
            ready=condition.get("status") == "True",
            ready_since=_time(condition.get("lastTransitionTime")),
            started_at=_time(running[0]["startedAt"]) if running else None,
            restarts=sum(one["restartCount"] for one in containers),
            leaving="deletionTimestamp" in meta,
            annotations=meta.get("annotations", {}),
        )


class Namespace:
    """A namespace of the tests' own, in which PodSecurity is enforced as `restricted`."""

    def __init__(self, name: str, helm: Path, env: Mapping[str, str] = os.environ) -> None:
        self.name = name
        self._helm = str(helm)
        self._env = dict(env)
        self._kinds: list[str] = []

    def create(self) -> None:
        labels = {LABEL: "yes", **_RESTRICTED}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name, "labels": labels}})

    def delete(self, *, wait: bool = True) -> None:
        words = ["delete", "namespace", self.name, "--ignore-not-found", f"--wait={str(wait).lower()}"]
        self.kubectl(*words, within=180)

    def kubectl(self, *words: str, within: float = 60, given: str | None = None) -> str:
        return run("kubectl", f"--namespace={self.name}", *words, within=within, given=given, env=self._env)

    def helm(self, *words: str | Path, within: float = 120) -> str:
        return run(self._helm, f"--namespace={self.name}", *map(str, words), within=within, env=self._env)

    def apply(self, *objects: Mapping[str, Any]) -> None:
        self.kubectl("apply", "--filename=-", given=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))

    def listed(self, kinds: str, selector: str = "") -> list[dict[str, Any]]:
        chosen = [f"--selector={selector}"] if selector else []
        found: list[dict[str, Any]] = json.loads(self.kubectl("get", kinds, *chosen, "--output=json"))["items"]
        return found

    def pods(self, selector: str = "") -> list[Pod]:
        return [Pod.of(told) for told in self.listed("pods", selector)]

    def execute(self, pod: str, program: str) -> str:
        """A Python program in a pod of ours."""
        return self.kubectl("exec", pod, "--", "python", "-c", program)

    def kinds(self) -> str:
        """All kinds of objects that can be listed here, but for events, which tell of things that are gone."""
        if not self._kinds:  # not to be had while a server that adds kinds of its own, as that of metrics, is away
            told = eventually(self._listable, within=60, every=1.0)
            self._kinds = [kind for kind in told if not kind.startswith("events") and ".metrics.k8s.io" not in kind]
        return ",".join(self._kinds)

    def _listable(self) -> list[str]:
        return self.kubectl("api-resources", "--namespaced", "--verbs=list", "--output=name").split()

    def labelled(self, selector: str) -> set[str]:
        """Everything with these labels, as kind/name."""
        return set(self.kubectl("get", self.kinds(), f"--selector={selector}", "--output=name").split())

    def diagnosis(self) -> dict[str, str]:
        """What somebody wants to see who asks why it failed: state, events, logs."""
        asked = {
            "all": ["get", "all,horizontalpodautoscalers", "--output=wide"],
            "events": ["get", "events", "--sort-by=.lastTimestamp"],
            "pods": ["describe", "pods"],
        }
        found = {what: _end(self._whatever("kubectl", words), 120) for what, words in asked.items()}
        for pod in self.pods():
            for past in ([], ["--previous"] if pod.restarts else None):
                if past is not None:
                    said = self._whatever("kubectl", ["logs", pod.name, "--tail=40", *past])
                    found[f"log of {pod.name}{' before its restart' if past else ''}"] = said
        return found

    def _whatever(self, program: str, words: list[str]) -> str:
        try:
            return run(program, f"--namespace={self.name}", *words, within=30, env=self._env)
        except Refused as refused:
            return str(refused)


def run(*words: str, within: float, given: str | None = None, env: Mapping[str, str] | None = None) -> str:
    """What the command printed. Raises Refused with what it said when it fails or takes too long.

    `within`: seconds, of a machine as fast as `patience` says.
    """
    within *= patience()
    try:
        done = subprocess.run(words, input=given, env=env, capture_output=True, text=True, timeout=within, check=False)
    except subprocess.TimeoutExpired:
        raise Refused(f"{' '.join(words[:6])} took longer than {within:g} s") from None
    if done.returncode:
        raise Refused(f"{' '.join(words)} ended with {done.returncode}: {done.stderr.strip()[-2_000:]}")
    return done.stdout


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _end(text: str, lines: int) -> str:
    return "\n".join(text.splitlines()[-lines:])
