"""Reads and types what a request carries: body, query, idempotency key.

Refuses what does not fit, saying where and what would.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from chassis.refusals import Invalid, Late, Malformed, TooLarge, Unsupported
from chassis.routes import Route
from chassis.rows import decode as decode_text

_PATH: Final = re.compile(r" - at `(?:key in )?(.*?)`$")
_NAMED: Final = re.compile(r"^Object (?:missing required|contains unknown) field `(.*?)`")
_BYTE: Final = re.compile(r"\(byte (\d+)\)")
_STEP: Final = re.compile(r"\.([^.\[]+)|(\[)")
_KEY: Final = re.compile(r"^[\x21-\x7e]{1,255}$")
_JSON_TYPE: Final = re.compile(r"^application/(?:[\w.+-]+\+)?json$")


def body_reader(route: Route, max_body: int, max_upload: int) -> Callable[[dict[str, Any]], tuple[Any, str]]:
    """A function that gives the typed body and the text of a request to that route, whichever it takes."""
    if route.body is None:
        return lambda _: (None, "")
    if route.takes_csv:
        return lambda environ: (None, decode_text(_csv(environ, max_upload)))
    if route.takes_raw:
        return lambda environ: (None, _text(_read(environ, max_body)))
    decoder = msgspec.json.Decoder(route.body)
    optional = route.body_optional

    def read(environ: dict[str, Any]) -> tuple[Any, str]:
        raw = _read(environ, max_body)
        if not raw:
            if optional:
                return msgspec.convert({}, route.body), ""
            raise Malformed("body-missing", "A JSON body is needed.")
        if not _is_json(environ.get("CONTENT_TYPE", "")):
            raise Unsupported(
                "media-type", "Send the body as application/json.", field="Content-Type", valid="application/json"
            )
        return _decoded(decoder, raw, route.body), ""

    return read


def query_reader(route: Route) -> Callable[[str], Any]:
    """A function that gives the typed query of a request to that route. An empty parameter counts as absent."""
    wanted = route.query
    if wanted is None:
        return lambda _: None
    fields = {field.encode_name: field for field in msgspec.structs.fields(wanted)}
    several = {name for name, field in fields.items() if _is_list(field.type)}

    def read(query_string: str) -> Any:
        values: dict[str, Any] = {}
        for name, value in parse_qsl(query_string):
            if name not in fields:
                raise Invalid("unknown-parameter", f"There is no parameter `{name}`.", field=name, valid=sorted(fields))
            if name in several:
                values.setdefault(name, []).append(value)
            else:
                values[name] = value
        try:
            return msgspec.convert(values, wanted, strict=False)
        except msgspec.ValidationError as wrong:
            field, reason = _explain(str(wrong))
            raise Invalid(
                "invalid-parameter", reason, field=field.removeprefix("$."), valid=_valid(wanted, field)
            ) from wrong

    return read


def idempotency_key(environ: dict[str, Any], required: bool) -> str | None:
    """The request's `Idempotency-Key`. Raises `Malformed` when it is unusable, or absent although required."""
    key: str | None = environ.get("HTTP_IDEMPOTENCY_KEY")
    if key is None and not required:
        return None
    if key is None or not _KEY.match(key):
        valid = "1 to 255 visible ASCII characters, fresh for every new order of things, the same for a repetition"
        raise Malformed("idempotency-key", "Send an Idempotency-Key.", field="Idempotency-Key", valid=valid)
    return key


@lru_cache(maxsize=64)
def _is_json(content_type: str) -> bool:
    return bool(_JSON_TYPE.match(content_type.partition(";")[0].strip().lower()))


def _csv(environ: dict[str, Any], most: int) -> bytes:
    media_type, _, parameters = environ.get("CONTENT_TYPE", "").lower().partition(";")
    charset = re.search(r'charset="?([\w-]+)', parameters)
    if media_type.strip() != "text/csv" or (charset and charset[1] not in ("utf-8", "utf8")):
        raise Unsupported(
            "media-type", "Send the file as text/csv in UTF-8.", field="Content-Type", valid="text/csv; charset=utf-8"
        )
    return _read(environ, most)


def _text(raw: bytes) -> str:
    """As it was sent: encoded again it is the same bytes, so that a signature over them can be checked."""
    try:
        return raw.decode()
    except UnicodeDecodeError as wrong:
        raise Malformed("not-utf-8", f"The body is not UTF-8: byte {wrong.start}.", position=wrong.start) from wrong


def _read(environ: dict[str, Any], most: int) -> bytes:
    source = environ["wsgi.input"]
    if environ.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
        raise Unsupported("content-encoding", "Send the body uncompressed.", field="Content-Encoding", valid="identity")
    if not source.chunked_input and source.content_length > most:
        raise TooLarge("too-large", f"The body has {source.content_length} bytes; {most} are taken.", limit_bytes=most)
    try:
        raw: bytes = source.read(most + 1) if source.chunked_input else source.read()
    except ValueError as broken:
        raise Malformed("malformed-chunks", "The chunked encoding of the body is broken.") from broken
    except OSError as gone:
        raise Late("body-late", "The body did not arrive in time.") from gone
    if len(raw) > most:
        raise TooLarge("too-large", f"The body has more than the {most} bytes that are taken.", limit_bytes=most)
    if not source.chunked_input and len(raw) < source.content_length:
        raise Malformed("body-incomplete", f"{source.content_length} bytes were announced, {len(raw)} came.")
    return raw


def _decoded(decoder: Any, raw: bytes, wanted: Any) -> Any:
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as wrong:
        field, reason = _explain(str(wrong))
        raise Invalid("invalid-body", reason, field=field, valid=_valid(wanted, field)) from wrong
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as broken:
        raise Malformed(
            "malformed-json", f"The body is not JSON: {broken}.", position=_position(raw, broken)
        ) from broken


def _position(raw: bytes, broken: Exception) -> int:
    if found := _BYTE.search(str(broken)):
        return int(found[1])
    try:
        raw.decode()
    except UnicodeDecodeError as not_utf8:
        return not_utf8.start
    return len(raw)


def _explain(message: str) -> tuple[str, str]:
    """The JSON path of what is wrong, and why."""
    path = _PATH.search(message)
    where = path[1] if path else "$"
    named = _NAMED.match(message)
    return (f"{where}.{named[1]}" if named else where), _PATH.sub("", message)


@lru_cache(maxsize=256)
def _valid(wanted: Any, path: str) -> Any:
    """The JSON Schema of what belongs at that path, without prose; None when the path leads nowhere."""
    (schema,), parts = msgspec.json.schema_components([wanted], ref_template="{name}")
    for name, index in _STEP.findall(path):
        schema = _resolved(schema, parts)
        schema = schema.get("items", {}) if index else schema.get("properties", {}).get(name, {})
    found = {
        key: value
        for key, value in _resolved(schema, parts).items()
        if key not in ("title", "description", "examples", "default")
    }
    return found or None


def _resolved(schema: dict[str, Any], parts: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return dict(parts[schema["$ref"]])
    for option in schema.get("anyOf", ()):
        if "$ref" in option:
            return dict(parts[option["$ref"]])
    return schema


def _is_list(kind: Any) -> bool:
    return isinstance(msgspec.inspect.type_info(kind), msgspec.inspect.CollectionType)
