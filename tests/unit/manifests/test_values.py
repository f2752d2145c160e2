"""Bad values are refused before anything reaches a cluster, in words that name the value."""

from typing import Any

import pytest
from tests.unit.manifests.conftest import Render

from manifests.charts import Refused

BAD: list[tuple[dict[str, Any], str]] = [
    ({"colour": "red"}, "additional properties 'colour' not allowed"),
    ({"replicas": "two"}, "'/replicas': got string, want integer"),
    ({"image": {"tag": "latest"}}, "'/image/tag'"),
    ({"issuer": {"url": "issuer.example.org"}}, "'/issuer/url'"),
    ({"kafka": {"securityProtocol": "TLS"}}, "must be one of 'PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'"),
    ({"kafka": {"bootstrapServers": "kafka"}}, "'/kafka/bootstrapServers'"),
    ({"kafka": {"username": ""}}, "kafka.username and kafka.passwordSecret.name must be set"),
    ({"kafka": {"username": None}}, "missing property 'username'"),
    ({"mongodb": {"uriSecret": {"name": ""}}}, "mongodb.uri or mongodb.uriSecret.name must be set"),
    ({"mongodb": {"uri": "mongodb://orders:apricot@db/"}}, "mongodb.uri holds a password"),
    ({"mongodb": {"uri": "mongodb://db/", "username": "orders"}}, "mongodb.passwordSecret.name belong together"),
    ({"config": {"log-level": "DEBUG"}}, "'log-level' does not match pattern"),
    ({"config": {"STRIPE_SECRET_KEY": "sk_live"}}, "config.STRIPE_SECRET_KEY looks like a secret"),
    ({"config": {"OTEL_EXPORTER_OTLP_HEADERS": "authorization=x"}}, "OTEL_EXPORTER_OTLP_HEADERS looks like a secret"),
    ({"config": {"KAFKA_USERNAME": "me"}}, "config.KAFKA_USERNAME is made from the values below kafka"),
    ({"config": {"PAY_WITIN_SECONDS": 60}}, "config.PAY_WITIN_SECONDS is no setting of orders"),
    ({"config": {"LIVE_STREAMS_MOST": 60}}, "config.LIVE_STREAMS_MOST is no setting of orders"),
    ({"config": {"HTTP_BIND": "0.0.0.0:80"}}, "config.HTTP_BIND cannot be said"),
    ({"secrets": {"STRIPE_KEY": {"secret": "s", "key": "k"}}}, "secrets.STRIPE_KEY is no setting of orders"),
    (
        {"config": {"STRIPE_API": "https://a.example"}, "secrets": {"STRIPE_API": {"secret": "s", "key": "k"}}},
        "config.STRIPE_API and secrets.STRIPE_API are both given",
    ),
    ({"secrets": {"KAFKA_PASSWORD": {"secret": "s", "key": "k"}}}, "secrets.KAFKA_PASSWORD is made from the values"),
    ({"autoscaling": {"by": "memory"}}, "must be one of 'none', 'cpu', 'lag'"),
    ({"autoscaling": {"minReplicas": 9}}, "autoscaling.minReplicas, 9, is more than autoscaling.maxReplicas, 6"),
    ({"resources": {"limits": {"memory": "lots"}}}, "'/resources/limits/memory'"),
    ({"expose": {"by": "ingress"}}, "expose.hosts must name at least one host"),
    ({"expose": {"by": "httproute", "hosts": ["a.example"]}}, "expose.gateways must name at least one Gateway"),
    ({"networkPolicy": {"kafka": {"to": []}}}, "minItems: got 0, want 1"),
    ({"config": {"PAYMENT_PROVIDERS": "test,stripe"}}, "names a provider outside, and no way leads there"),
    ({"shutdown": {"delaySeconds": -1}}, "'/shutdown/delaySeconds'"),
    ({"global": {"service": {"kafka": {"securityProtocol": "TLS"}}}}, "'/global/service/kafka/securityProtocol'"),
    ({"global": {"service": {"isuer": {}}}}, "additional properties 'isuer' not allowed"),
]


@pytest.mark.parametrize(("values", "said"), BAD, ids=lambda each: str(each)[:60])
def test_bad_values_are_refused_by_name(render: Render, values: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused) as refused:
        render("orders", **values)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "policy", [{"enabled": False}, {"internet": {"ports": [443]}}, {"moreEgress": [{"ports": [{"port": 443}]}]}]
)
def test_a_way_to_a_payment_provider_may_be_told_to_all_services_alike(render: Render, policy: dict[str, Any]) -> None:
    told = {"orders": {"config": {"PAYMENT_PROVIDERS": "stripe"}}}
    assert render("shanhuo", **told, **{"global": {"service": {"networkPolicy": policy}}})
    with pytest.raises(Refused, match="no way leads there"):
        render("shanhuo", **told)


def test_a_password_that_is_refused_is_not_shown(render: Render) -> None:
    with pytest.raises(Refused) as refused:
        render("orders", mongodb={"uri": "mongodb://orders:apricot@db/"}, config={"STRIPE_SECRET_KEY": "sk_live"})
    assert "apricot" not in str(refused.value)
    assert "sk_live" not in str(refused.value)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"kafka": {"replicas": 0}}, "'/kafka/replicas'"),
        ({"mongodb": {"users": ["orders", "orders"]}}, "'/mongodb/users'"),
        ({"mongo": {}}, "additional properties 'mongo' not allowed"),
    ],
    ids=["no brokers", "a user twice", "a word wrong"],
)
def test_the_platform_refuses_bad_values_too(render: Render, values: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused) as refused:
        render("platform", **values)
    assert said in str(refused.value)
