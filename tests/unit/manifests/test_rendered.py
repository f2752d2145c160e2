"""What the charts make: settings that the service takes, a drain that fits its own, walls around it."""

from typing import Any

import pytest
from tests.unit.manifests.conftest import Render

from broadcast.settings import BroadcastSettings
from catalog.settings import CatalogSettings
from chassis.config import Settings, load
from contracts.readers import shared_out
from manifests import charts, crds, schemas
from notify.settings import NotifySettings
from orders.settings import OrdersSettings

SETTINGS: dict[str, type[Settings]] = {
    "catalog": CatalogSettings,
    "broadcast": BroadcastSettings,
    "orders": OrdersSettings,
    "notify": NotifySettings,
}


def one(manifests: list[charts.Manifest], kind: str, suffix: str = "") -> dict[str, Any]:
    (found,) = (each for each in manifests if each["kind"] == kind and each["metadata"]["name"].endswith(suffix))
    return found


def pod(manifests: list[charts.Manifest]) -> dict[str, Any]:
    spec: dict[str, Any] = one(manifests, "Deployment")["spec"]["template"]["spec"]
    return spec


@pytest.mark.parametrize("service", charts.SERVICES)
def test_a_service_starts_with_what_its_chart_tells_it(render: Render, service: str, tmp_path: Any) -> None:
    told = one(render(service, kafka={"ca": {"secret": ""}}), "ConfigMap")["data"]
    here = {name: _put(tmp_path, name, value) if name.endswith("_FILE") else value for name, value in told.items()}
    settings = load(SETTINGS[service], here)
    assert settings.kafka_username == service
    assert not settings.create_topics
    assert settings.shutdown_delay_seconds == 5


def _put(folder: Any, name: str, path: str) -> str:
    """A file in the place of one that a cluster would mount."""
    assert path.startswith("/secrets/")
    (folder / name).write_text("mongodb://db.example/" if "URI" in name else "apricot")
    return str(folder / name)


def test_every_file_that_settings_name_is_mounted(render: Render) -> None:
    secrets = {
        name: {"secret": "stripe", "key": name.lower()} for name in ("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET")
    }
    made = render("orders", secrets=secrets, mongodb={"tls": True, "ca": {"secret": "ca"}})
    named = {value for value in one(made, "ConfigMap")["data"].values() if value.startswith("/secrets/")}
    (volume,) = (each for each in pod(made)["volumes"] if each["name"] == "secrets")
    mounted = {
        f"/secrets/{item['path']}" for each in volume["projected"]["sources"] for item in each["secret"]["items"]
    }
    assert named == mounted
    assert len(named) == 6


def test_a_number_reaches_the_service_as_it_was_written(render: Render) -> None:
    made = render("orders", config={"MAX_BODY_BYTES": 2_097_152, "SETTLE_AFTER_SECONDS": 0.5, "LOG_LEVEL": "DEBUG"})
    data = one(made, "ConfigMap")["data"]
    assert (data["MAX_BODY_BYTES"], data["SETTLE_AFTER_SECONDS"], data["LOG_LEVEL"]) == ("2097152", "0.5", "DEBUG")


def test_a_changed_setting_rolls_the_pods_and_an_equal_one_does_not(render: Render) -> None:
    def mark(**values: Any) -> str:
        template = one(render("orders", **values), "Deployment")["spec"]["template"]
        return str(template["metadata"]["annotations"]["checksum/settings"])

    assert mark() == mark(autoscaling={"maxReplicas": 9})
    assert mark() != mark(config={"LOG_LEVEL": "DEBUG"})


def test_the_grace_period_covers_every_part_of_the_drain(render: Render) -> None:
    made = render("orders", shutdown={"preStopSeconds": 4, "delaySeconds": 20, "graceSeconds": 40})
    assert pod(made)["containers"][0]["lifecycle"]["preStop"] == {"sleep": {"seconds": 4}}
    assert pod(made)["terminationGracePeriodSeconds"] > 4 + 20 + 40 + 5
    assert "lifecycle" not in pod(render("orders", shutdown={"preStopSeconds": 0}))["containers"][0]


