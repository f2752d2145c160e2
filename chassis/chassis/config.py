"""Settings from the environment, all checked before anything starts. Never shows a value: any may be a secret.

Any setting may be given by file: `MONGODB_PASSWORD_FILE` names a file that holds `MONGODB_PASSWORD`, as Kubernetes and
Docker mount secrets.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import msgspec
from msgspec import Meta

from chassis import faults
from chassis.engines import BrokerSettings, Count, Url, is_port
from chassis.tracing.settings import TracingSettings

__all__ = ["BadSettings", "Bind", "Count", "Seconds", "Settings", "Some", "Url", "load"]

Bind = Annotated[str, Meta(pattern=r"^([^:\s]+:)?[0-9]{1,5}$", description="[address:]port to listen on.")]
Some = Annotated[str, Meta(min_length=1)]
Seconds = Annotated[float, Meta(ge=0)]
_GOT = re.compile(r", got .*$|(?<=Invalid enum value) .*$")


class BadSettings(Exception):
    """The environment lacks settings or has unusable ones; the text names all of them in one line."""


class Settings(TracingSettings, frozen=True, kw_only=True):
    """What every service must be told. The variable of a field is its name in upper case."""

    oidc_issuer: Url
    oidc_audience: Some = "shanhuo"
    http_bind: Bind = "0.0.0.0:8000"
    log_level: Annotated[str, Meta(pattern=r"^(DEBUG|INFO|WARNING|ERROR|CRITICAL)$")] = "INFO"
    cors_origins: str = ""
    max_body_bytes: Count = 1_048_576
    max_upload_bytes: Count = 67_108_864
    kafka_session_timeout_ms: Count = 6000
    kafka_group: str = ""
    create_topics: bool = True
    mongodb_database: str = ""
    mongodb_pool_size: Count = 16
    shutdown_delay_seconds: Seconds = 0.0
    shutdown_grace_seconds: Seconds = 10.0
    outbox_sweep_seconds: Seconds = 5.0
    max_workers: Count = 512
    fault_flags_path: str = ""

    def mismatches(self) -> Iterator[str]:
        yield from TracingSettings.mismatches(self)
        if not is_port(self.http_bind.rpartition(":")[2]):
            yield "HTTP_BIND is invalid (a port is a number from 1 to 65535)"
        yield from faults.complaints(self.fault_flags_path)


S = TypeVar("S", bound=BrokerSettings)


def load(cls: type[S], env: Mapping[str, str]) -> S:
    """The settings of `cls` as the environment gives them; an empty variable counts as unset. Raises `BadSettings`."""
    values: dict[str, Any] = {}
    complaints: list[str] = []
    for field in msgspec.structs.fields(cls):
        variable = field.name.upper()
        try:
            if given := _given(variable, env):
                values[field.name] = msgspec.convert(given, field.type, strict=False)
            elif field.required:
                complaints.append(f"{variable} is missing")
        except _Unusable as reason:
            complaints.append(str(reason))
        except msgspec.ValidationError as wrong:
            complaints.append(f"{variable} is invalid ({_GOT.sub('', str(wrong))}{_choice(field.type)})")
    if complaints:
        raise BadSettings("; ".join(complaints))
    settings = cls(**values)
    if several := [*settings.mismatches(), *settings.complaints()]:
        raise BadSettings("; ".join(several))
    return settings


def _choice(kind: Any) -> str:
    """What a setting may be, where these are few words."""
    words = [word for one in (kind, *get_args(kind)) if get_origin(one) is Literal for word in get_args(one)]
    return f": one of {', '.join(words)}" if words else ""


class _Unusable(Exception):
    """A setting by file that cannot be had."""


def _given(variable: str, env: Mapping[str, str]) -> str:
    """What a variable says, by itself or by file without the line's end; empty when neither does.

    The file's name is not shown either: who mistakes one for the other has put a secret there.
    """
    given, by_file = env.get(variable, ""), f"{variable}_FILE"
    path = env.get(by_file, "")
    if not path:
        return given
    if given:
        raise _Unusable(f"{variable} and {by_file} are both set: one is enough")
    try:
        said = Path(path).read_text(encoding="utf-8").removesuffix("\n")
    except OSError as error:
        raise _Unusable(f"{by_file} names a file that cannot be read ({error.strerror})") from None
    except ValueError:
        raise _Unusable(f"{by_file} names a file that is no text") from None
    if not said:
        raise _Unusable(f"{by_file} names an empty file")
    return said
