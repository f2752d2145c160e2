"""How Kafka and MongoDB are reached: the settings of it, and what does not fit together among them.

Connects to nothing. Files of certificates are read once, at the start, so that a wrong one is met there by its name.
"""

import re
import ssl
import warnings
from collections.abc import Iterable, Iterator
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
Count = Annotated[int, Meta(ge=1)]
Url = Annotated[str, Meta(pattern=r"^https?://[^\s/]+", description="http:// or https:// address.")]
_SERVER: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+)(:(?P<port>[0-9]{1,5}))?")
_SRV_HOST: Final = re.compile(r"(^|@)[^@:,/]+$")  # one, without a port
_MOST_PORT: Final = 65_535
_USER_IN_URI: Final = re.compile(r"^mongodb(\+srv)?://[^/]*@")


class BrokerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the broker is, who we are to it, by which certificates we know one another, how topics are made."""

    kafka_bootstrap_servers: Annotated[str, Meta(min_length=1)]
    kafka_security_protocol: Protocol = "PLAINTEXT"
    kafka_sasl_mechanism: Mechanism | None = None
    kafka_username: str = ""
    kafka_password: str = ""
    kafka_tls_ca_path: str = ""
    kafka_tls_certificate_path: str = ""
    kafka_tls_key_path: str = ""
    kafka_topic_partitions: Count | None = None
    kafka_replication_factor: Count = 1

    def __repr__(self) -> str:
        """Names no value: whatever prints settings, a log or a traceback, prints no secret."""
        return f"<{type(self).__name__}>"

    @property
    def kafka_sasl(self) -> bool:
        """Whether the broker wants a name and a password."""
        return self.kafka_security_protocol.startswith("SASL_")

    @property
    def kafka_tls(self) -> bool:
        """Whether what we say to the broker is encrypted."""
        return self.kafka_security_protocol.endswith("SSL")

    def mismatches(self) -> Iterator[str]:
        """What is wrong with the ways to the engines although each setting is right by itself."""
        yield from _servers(self.kafka_bootstrap_servers)
        yield from _sasl(self)
        yield from _kafka_tls(self)

    def complaints(self) -> Iterable[str]:
        """The same of what a service is told besides, each naming its variable. For services to say."""
        return ()


class EngineSettings(BrokerSettings, frozen=True, kw_only=True):
    """The same for the database."""

    mongodb_uri: Annotated[str, Meta(min_length=1)]
    mongodb_username: str = ""
    mongodb_password: str = ""
    mongodb_auth_source: str = ""
    mongodb_tls: bool = False
    mongodb_tls_ca_path: str = ""
    mongodb_tls_certificate_path: str = ""

    def mismatches(self) -> Iterator[str]:
        yield from BrokerSettings.mismatches(self)
        yield from _uri(self.mongodb_uri)
        yield from _mongodb_user(self)
        yield from _mongodb_tls(self)


def is_port(text: str) -> bool:
    """Whether this number is one that can be listened on or connected to."""
    return 0 < int(text) <= _MOST_PORT


def _servers(given: str) -> Iterator[str]:
    found = [_SERVER.fullmatch(server.strip()) for server in given.split(",")]
    if not all(server and is_port(server["port"] or "9092") for server in found):
        yield "KAFKA_BOOTSTRAP_SERVERS is invalid (not host:port, or several of them with commas between)"


def _uri(given: str) -> Iterator[str]:
    """As the driver reads it. What it says of a wrong one may have the password in it."""
    named, srv, rest = given.partition("mongodb+srv://")
    try:
        if srv and not named:  # who is behind the name is not asked here, so that it is read as one host
            hosts = rest.partition("/")[0].partition("?")[0]
            if not _SRV_HOST.search(hosts):
                raise ValueError
            given = f"mongodb://{hosts}"
        with warnings.catch_warnings(action="ignore"):  # of options; it says them when it connects
            parse_uri(given)
    except OSError as error:
        yield f"MONGODB_URI names a file that cannot be read ({error.strerror})"
    except (PyMongoError, ValueError):
        yield (
            "MONGODB_URI is invalid (mongodb://[user:password@]host[:port],…/[database][?options], "
            "with user and password percent-encoded)"
        )


def _sasl(settings: BrokerSettings) -> Iterator[str]:
    """A name and a password belong to SASL, and SASL wants both."""
    given = {
        "KAFKA_SASL_MECHANISM": settings.kafka_sasl_mechanism,
        "KAFKA_USERNAME": settings.kafka_username,
        "KAFKA_PASSWORD": settings.kafka_password,
    }
    if settings.kafka_sasl:
        asked = f"is missing: KAFKA_SECURITY_PROTOCOL is {settings.kafka_security_protocol}"
        yield from (f"{name} {asked}" for name, value in given.items() if not value)
    elif several := [name for name, value in given.items() if value]:
        yield f"{' and '.join(several)} would not be used: KAFKA_SECURITY_PROTOCOL is without SASL"


def _kafka_tls(settings: BrokerSettings) -> Iterator[str]:
    """Certificates belong to TLS; one of ours comes with its key."""
    paths = {
        "KAFKA_TLS_CA_PATH": settings.kafka_tls_ca_path,
        "KAFKA_TLS_CERTIFICATE_PATH": settings.kafka_tls_certificate_path,
        "KAFKA_TLS_KEY_PATH": settings.kafka_tls_key_path,
    }
    _, certificate, key = paths
    given = [name for name, path in paths.items() if path]
    if given and not settings.kafka_tls:
        yield f"{' and '.join(given)} would not be used: KAFKA_SECURITY_PROTOCOL is without TLS"
        return
    if bool(paths[certificate]) != bool(paths[key]):
        missing, there = (key, certificate) if paths[certificate] else (certificate, key)
        yield f"{missing} is missing: {there} is given"
        return
    yield from _authority("KAFKA_TLS_CA_PATH", settings.kafka_tls_ca_path)
    yield from _own(f"{certificate} and {key}", paths[certificate], paths[key])


def _mongodb_user(settings: EngineSettings) -> Iterator[str]:
    """Either the URI says who we are, or the settings do, wholly."""
    given = {"MONGODB_USERNAME": settings.mongodb_username, "MONGODB_PASSWORD": settings.mongodb_password}
    several = [name for name, value in given.items() if value]
    if several and _USER_IN_URI.match(settings.mongodb_uri):
        yield f"{' and '.join(several)} and a user in MONGODB_URI are both given: one is enough"
    elif len(several) == 1:
        (missing,) = given.keys() - several
        yield f"{missing} is missing: {several[0]} is given"


def _mongodb_tls(settings: EngineSettings) -> Iterator[str]:
    """Certificates belong to TLS, which MONGODB_TLS turns on: what the URI says of it is the driver's to read."""
    paths = {
        "MONGODB_TLS_CA_PATH": settings.mongodb_tls_ca_path,
        "MONGODB_TLS_CERTIFICATE_PATH": settings.mongodb_tls_certificate_path,
    }
    given = [name for name, path in paths.items() if path]
    if given and not settings.mongodb_tls:
        yield f"{' and '.join(given)} would not be used: MONGODB_TLS is not true"
        return
    yield from _authority("MONGODB_TLS_CA_PATH", settings.mongodb_tls_ca_path)
    yield from _own("MONGODB_TLS_CERTIFICATE_PATH", settings.mongodb_tls_certificate_path, None)


def _authority(name: str, path: str) -> Iterator[str]:
    """Who vouches for the server."""
    try:
        if path:
            ssl.create_default_context(cafile=path)
    except ssl.SSLError:
        yield f"{name} names a file without a certificate"
    except OSError as error:
        yield f"{name} cannot be read ({error.strerror})"


def _own(names: str, certificate: str, key: str | None) -> Iterator[str]:
    """Our own certificate and its key, which is not encrypted: nobody is there to type a pass phrase."""
    try:
        if certificate:
            ssl.create_default_context().load_cert_chain(certificate, key, password="")
    except ssl.SSLError:
        yield f"there is no certificate with its unencrypted key in {names}"
    except OSError as error:
        yield f"{names} cannot be read ({error.strerror})"
