"""A Prometheus of our own on a free port: the configuration of `deploy/prometheus`, aimed at addresses of this machine.

Started as a child process; its data are in `run_dir`. It listens on 127.0.0.1 only and, as Prometheus does, asks nobody
who they are.
"""

import shutil
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import yaml

from chassis.patience import patience
from stack import rules
from stack.processes import LOCAL, Child, free_port, wait_for

SHIPPED = Path(__file__).parents[1] / "prometheus"
PACKAGE = "prometheus is not installed (Debian: apt-get install prometheus)"
READY_WITHIN = 60.0  # seconds
_SCRAPES_IN_A_RATE = 4


class NotInstalledError(RuntimeError):
    """There is no `prometheus` program on this machine; the text names the package that has it."""


class Refused(RuntimeError):
    """Prometheus would not answer a query; the text is its own."""


class Prometheus:
    """One that runs. A context manager: it ends with the block."""

    def __init__(self, child: Child, url: str, interval: float) -> None:
        self.child = child
        self.url = url
        self.interval = interval
        self._http = httpx.Client(base_url=url, timeout=30.0, trust_env=False)

    def __enter__(self) -> "Prometheus":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._http.close()
        self.child.stop()

    def ask(self, path: str, query: Mapping[str, str | float] | None = None) -> Any:
        """The `data` of an answer of its HTTP API, `/api/v1/<path>`; raises `Refused` with what it says otherwise."""
        return _data(self._http.get(f"/api/v1/{path}", params=query))

    def query(self, expr: str, at: float) -> list[dict[str, Any]]:
        """The series of an instant query at this moment (seconds since 1970), each with one `value`."""
        return _series(self.ask("query", {"query": expr, "time": at}), "value")

    def query_range(self, expr: str, start: float, end: float, step: float) -> list[dict[str, Any]]:
        """The series of a range query, each with `values`: pairs of seconds since 1970 and text."""
        asked: dict[str, str | float] = {"query": expr, "start": start, "end": end, "step": step}
        return _series(self.ask("query_range", asked), "values")

    def label_values(self, metric: str, label: str, start: float, end: float) -> list[str]:
        """What `label_values(metric, label)` of a Grafana variable asks for."""
        return sorted(self.ask(f"label/{label}/values", {"match[]": metric, "start": start, "end": end}))

    def targets(self) -> dict[str, str]:
        """What it scrapes: address to health (`up`, `down`, `unknown`) or the error."""
        active = self.ask("targets", {"state": "active"})["activeTargets"]
        return {one["scrapeUrl"]: one["lastError"] or one["health"] for one in active}

    def rules(self) -> list[dict[str, Any]]:
        """Every rule as it stands: `name`, `type`, `health`, `lastError`, and for alerts `state` and `alerts`."""
        return [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]


def start(addresses: Mapping[str, str], run_dir: Path, *, interval: float = 1.0, haste: float = 1.0) -> Prometheus:
    """Start one that scrapes every `interval` seconds, with the repository's rules, and wait until it has scraped.

    `addresses` maps a host of `deploy/prometheus/prometheus.yaml` to the `host:port` where it is on this machine. With
    a `haste` of 60 the rules see in a minute what they else see in an hour; nothing else is hastened.
    """
    program = shutil.which("prometheus")
    if program is None:
        raise NotInstalledError(PACKAGE)
    port = free_port()
    own = run_dir / "prometheus"
    own.mkdir(parents=True, exist_ok=True)
    config = own / "prometheus.yaml"
    known = {**addresses, LOCAL: f"{LOCAL}:{port}"}
    least = timedelta(seconds=interval) * _SCRAPES_IN_A_RATE
    told = rules.write_compressed(rules.files(), own / "rules", haste, least) if haste != 1 else rules.files()
    text = yaml.safe_dump(configuration(known, interval, told), sort_keys=False)
    config.write_text(text, encoding="utf-8")
    options = {
        "config.file": config,
        "storage.tsdb.path": own / "data",
        "web.listen-address": f"{LOCAL}:{port}",
        "log.level": "warn",
    }
    command = [program, *(f"--{name}={value}" for name, value in options.items())]
    child = Child("prometheus", command, log=run_dir / "prometheus.log", cwd=own)
    url = f"http://{LOCAL}:{port}"
    try:
        wait_for({child: lambda: _lacks(url)}, within=READY_WITHIN * patience())
    except BaseException:
        child.kill()
        raise
    return Prometheus(child, url, interval)


def configuration(addresses: Mapping[str, str], interval: float, rule_files: Iterable[Path]) -> dict[str, Any]:
    """The shipped configuration with this machine's addresses; a job of which nothing is here is left out.

    Every target has a `service`, as under the Prometheus operator, those that are none of the four too.
    """
    config: dict[str, Any] = yaml.safe_load((SHIPPED / "prometheus.yaml").read_text(encoding="utf-8"))
    every = f"{round(interval * 1000)}ms"
    config["global"] = {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every}
    config["rule_files"] = [str(path.absolute()) for path in rule_files]
    config["scrape_configs"] = [job for raw in config["scrape_configs"] if (job := _job(raw, addresses, interval))]
    return config


def _job(job: dict[str, Any], addresses: Mapping[str, str], interval: float) -> dict[str, Any] | None:
    groups = []
    for group in job["static_configs"]:
        hosts = [target.partition(":")[0] for target in group["targets"]]
        if here := [addresses[host] for host in hosts if host in addresses]:
            groups.append({"labels": {"service": job["job_name"]}} | group | {"targets": here})
    if not groups:
        return None
    rarely = f"{max(1, round(interval)) * 2}s"
    own = {"scrape_interval": rarely, "scrape_timeout": rarely} if "scrape_interval" in job else {}
    return job | own | {"static_configs": groups}


def _lacks(url: str) -> str | None:
    """It knows its targets some seconds after it is ready; what they count until then it never sees happen."""
    try:
        answer = httpx.get(f"{url}/-/ready", timeout=1.0, trust_env=False)
        if not answer.is_success:
            return answer.text
        active = _data(httpx.get(f"{url}/api/v1/targets?state=active", timeout=1.0, trust_env=False))["activeTargets"]
    except httpx.TransportError as error:
        return f"{url} does not answer ({type(error).__name__})"
    waiting = [one["scrapeUrl"] for one in active if one["health"] == "unknown"]
    return None if active and not waiting else f"not scraped yet: {', '.join(waiting) or 'anything'}"


def _data(answer: httpx.Response) -> Any:
    said = answer.json() if "json" in answer.headers.get("content-type", "") else {}
    if said.get("status") != "success":
        raise Refused(f"{said.get('errorType', answer.status_code)}: {said.get('error', answer.text[:500])}")
    return said["data"]


def _series(data: dict[str, Any], name: str) -> list[dict[str, Any]]:
    if data["resultType"] == "scalar":
        return [{"metric": {}, name: data["result"] if name == "value" else [data["result"]]}]
    return list(data["result"])
