"""The OpenAPI 3.1 document of a service, made from its routes. Needs no connection; the same routes give the same text.

python -m chassis.openapi orders.service:OrdersService
"""

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec
import yaml
from nameko.extensions import ENTRYPOINT_EXTENSIONS_ATTR

from chassis.auth import Role
from chassis.problems import MEDIA_TYPE, Problem
from chassis.refusals import Forbidden, Invalid, Malformed, Refusal, TooLarge, Unauthorized, Unavailable, Unsupported
from chassis.routes import Public, Route

_REFERENCE: Final = "#/components/schemas/{name}"
_TYPES: Final = {"string": {"type": "string"}, "int": {"type": "integer", "minimum": 0}, "float": {"type": "number"}}
_BEARER: Final = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "A token of the OpenID Connect issuer that the service trusts, with claims `roles` and `county`.",
}
_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "Made anew for every new intent and kept for its repetitions: the same key acts once.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


def routes(service_class: type) -> list[tuple[str, str, frozenset[Role] | Public]]:
    """Method, path and callers of every route of a service, in the order of the document."""
    return [(route.method, route.template, route.who) for _, route in _declared(service_class)]


def document(service_class: Any) -> dict[str, Any]:
    """The OpenAPI document of a service."""
    schemas: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    refused: set[type[Refusal]] = set()
    for function, route in _declared(service_class):
        refusals = _refusals(route)
        refused.update(refusals)
        paths.setdefault(route.template, {})[route.method.lower()] = _operation(function, route, refusals, schemas)
    problem = {MEDIA_TYPE: {"schema": _schema(Problem, schemas)}}
    found = {
        "openapi": "3.1.0",
        "info": {
            "title": f"Shanhuo {service_class.name}",
            "version": service_class.version,
            "description": inspect.getdoc(service_class) or "",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "responses": {
                kind.__name__: {"description": kind.title, "content": problem}
                for kind in sorted(refused, key=lambda kind: (kind.status, kind.__name__))
            },
            "securitySchemes": {"bearer": _BEARER},
        },
    }
    return msgspec.json.decode(msgspec.json.encode(found), type=dict[str, Any])  # JSON to the last default


def _declared(service_class: type) -> list[tuple[Callable[..., Any], Route]]:
    def found() -> Iterator[tuple[Callable[..., Any], Route]]:
        for _, function in inspect.getmembers(service_class, inspect.isfunction):
            for entrypoint in getattr(function, ENTRYPOINT_EXTENSIONS_ATTR, ()):
                if isinstance(route := getattr(entrypoint, "route", None), Route):
                    yield function, route

    return sorted(found(), key=lambda each: (each[1].template, each[1].method))


def _operation(
    function: Callable[..., Any], route: Route, refusals: list[type[Refusal]], schemas: dict[str, Any]
) -> dict[str, Any]:
    text = inspect.getdoc(function) or ""
    summary = route.summary or text.partition("\n")[0]
    operation: dict[str, Any] = {"operationId": function.__name__, "summary": summary, "description": text}
    if parameters := [
        *_path_parameters(route),
        *_query_parameters(route, schemas),
        *([_KEY] if route.idempotent else []),
    ]:
        operation["parameters"] = parameters
    if route.body is not None:
        operation["requestBody"] = _request_body(route, schemas)
    operation["responses"] = {str(route.status): _success(route, schemas)} | {
        str(kind.status): {"$ref": f"#/components/responses/{kind.__name__}"} for kind in refusals
    }
    public = isinstance(route.who, Public)
    operation["security"] = [] if public else [{"bearer": []}]
    operation["x-who"] = ["public"] if isinstance(route.who, Public) else sorted(route.who)
    return operation


def _refusals(route: Route) -> list[type[Refusal]]:
    """What a route may refuse with: what it declares, and what its callers, body and query bring with them."""
    kinds: dict[int, type[Refusal]] = {Unavailable.status: Unavailable}
    if not isinstance(route.who, Public):
        kinds |= {Unauthorized.status: Unauthorized, Forbidden.status: Forbidden}
    if route.body is not None:
        kinds |= {kind.status: kind for kind in (Malformed, TooLarge, Unsupported, Invalid)}
    if route.query is not None:
        kinds[Invalid.status] = Invalid
    if route.idempotent:
        kinds[Malformed.status] = Malformed
    kinds |= {kind.status: kind for kind in route.refusals}
    return [kinds[status] for status in sorted(kinds)]


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": _TYPES.get(converter, _TYPES["string"])}
        for name, converter in route.parameters.items()
    ]


def _query_parameters(route: Route, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    (schema,), parts = msgspec.json.schema_components([route.query], ref_template=_REFERENCE)
    wanted = parts.pop(schema["$ref"].rpartition("/")[2])
    schemas.update(parts)
    return [
        {"name": name, "in": "query", "required": name in wanted.get("required", ()), "schema": kind}
        for name, kind in wanted["properties"].items()
    ]


def _request_body(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    if route.takes_csv:
        return {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}
    if route.takes_raw:
        return {"required": True, "content": {"*/*": {"schema": {"type": "string"}}}}
    content = {"application/json": {"schema": _schema(route.body, schemas)}}
    return {"required": not route.body_optional, "content": content}


def _success(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    if route.returns is None:
        return {"description": "Done."}
    schema = _schema(route.returns, schemas) if route.media_type == "application/json" else {"type": "string"}
    return {"description": "Done.", "content": {route.media_type: {"schema": schema}}}


def _schema(kind: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    (schema,), parts = msgspec.json.schema_components([kind], ref_template=_REFERENCE)
    schemas.update(parts)
    return schema


def main(target: str) -> None:
    """Print the document of `package.module:Class` as YAML."""
    module, _, name = target.partition(":")
    found = document(getattr(importlib.import_module(module), name))
    print(yaml.safe_dump(found, sort_keys=False, allow_unicode=True, width=120), end="")


if __name__ == "__main__":
    main(sys.argv[1])
