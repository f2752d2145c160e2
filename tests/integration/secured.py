"""A broker and a database that let in only who shows a password or a certificate, and the certificates for it."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pymongo
import trustme
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ResourcePattern,
    ResourceType,
    UserScramCredentialUpsertion,
)

from chassis import topics
from chassis.brokers import connection
from chassis.config import load
from chassis.engines import BrokerSettings
from contracts.acls import grants
from stack.containers.daemon import client
from stack.containers.engines import ContainedEngine, mongodb_uri, start_kafka, start_mongodb
from stack.containers.leftovers import label

ADMIN: Final = "admin"
ADMINS_PASSWORD: Final = "known only to the keeper"
PASSWORD: Final = "open sesame, said Ali = 40 %"
INSIDE: Final = "/papers"  # where the engines find their certificates
_LISTENER: Final = "KAFKA_LISTENER_NAME_HOST"


@dataclass(frozen=True)
class Papers:
    """Files of certificates: of who vouches for all, of the engines, of a client; and of somebody nobody trusts."""

    folder: Path

    @property
    def ca(self) -> str:
        return str(self.folder / "ca.pem")

    @property
    def strange_ca(self) -> str:
        return str(self.folder / "strange.pem")

    @property
    def certificate(self) -> str:
        return str(self.folder / "client.crt")

    @property
    def key(self) -> str:
        return str(self.folder / "client.key")

    @property
    def both(self) -> str:
        """Certificate and key in one file, as MongoDB's clients take them."""
        return str(self.folder / "client.pem")


def make_papers(folder: Path) -> Papers:
    """The engines are known as 127.0.0.1 alone: by any other name they are somebody else."""
    folder.chmod(0o755)  # the engines run as other users
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    trustme.CA().cert_pem.write_to_path(folder / "strange.pem")
    ours = authority.issue_cert("orders.shanhuo.example", common_name="orders")
    _write(folder / "client.crt", _chain(ours))
    _write(folder / "client.key", _key(ours))
    _write(folder / "client.pem", _key(ours) + _chain(ours))
    server = authority.issue_cert("127.0.0.1", organization_name="Shanhuo", organization_unit_name="engines")
    _write(folder / "server.pem", _key(server) + _chain(server))
    return Papers(folder)


