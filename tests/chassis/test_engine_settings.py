"""The ways to the engines: what does not fit together is complained of at the start, by name, with no value shown."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import trustme

from chassis import brokers, databases
from chassis.config import BadSettings, Settings, load

ENOUGH = {
    "KAFKA_BOOTSTRAP_SERVERS": "broker:9092, other:9092",
    "MONGODB_URI": "mongodb://db",
    "OIDC_ISSUER": "https://issuer.example",
}
USER = {"KAFKA_SASL_MECHANISM": "SCRAM-SHA-512", "KAFKA_USERNAME": "orders", "KAFKA_PASSWORD": "hunter2"}


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Files: a CA, a certificate, its key, both in one, a key that is another's, and something else altogether."""
    folder = tmp_path_factory.mktemp("papers")
    authority = trustme.CA()
    ours, other = authority.issue_cert("orders.example"), authority.issue_cert("other.example")
    authority.cert_pem.write_to_path(folder / "ca")
    ours.cert_chain_pems[0].write_to_path(folder / "certificate")
    ours.private_key_pem.write_to_path(folder / "key")
    other.private_key_pem.write_to_path(folder / "other-key")
    ours.private_key_and_cert_chain_pem.write_to_path(folder / "both")
    (folder / "junk").write_text("hunter2")
    return {file.name: str(file) for file in folder.iterdir()} | {"absent": str(folder / "absent")}


def told(settings: Settings) -> dict[str, Any]:
    """What kafka-python is told of the broker; how it waits for sockets is no matter of settings."""
    return {name: value for name, value in brokers.connection(settings).items() if name != "selector"}


def complaint(**env: str) -> str:
    with pytest.raises(BadSettings) as bad:
        load(Settings, {**ENOUGH, **env})
    assert "hunter" not in str(bad.value)
    return str(bad.value)


@pytest.mark.parametrize("field", [field.name for field in msgspec.structs.fields(Settings)])
def test_operators_find_every_setting_of_every_service(field: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    assert f"`{field.upper()}`" in page


def test_without_a_word_it_is_plain_text_and_nobody_in_particular() -> None:
    settings = load(Settings, ENOUGH)
    assert {name: value for name, value in told(settings).items() if value} == {
        "bootstrap_servers": ["broker:9092", "other:9092"],
        "security_protocol": "PLAINTEXT",
        "ssl_check_hostname": True,
    }
    assert databases.connection(settings) == {"host": "mongodb://db", "w": "majority", "journal": True}


def test_all_that_is_said_reaches_the_clients(papers: dict[str, str]) -> None:
    own = {"KAFKA_TLS_CERTIFICATE_PATH": papers["certificate"], "KAFKA_TLS_KEY_PATH": papers["key"]}
    tls = {"MONGODB_TLS": "true", "MONGODB_TLS_CA_PATH": papers["ca"], "MONGODB_TLS_CERTIFICATE_PATH": papers["both"]}
    user = {"MONGODB_USERNAME": "orders", "MONGODB_PASSWORD": "s3cret", "MONGODB_AUTH_SOURCE": "users"}
    broker = {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_TLS_CA_PATH": papers["ca"], **own, **USER}
    settings = load(Settings, {**ENOUGH, **broker, **tls, **user})
    assert told(settings) == {
        "bootstrap_servers": ["broker:9092", "other:9092"],
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "orders",
        "sasl_plain_password": "hunter2",
        "ssl_check_hostname": True,
        "ssl_cafile": papers["ca"],
        "ssl_certfile": papers["certificate"],
        "ssl_keyfile": papers["key"],
    }
    said = databases.connection(settings)
    assert (said["username"], said["password"], said["authentication_source"]) == ("orders", "s3cret", "users")
    assert (said["tls"], said["tlsCAFile"], said["tlsCertificateKeyFile"]) == (True, papers["ca"], papers["both"])
    assert (said["w"], said["journal"]) == ("majority", True)


@pytest.mark.parametrize("lacking", USER)
def test_sasl_wants_a_mechanism_a_user_and_a_password(lacking: str) -> None:
    rest = {name: value for name, value in USER.items() if name != lacking}
    words = complaint(KAFKA_SECURITY_PROTOCOL="SASL_PLAINTEXT", **rest)
    assert words == f"{lacking} is missing: KAFKA_SECURITY_PROTOCOL is SASL_PLAINTEXT"


def test_a_password_that_would_not_be_used_is_complained_of() -> None:
    words = complaint(KAFKA_PASSWORD="hunter2")
    assert words == "KAFKA_PASSWORD would not be used: KAFKA_SECURITY_PROTOCOL is without SASL"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"ca": "ca"}, "KAFKA_TLS_CA_PATH would not be used: KAFKA_SECURITY_PROTOCOL is without TLS"),
        ({"protocol": "SSL", "ca": "absent"}, "KAFKA_TLS_CA_PATH cannot be read (No such file or directory)"),
        ({"protocol": "SSL", "ca": "junk"}, "KAFKA_TLS_CA_PATH names a file without a certificate"),
        (
            {"protocol": "SSL", "certificate": "certificate"},
            "KAFKA_TLS_KEY_PATH is missing: KAFKA_TLS_CERTIFICATE_PATH is given",
        ),
        ({"protocol": "SSL", "key": "key"}, "KAFKA_TLS_CERTIFICATE_PATH is missing: KAFKA_TLS_KEY_PATH is given"),
        (
            {"protocol": "SSL", "certificate": "certificate", "key": "other-key"},
            "there is no certificate with its unencrypted key in KAFKA_TLS_CERTIFICATE_PATH and KAFKA_TLS_KEY_PATH",
        ),
        (
            {"protocol": "SSL", "certificate": "certificate", "key": "absent"},
            "KAFKA_TLS_CERTIFICATE_PATH and KAFKA_TLS_KEY_PATH cannot be read (No such file or directory)",
        ),
    ],
)
def test_certificates_for_the_broker_that_do_not_do_are_complained_of(
    papers: dict[str, str], given: dict[str, str], words: str
) -> None:
    variables = {"ca": "KAFKA_TLS_CA_PATH", "certificate": "KAFKA_TLS_CERTIFICATE_PATH", "key": "KAFKA_TLS_KEY_PATH"}
    env = {variables[name]: papers[file] for name, file in given.items() if name in variables}
    assert complaint(KAFKA_SECURITY_PROTOCOL=given.get("protocol", ""), **env) == words


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"MONGODB_USERNAME": "orders"}, "MONGODB_PASSWORD is missing: MONGODB_USERNAME is given"),
        ({"MONGODB_PASSWORD": "hunter2"}, "MONGODB_USERNAME is missing: MONGODB_PASSWORD is given"),
        (
            {"MONGODB_URI": "mongodb+srv://u:hunter3@db", "MONGODB_USERNAME": "orders", "MONGODB_PASSWORD": "hunter2"},
            "MONGODB_USERNAME and MONGODB_PASSWORD and a user in MONGODB_URI are both given: one is enough",
        ),
        ({"MONGODB_TLS_CA_PATH": "ca"}, "MONGODB_TLS_CA_PATH would not be used: MONGODB_TLS is not true"),
        (
            {"MONGODB_TLS": "true", "MONGODB_TLS_CERTIFICATE_PATH": "certificate"},
            "there is no certificate with its unencrypted key in MONGODB_TLS_CERTIFICATE_PATH",
        ),
    ],
)
def test_what_does_not_do_for_the_database_is_complained_of(
    papers: dict[str, str], env: dict[str, str], words: str
) -> None:
    assert complaint(**{name: papers.get(value, value) for name, value in env.items()}) == words


