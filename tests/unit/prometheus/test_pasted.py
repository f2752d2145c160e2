"""What a runbook gives to be pasted into a shell does what it says."""

import base64
import os
import stat
import subprocess
from pathlib import Path

import pytest
from kafka.cli.admin import main_parser
from tests.unit.prometheus.commands import INDEX, RUNBOOKS, blocks


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.name)
def test_a_shell_takes_what_is_pasted(page: Path) -> None:
    pasted = "\n".join(blocks(page))
    checked = subprocess.run(["bash", "-n"], input=pasted, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.fixture
def pod(tmp_path: Path) -> Path:
    """A kubectl that runs here what a pod is to run, and notes it; a python and a mongosh that say what they hear."""
    kubectl = """echo "$*" >>"$0.told"
[[ $* == *"get secret"* ]] && exec echo "$SECRET"
while [[ $1 != -- ]]; do shift; done
shift && exec "$@"
"""
    for name, does in {
        "kubectl": kubectl,
        "python": 'printf "%s\\n" "$@"\n',
        "mongosh": 'cat; printf "\\n%s" "$@"\n',
    }.items():
        file = tmp_path / name
        file.write_text(f"#!/bin/bash\n{does}", encoding="utf-8")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return tmp_path


def typed(command: str, pod: Path, **env: str) -> list[str]:
    """The lines of what it says, after the page's own preparations."""
    given = "\n".join(blocks(INDEX)[:2])
    path = {"PATH": f"{pod}:{os.environ['PATH']}"}
    ran = subprocess.run(
        ["bash", "-c", f"{given}\n{command}"], env=path | env, capture_output=True, text=True, check=True
    )
    return ran.stdout.splitlines()


def test_kafka_is_asked_with_the_settings_of_the_pod(pod: Path) -> None:
    secret = pod / "password"
    secret.write_text("it's $ecret\n", encoding="utf-8")
    secured = {
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "KAFKA_USERNAME": "orders",
    }
    files = {"KAFKA_PASSWORD_FILE": str(secret), "KAFKA_TLS_CA_PATH": "/secrets/kafka/ca.crt"}
    servers = {"KAFKA_BOOTSTRAP_SERVERS": "shanhuo-kafka-bootstrap:9093"}
    module, *words = typed("kafka orders groups list-offsets -g orders", pod, **servers, **secured, **files)[1:]
    asked = main_parser().parse_args(words)
    assert (module, asked.bootstrap_servers) == ("kafka.admin", ["shanhuo-kafka-bootstrap:9093"])
    assert (asked.security_protocol, asked.sasl_mechanism) == ("SASL_SSL", "SCRAM-SHA-512")
    assert (asked.sasl_user, asked.sasl_password, asked.extra_config) == (
        "orders",
        "it's $ecret",
        ["ssl_cafile=/secrets/kafka/ca.crt"],
    )
    assert "--namespace shanhuo exec deploy/orders -- " in (pod / "kubectl.told").read_text(encoding="utf-8")
    open_to_all = main_parser().parse_args(typed("kafka orders topics describe", pod, **servers)[2:])
    assert (open_to_all.security_protocol, open_to_all.sasl_user, open_to_all.extra_config) == ("PLAINTEXT", None, None)


def test_a_database_is_asked_by_its_services_user_whose_password_no_list_of_processes_shows(pod: Path) -> None:
    uri = "mongodb://orders:secret@shanhuo-mongodb-0.shanhuo-mongodb-svc:27017/orders"
    said = typed(
        "mongo orders 'db.parcels.find({state: \"packing\"})'", pod, SECRET=base64.b64encode(uri.encode()).decode()
    )
    assert (said[0], said[-1]) == (uri, 'db.parcels.find({state: "packing"})')
    told = (pod / "kubectl.told").read_text(encoding="utf-8")
    assert "get secret mongodb-orders " in told
    assert "secret@" not in told