def _write(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    file.chmod(0o644)


def _chain(papers: trustme.LeafCert) -> bytes:
    return b"".join(each.bytes() for each in papers.cert_chain_pems)


def _key(papers: trustme.LeafCert) -> bytes:
    """As PKCS #8, which is what Kafka reads."""
    key = load_pem_private_key(papers.private_key_pem.bytes(), password=None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def start_broker(run_dir: Path, papers: Papers, protocol: str, **env: str) -> ContainedEngine:
    """Apache Kafka that takes its clients by this protocol; `env` says more of it."""
    wanted = {
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": f"HOST:{protocol},INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_SSL_KEYSTORE_TYPE": "PEM",
        "KAFKA_SSL_KEYSTORE_LOCATION": f"{INSIDE}/server.pem",
        "KAFKA_SSL_TRUSTSTORE_TYPE": "PEM",
        "KAFKA_SSL_TRUSTSTORE_LOCATION": f"{INSIDE}/ca.pem",
        **env,
    }
    known = admins(papers) if protocol.startswith("SASL") else certified(papers)
    reach = connection(load(BrokerSettings, {**known, "KAFKA_BOOTSTRAP_SERVERS": "-"}))
    del reach["bootstrap_servers"]
    return start_kafka(run_dir, env=wanted, mounts={papers.folder: INSIDE}, reach=reach)


def start_broker_with_users(run_dir: Path, papers: Papers) -> ContainedEngine:
    """One that wants a user and a password over TLS, and lets each do only what it is granted.

    `orders` by PLAIN is known; who comes by SCRAM is to be made.
    """
    login = "org.apache.kafka.common.security"
    return start_broker(
        run_dir,
        papers,
        "SASL_SSL",
        KAFKA_SASL_ENABLED_MECHANISMS="PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
        KAFKA_AUTHORIZER_CLASS_NAME="org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        KAFKA_SUPER_USERS=f"User:{ADMIN};User:ANONYMOUS",  # the latter is the broker itself, on its inner listeners
        **{
            f"{_LISTENER}_PLAIN_SASL_JAAS_CONFIG": f"{login}.plain.PlainLoginModule required "
            f'user_{ADMIN}="{ADMINS_PASSWORD}" user_orders="{PASSWORD}";',
            f"{_LISTENER}_SCRAM___SHA___256_SASL_JAAS_CONFIG": f"{login}.scram.ScramLoginModule required;",
            f"{_LISTENER}_SCRAM___SHA___512_SASL_JAAS_CONFIG": f"{login}.scram.ScramLoginModule required;",
        },
    )


def grant(admin: Any, service: str) -> None:
    """All that the contracts say it needs, and nothing else."""
    wanted = [
        ACL(
            f"User:{service}",
            "*",
            ACLOperation[operation.upper()],
            ACLPermissionType.ALLOW,
            ResourcePattern(ResourceType[each.resource.upper()], each.name),
        )
        for each in grants()
        if each.service == service
        for operation in each.operations
    ]
    refused = admin.create_acls(wanted)["failed"]
    assert not refused, refused


def start_broker_for_the_certified(run_dir: Path, papers: Papers) -> ContainedEngine:
    """One that wants a certificate of its clients."""
    return start_broker(run_dir, papers, "SSL", **{f"{_LISTENER}_SSL_CLIENT_AUTH": "required"})


def admins(papers: Papers) -> dict[str, str]:
    """How its keeper gets into the broker with users."""
    return {
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_SASL_MECHANISM": "PLAIN",
        "KAFKA_USERNAME": ADMIN,
        "KAFKA_PASSWORD": ADMINS_PASSWORD,
        "KAFKA_TLS_CA_PATH": papers.ca,
    }


def keeper(broker: ContainedEngine, papers: Papers) -> BrokerSettings:
    """How its keeper reaches that broker."""
    return load(BrokerSettings, {"KAFKA_BOOTSTRAP_SERVERS": broker.address, **admins(papers)})


def make_user(keeper: BrokerSettings, user: str, mechanism: str, password: str) -> None:
    """Somebody who comes by SCRAM; who is there already gets this password."""
    with closing(topics.client(keeper)) as admin:
        told = admin.alter_user_scram_credentials([UserScramCredentialUpsertion(user, mechanism, password)])
    assert told == {user: None}


def certified(papers: Papers) -> dict[str, str]:
    """How anybody with a certificate gets into the broker that wants one."""
    return {
        "KAFKA_SECURITY_PROTOCOL": "SSL",
        "KAFKA_TLS_CA_PATH": papers.ca,
        "KAFKA_TLS_CERTIFICATE_PATH": papers.certificate,
        "KAFKA_TLS_KEY_PATH": papers.key,
    }


@dataclass(frozen=True)
class SecuredDatabase:
    """A server that wants a user, a password and a certificate; its data outlive it until it is discarded."""

    engine: ContainedEngine
    volume: Any

    @property
    def uri(self) -> str:
        return mongodb_uri(self.engine.port)

    def discard(self) -> None:
        self.engine.discard()
        self.volume.remove()


def start_database(run_dir: Path, papers: Papers, users: Mapping[str, str]) -> SecuredDatabase:
    """With these users, who may read and write the databases named after each. They are made while it is still open."""
    volume = client().volumes.create(labels=label())
    try:
        _provision(run_dir, volume.name, users)
        tls = ["--tlsMode", "requireTLS", "--tlsCertificateKeyFile", f"{INSIDE}/server.pem"]
        engine = start_mongodb(
            run_dir,
            volume=volume.name,
            arguments=["--auth", "--clusterAuthMode", "x509", *tls, "--tlsCAFile", f"{INSIDE}/ca.pem"],
            mounts={papers.folder: INSIDE},
            reach={
                "tls": True,
                "tlsCAFile": papers.ca,
                "tlsCertificateKeyFile": papers.both,
                "username": ADMIN,
                "password": ADMINS_PASSWORD,
            },
        )
    except BaseException:
        volume.remove()
        raise
    return SecuredDatabase(engine, volume)


def _provision(run_dir: Path, volume: str, users: Mapping[str, str]) -> None:
    engine = start_mongodb(run_dir, volume=volume)
    try:
        with pymongo.MongoClient[dict[str, Any]](mongodb_uri(engine.port)) as open_to_all:
            open_to_all.admin.command("createUser", ADMIN, pwd=ADMINS_PASSWORD, roles=["root"])
            for name, password in users.items():
                roles = [{"role": "readWrite", "db": name}]
                open_to_all.admin.command("createUser", name, pwd=password, roles=roles)
    finally:
        engine.stop()
        engine.discard()
