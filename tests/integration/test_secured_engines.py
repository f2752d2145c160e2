"""A broker and a database that demand who we are: a service gets in with the right papers, and says why without.

Apache Kafka with users over TLS and with certificates, a MongoDB-protocol server with users and certificates. Every
password is given by file, and is in no log, at any level.
"""

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaConsumer
from tests.integration import secured
from tests.integration.secured import PASSWORD, Papers, SecuredDatabase
from tests.integration.shop import set_aside

from chassis import topics
from chassis.brokers import connection
from chassis.config import load
from chassis.engines import BrokerSettings
from chassis.producer import Producer
from chassis.testing import eventually
from contracts.codec import decode, record, to_message
from contracts.ids import new_id
from stack.containers.engines import ContainedEngine
from stack.issuer import Issuer
from stack.processes import LOCAL, free_port
from stack.services import Service

# Two brokers and a database are started, in what time a busy machine has.
pytestmark = [pytest.mark.containers, pytest.mark.timeout(300)]
USER = "orders"
WRONG = "hunter2 is not it"
Start = Callable[..., Service]


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return secured.make_papers(tmp_path_factory.mktemp("papers"))


@pytest.fixture(scope="module")
def broker(run_dir: Path, papers: Papers) -> Iterator[ContainedEngine]:
    """Wants a user and a password, over TLS; the user of orders may do what the contracts say it needs."""
    broker = secured.start_broker_with_users(run_dir, papers)
    with closing(topics.client(secured.keeper(broker, papers))) as admin:
        secured.grant(admin, USER)
    yield broker
    broker.discard()


@pytest.fixture(scope="module")
def strict_broker(run_dir: Path, papers: Papers) -> Iterator[ContainedEngine]:
    """Wants a certificate."""
    broker = secured.start_broker_for_the_certified(run_dir, papers)
    yield broker
    broker.discard()


@pytest.fixture(scope="module")
def database(run_dir: Path, papers: Papers) -> Iterator[SecuredDatabase]:
    database = secured.start_database(run_dir, papers, {USER: PASSWORD})
    yield database
    database.discard()


@pytest.fixture
def keeper(broker: ContainedEngine, papers: Papers) -> BrokerSettings:
    """Whoever looks after the broker with users."""
    return secured.keeper(broker, papers)


@pytest.fixture
def secret(tmp_path: Path) -> Callable[[str], str]:
    """Writes a secret as an orchestrator mounts it; the file's path."""

    def write(content: str) -> str:
        file = tmp_path / f"secret-{secrets.token_hex(4)}"
        file.write_text(f"{content}\n")
        return str(file)

    return write


@pytest.fixture
def env(
    broker: ContainedEngine, database: SecuredDatabase, papers: Papers, issuer: Issuer, secret: Callable[[str], str]
) -> dict[str, str]:
    """What lets orders in everywhere."""
    return {
        "KAFKA_BOOTSTRAP_SERVERS": broker.address,
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_SASL_MECHANISM": "PLAIN",
        "KAFKA_USERNAME": USER,
        "KAFKA_PASSWORD_FILE": secret(PASSWORD),
        "KAFKA_TLS_CA_PATH": papers.ca,
        "MONGODB_URI": database.uri,
        "MONGODB_DATABASE": USER,
        "MONGODB_USERNAME": USER,
        "MONGODB_PASSWORD_FILE": secret(PASSWORD),
        "MONGODB_TLS": "true",
        "MONGODB_TLS_CA_PATH": papers.ca,
        "MONGODB_TLS_CERTIFICATE_PATH": papers.both,
        "OIDC_ISSUER": issuer.url,
        "LOG_LEVEL": "DEBUG",  # at which a library may say more than it should
    }


@pytest.fixture
def start(env: dict[str, str], issuer: Issuer, run_dir: Path) -> Iterator[Start]:
    """Starts orders with these papers, or as told (None: without). At the end its log is searched for secrets."""
    started: list[Service] = []

    def orders(**other: str | None) -> Service:
        wanted = {name: value for name, value in {**env, **other}.items() if value is not None}
        wanted["HTTP_BIND"] = f"{LOCAL}:{free_port()}"
        name = f"secured-{secrets.token_hex(4)}"
        started.append(Service("orders", issuer=issuer, run_dir=run_dir, env=wanted, log=name))
        return started[-1]

    yield orders
    for service in started:
        service.stop()
        for told in (PASSWORD, WRONG, "PRIVATE KEY"):
            assert told not in service.log()


def sells(service: Service, settings: BrokerSettings) -> None:
    """The service hears of stock, sells it, and says so: on the broker that these settings reach."""
    fact = set_aside(offered=3)
    told = record(fact, source="catalog", sequence=1, time=fact.allotted_at)
    producer = Producer(settings)
    producer.send([to_message(told)])
    producer.close()
    body = {"allotment_id": fact.allotment_id, "quantity": 1, "channel": "web"}
    with service.client("b1") as buyer:
        eventually(lambda: buyer.get(f"/allotments/{fact.allotment_id}").status_code == 200, within=30)
        answer = buyer.post("/orders", json=body, headers={"Idempotency-Key": new_id()})
    assert answer.status_code == 201, answer.text
    eventually(lambda: answer.json()["id"] in placed(settings), within=30)


def placed(settings: BrokerSettings) -> set[str]:
    """The orders that the broker has heard of."""
    with closing(
        KafkaConsumer("order.placed", **connection(settings), group_id=None, auto_offset_reset="earliest")
    ) as consumer:
        found = [message for messages in consumer.poll(timeout_ms=1_000).values() for message in messages]
    return {decode(message.headers, message.value).subject for message in found}