@pytest.mark.parametrize(
    "servers", ["broker", "a:1,b:65535", "10.0.0.1:9092 , [::1]:9092", "kafka-0.kafka.svc.cluster.local:9093"]
)
def test_addresses_of_brokers_are_taken(servers: str) -> None:
    assert load(Settings, {**ENOUGH, "KAFKA_BOOTSTRAP_SERVERS": servers})


@pytest.mark.parametrize(
    "servers",
    ["hunter:abc", "hunter:0", "hunter:70000", "[::1", "::1:9092", "hunter:1,", "SSL://hunter:1", "hunter:1 b:2"],
)
def test_what_is_no_address_of_a_broker_is_complained_of_at_the_start(servers: str) -> None:
    assert complaint(KAFKA_BOOTSTRAP_SERVERS=servers).startswith("KAFKA_BOOTSTRAP_SERVERS is invalid (not host:port,")


@pytest.mark.parametrize(
    "uri",
    [
        "db:27017",
        "mongodb://",
        "mongodb://orders:hunter@2@db/",
        "mongodb://orders:hun%ter@db",
        "mongodb://hunter:notaport",
        "mongodb+srv://orders:hunter/2@db",
        "mongodb+srv://hunter:27017",
        "mongodb+srv://hunter,b/orders",
    ],
)
def test_what_is_no_address_of_a_database_is_complained_of_at_the_start_with_what_would_be_right(uri: str) -> None:
    assert complaint(MONGODB_URI=uri).startswith("MONGODB_URI is invalid (mongodb://[user:password@]host[:port],…")


@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://a:27017,b/?replicaSet=rs0&w=majority",
        "mongodb://[::1]:27017,%2Ftmp%2Fmongodb-27017.sock/orders",
        "mongodb+srv://o:p%40ss@db.example/orders?tls=true",
        "mongodb+srv://db.example?srvMaxHosts=3",
    ],
)
def test_addresses_of_databases_are_taken_without_asking_anybody(uri: str) -> None:
    assert load(Settings, {**ENOUGH, "MONGODB_URI": uri})


def test_a_file_in_the_uri_that_is_not_there_is_complained_of_like_any_other() -> None:
    told = complaint(MONGODB_URI="mongodb://db/?tls=true&tlsCAFile=/hunter", KAFKA_USERNAME="orders")
    assert "MONGODB_URI names a file that cannot be read (No such file or directory)" in told
    assert "KAFKA_USERNAME would not be used" in told


def test_a_user_in_the_uri_is_enough() -> None:
    uri: dict[str, Any] = {"MONGODB_URI": "mongodb://orders:hunter2@db/?authSource=users&tls=true"}
    assert databases.connection(load(Settings, {**ENOUGH, **uri}))["host"] == uri["MONGODB_URI"]


def test_a_broker_that_is_not_there_is_told_in_words() -> None:
    settings = load(Settings, {**ENOUGH, "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"})
    with pytest.raises(brokers.NotReached, match=r"^no connection: 111 ECONNREFUSED \(127\.0\.0\.1:1\)$"):
        brokers.reach(settings)
