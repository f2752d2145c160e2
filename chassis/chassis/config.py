"""Settings from the environment, all checked before anything starts. Never shows a value: any may be a secret."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

Url = Annotated[str, Meta(pattern=r"^https?://[^\s/]+", description="http:// or https:// address.")]
Bind = Annotated[str, Meta(pattern=r"^([^:\s]+:)?[0-9]{1,5}$", description="[address:]port to listen on.")]
Some = Annotated[str, Meta(min_length=1)]
Count = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(ge=0)]
_GOT = re.compile(r", got .*$|(?<=Invalid enum value) .*$")


class BadSettings(Exception):
    """The environment lacks settings or has unusable ones; the text names all of them in one line."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What every service must be told. The variable of a field is its name in upper case."""

    kafka_bootstrap_servers: Some
    mongodb_uri: Some
    oidc_issuer: Url
    oidc_audience: Some = "shanhuo"
    http_bind: Bind = "0.0.0.0:8000"
    log_level: Annotated[str, Meta(pattern=r"^(DEBUG|INFO|WARNING|ERROR|CRITICAL)$")] = "INFO"
    cors_origins: str = ""
    max_body_bytes: Count = 1_048_576
    max_upload_bytes: Count = 67_108_864
    kafka_topic_partitions: Count = 3
    kafka_replication_factor: Count = 1
    kafka_session_timeout_ms: Count = 6000
    kafka_group: str = ""
    create_topics: bool = True
    mongodb_database: str = ""
    mongodb_pool_size: Count = 16
    shutdown_grace_seconds: Seconds = 10.0
    outbox_sweep_seconds: Seconds = 5.0
    max_workers: Count = 512

    def __repr__(self) -> str:
        """Names no value: whatever prints settings, a log or a traceback, prints no secret."""
        return f"<{type(self).__name__}>"

    def complaints(self) -> Iterable[str]:
        """What is wrong although each field is right by itself, each naming its variable. For services to say."""
        return ()


S = TypeVar("S", bound=Settings)


def load(cls: type[S], env: Mapping[str, str]) -> S:
    """The settings of `cls` as the environment gives them; an empty variable counts as unset. Raises `BadSettings`."""
    values: dict[str, Any] = {}
    complaints: list[str] = []
    for field in msgspec.structs.fields(cls):
        variable = field.name.upper()
        given = env.get(variable, "")
        if given == "":
            if field.required:
                complaints.append(f"{variable} is missing")
            continue
        try:
            values[field.name] = msgspec.convert(given, field.type, strict=False)
        except msgspec.ValidationError as wrong:
            complaints.append(f"{variable} is invalid ({_GOT.sub('', str(wrong))})")
    if complaints:
        raise BadSettings("; ".join(complaints))
    settings = cls(**values)
    if several := list(settings.complaints()):
        raise BadSettings("; ".join(several))
    return settings