def says(service: Service, engine: str, words: str) -> None:
    """It is not ready, lives on, and its readiness says why of this engine: the pattern `words`."""

    def told() -> bool:
        lacking = service.lacks() or "nothing"
        assert re.search(f'"{engine}":"[^"]*{words}', lacking), lacking
        return True

    service.check()
    eventually(told, within=30)
    service.check()


def test_orders_sells_by_a_user_and_a_password_over_tls(start: Start, keeper: BrokerSettings) -> None:
    service = start()
    service.wait_ready()
    sells(service, keeper)


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_orders_sells_by_a_password_that_it_does_not_send(start: Start, keeper: BrokerSettings, mechanism: str) -> None:
    secured.make_user(keeper, USER, mechanism, PASSWORD)
    service = start(KAFKA_SASL_MECHANISM=mechanism)
    service.wait_ready()
    sells(service, keeper)


def test_orders_sells_by_a_certificate(start: Start, strict_broker: ContainedEngine, papers: Papers) -> None:
    certified = {"KAFKA_BOOTSTRAP_SERVERS": strict_broker.address, **secured.certified(papers)}
    service = start(**{"KAFKA_SASL_MECHANISM": None, "KAFKA_USERNAME": None, "KAFKA_PASSWORD_FILE": None, **certified})
    service.wait_ready()
    sells(service, load(BrokerSettings, certified))


def test_a_wrong_password_for_the_broker_is_said_and_mended_by_a_start_with_the_right_file(
    start: Start, secret: Callable[[str], str]
) -> None:
    file = secret(WRONG)
    service = start(KAFKA_PASSWORD_FILE=file)
    says(service, "kafka", "authentication refused")
    Path(file).write_text(PASSWORD)
    service.start_again()
    service.wait_ready()


def test_orders_gets_in_by_itself_as_soon_as_the_broker_knows_its_password(
    start: Start, keeper: BrokerSettings
) -> None:
    secured.make_user(keeper, USER, "SCRAM-SHA-512", f"not {PASSWORD}")
    service = start(KAFKA_SASL_MECHANISM="SCRAM-SHA-512")
    says(service, "kafka", "authentication refused")
    secured.make_user(keeper, USER, "SCRAM-SHA-512", PASSWORD)
    service.wait_ready()


def test_a_broker_that_nobody_vouches_for_is_not_talked_to(start: Start, papers: Papers) -> None:
    says(start(KAFKA_TLS_CA_PATH=papers.strange_ca), "kafka", "TLS failed: certificate verify failed")


def test_a_broker_under_another_name_than_its_certificates_is_not_talked_to(
    start: Start, broker: ContainedEngine
) -> None:
    service = start(KAFKA_BOOTSTRAP_SERVERS=f"localhost:{broker.port}")
    says(service, "kafka", "TLS failed: certificate verify failed: Hostname mismatch")


def test_a_broker_that_wants_tls_is_told_from_one_that_is_away(start: Start) -> None:
    service = start(KAFKA_SECURITY_PROTOCOL="SASL_PLAINTEXT", KAFKA_TLS_CA_PATH=None)
    says(service, "kafka", "TLS")
    says(service, "kafka", "KAFKA_SECURITY_PROTOCOL is SASL_PLAINTEXT")


def test_a_broker_that_wants_a_certificate_says_so(
    start: Start, strict_broker: ContainedEngine, papers: Papers
) -> None:
    without = {"KAFKA_SASL_MECHANISM": None, "KAFKA_USERNAME": None, "KAFKA_PASSWORD_FILE": None}
    at = {"KAFKA_BOOTSTRAP_SERVERS": strict_broker.address, "KAFKA_SECURITY_PROTOCOL": "SSL"}
    says(start(**without, **at), "kafka", "TLS failed: .* certificate.*: it wants KAFKA_TLS_CERTIFICATE_PATH")


def test_a_wrong_password_for_the_database_is_said_and_mended_by_a_start_with_the_right_file(
    start: Start, secret: Callable[[str], str]
) -> None:
    file = secret(WRONG)
    service = start(MONGODB_PASSWORD_FILE=file)
    says(service, "mongodb", "authentication refused")
    Path(file).write_text(PASSWORD)
    service.start_again()
    service.wait_ready()


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"MONGODB_TLS_CA_PATH": "strange.pem"}, "TLS failed: certificate verify failed"),
        ({"MONGODB_TLS_CERTIFICATE_PATH": None}, "TLS failed"),
        (dict.fromkeys(("MONGODB_TLS", "MONGODB_TLS_CA_PATH", "MONGODB_TLS_CERTIFICATE_PATH")), "TLS"),
        ({"MONGODB_USERNAME": None, "MONGODB_PASSWORD_FILE": None}, "authentication refused"),
    ],
    ids=["nobody vouches for it", "no certificate of ours", "no TLS", "no user"],
)
def test_the_database_lets_nobody_in_without_papers_and_readiness_says_which(
    start: Start, papers: Papers, other: dict[str, str | None], words: str
) -> None:
    found = {name: papers.strange_ca if value == "strange.pem" else value for name, value in other.items()}
    says(start(**found), "mongodb", words)


def test_a_user_in_the_uri_gets_in_too(start: Start, database: SecuredDatabase, secret: Callable[[str], str]) -> None:
    escaped = PASSWORD.replace("%", "%25").replace(" ", "%20")
    uri = database.uri.replace("mongodb://", f"mongodb://{USER}:{escaped}@")
    service = start(MONGODB_URI=None, MONGODB_URI_FILE=secret(uri), MONGODB_USERNAME=None, MONGODB_PASSWORD_FILE=None)
    service.wait_ready()
    assert escaped not in service.log()