def test_who_scales_decides_the_replicas_and_nobody_else(render: Render) -> None:
    assert one(render("orders", autoscaling={"by": "none"}, replicas=3), "Deployment")["spec"]["replicas"] == 3
    for by, kind in (("cpu", "HorizontalPodAutoscaler"), ("lag", "ScaledObject")):
        made = render("orders", autoscaling={"by": by})
        assert "replicas" not in one(made, "Deployment")["spec"]
        assert len([each for each in made if each["kind"] in ("HorizontalPodAutoscaler", "ScaledObject")]) == 1
        assert one(made, kind)


def test_keda_is_shown_each_topic_that_the_services_group_reads(render: Render) -> None:
    triggers = one(render("notify", autoscaling={"by": "lag"}), "ScaledObject")["spec"]["triggers"]
    kafka = [each["metadata"] for each in triggers if each["type"] == "kafka"]
    assert {each["topic"] for each in kafka} == shared_out("notify")
    assert {(each["consumerGroup"], each["sasl"], each["tls"]) for each in kafka} == {
        ("notify", "scram_sha512", "enable")
    }


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_keda_calls_mechanisms_by_its_own_names(render: Render, mechanism: str) -> None:
    made = render("orders", autoscaling={"by": "lag"}, kafka={"saslMechanism": mechanism})
    own = {"PLAIN": "plaintext", "SCRAM-SHA-256": "scram_sha256", "SCRAM-SHA-512": "scram_sha512"}
    assert one(made, "ScaledObject")["spec"]["triggers"][1]["metadata"]["sasl"] == own[mechanism]


@pytest.mark.parametrize("service", charts.SERVICES)
def test_no_service_reaches_another(render: Render, service: str) -> None:
    made = render(service)
    closed, allowed = (one(made, "NetworkPolicy", suffix)["spec"] for suffix in ("-deny-all", "-allowed"))
    assert closed["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in closed
    assert "egress" not in closed
    peers = [peer for rule in allowed["egress"] for peer in rule["to"]]
    inside = [peer["podSelector"]["matchLabels"] for peer in peers if "podSelector" in peer]
    assert {tuple(labels.values()) for labels in inside} == {
        ("kube-dns",), ("shanhuo-kafka",), ("shanhuo-mongodb-svc",), ("issuer",)
    }  # fmt: skip


def test_only_who_must_reaches_the_internet_and_no_private_network_through_it(render: Render) -> None:
    outside = {
        service: [
            peer["ipBlock"] for rule in one(render(service), "NetworkPolicy", "-allowed")["spec"]["egress"]
            for peer in rule["to"] if "ipBlock" in peer
        ]
        for service in charts.SERVICES
    }  # fmt: skip
    assert [service for service, blocks in outside.items() if blocks] == ["notify"]
    except_for = {network for block in outside["notify"] for network in block["except"]}
    assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7"} <= except_for


PODS = {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "keycloak"}}}
ABROAD = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "identity"}}}
OWN = {"ipBlock": {"cidr": "192.0.2.10/32"}}


@pytest.mark.parametrize(
    ("url", "policy", "to", "port"),
    [
        ("http://keycloak:8080/realms/shanhuo", {}, [PODS], 8080),
        ("http://keycloak.identity.svc.cluster.local", {}, [ABROAD], 80),
        ("https://issuer.example.org", {}, ["0.0.0.0/0", "::/0"], 443),
        ("https://issuer.example.org:8443", {"to": [OWN]}, [OWN], 8443),
        ("https://issuer.example.org", {"to": [OWN], "ports": [9443]}, [OWN], 9443),
    ],
)
def test_the_way_to_the_issuer_is_open_wherever_it_is(
    render: Render, url: str, policy: dict[str, Any], to: list[Any], port: int
) -> None:
    made = render("catalog", issuer={"url": url}, networkPolicy={"issuer": policy})
    *_, way = one(made, "NetworkPolicy", "-allowed")["spec"]["egress"]
    outside = [peer["ipBlock"]["cidr"] for peer in way["to"] if "except" in peer.get("ipBlock", {})]
    assert (outside or way["to"], [each["port"] for each in way["ports"]]) == (to, [port])
    assert all("10.0.0.0/8" in str(peer) or "fc00::/7" in str(peer) for peer in way["to"] if outside)


@pytest.mark.parametrize("by", ["ingress", "httproute"])
def test_metrics_and_health_are_not_for_people_outside(render: Render, by: str) -> None:
    made = render("orders", expose={"by": by, "hosts": ["orders.example.org"], "gateways": [{"name": "public"}]})
    route = str(one(made, "Ingress" if by == "ingress" else "HTTPRoute"))
    assert "/orders" in route
    assert "/metrics" not in route
    assert "/health" not in route
    assert "'/'" not in route


def test_an_umbrella_tells_all_services_alike_and_one_of_them_more(render: Render) -> None:
    issuer = "https://issuer.example.org"
    made = render("shanhuo", **{"global": {"service": {"issuer": {"url": issuer}}}, "orders": {"replicas": 5,
        "autoscaling": {"by": "none"}}, "notify": {"enabled": False}})  # fmt: skip
    told = {each["metadata"]["name"]: each["data"] for each in made if "OIDC_ISSUER" in each.get("data", {})}
    assert {name: data["OIDC_ISSUER"] for name, data in told.items()} == dict.fromkeys(
        ("catalog", "broadcast", "orders"), issuer
    )
    assert one(made, "Deployment", "orders")["spec"]["replicas"] == 5


def test_mongodb_gives_each_service_its_own_database_and_no_other(render: Render) -> None:
    users = one(render("platform"), "MongoDBCommunity")["spec"]["users"]
    assert [(user["name"], user["db"], user["roles"]) for user in users] == [
        (service, service, [{"name": "readWrite", "db": service}]) for service in charts.SERVICES
    ]


def test_secrets_that_services_read_are_those_that_operators_write(render: Render) -> None:
    platform = render("platform")
    prefix = one(platform, "Kafka")["spec"]["entityOperator"]["userOperator"]["secretPrefix"]
    written = {prefix + each["metadata"]["name"] for each in platform if each["kind"] == "KafkaUser"}
    written |= {f"{one(platform, 'Kafka')['metadata']['name']}-cluster-ca-cert"}
    written |= {user["connectionStringSecretName"] for user in one(platform, "MongoDBCommunity")["spec"]["users"]}
    for chart in (*charts.SERVICES, "dead-letters"):
        (volume,) = (each for each in pod(render(chart))["volumes"] if each["name"] == "secrets")
        assert {each["secret"]["name"] for each in volume["projected"]["sources"]} <= written


@pytest.mark.parametrize(("version", "kind"), list(crds.kinds()))
def test_a_field_that_no_operator_knows_is_found(version: str, kind: str) -> None:
    wrong = {"apiVersion": version, "kind": kind, "metadata": {"name": "a"}, "spec": {"topologySpreadd": {}}}
    assert any("topologySpreadd" in each for each in schemas.complaints(wrong))


def test_a_field_that_kubernetes_does_not_know_is_found_in_every_version(render: Render) -> None:
    deployment = one(render("orders"), "Deployment")
    assert list(schemas.complaints(deployment)) == []
    deployment["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    found = list(schemas.complaints(deployment))
    assert len(found) == len(schemas.KUBERNETES)
    assert all("readynessProbe" in each for each in found)


def test_a_kind_that_nobody_knows_is_not_passed_over() -> None:
    assert list(schemas.complaints({"apiVersion": "example.org/v1", "kind": "Kiwi", "metadata": {"name": "a"}}))
