"""Turns what went wrong into an RFC 9457 problem. Tells nothing that only the house should know."""

import logging
from http import HTTPStatus
from typing import Any, Final

import msgspec
from mongoengine.connection import ConnectionFailure as NotConnected

from chassis.outages import engine_of, is_away
from chassis.refusals import Refusal, Unavailable

MEDIA_TYPE: Final = "application/problem+json"
_log = logging.getLogger(__name__)
_encode: Final = msgspec.json.Encoder(enc_hook=str).encode  # a figure of any kind must not turn a no into a bug
_RETRY_SECONDS: Final = "1"
_BASE: Final = "/problems/"


class ProblemError(msgspec.Struct, frozen=True, omit_defaults=True):
    """One field that is wrong: its JSON path (or header, or parameter), why, and what would be valid."""

    field: str
    reason: str
    valid: Any = None


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """RFC 9457. Further members carry figures of the refusal; `type` is stable and ends in the refusal's code."""

    type: str
    title: str
    status: int
    detail: str
    instance: str = ""
    errors: list[ProblemError] = []


def refusal_of(error: Exception) -> Refusal | None:
    """The refusal that an exception amounts to; None for a bug."""
    if isinstance(error, Refusal):
        return error
    if is_away(error) or isinstance(error, NotConnected):
        engine = "mongodb" if isinstance(error, NotConnected) else engine_of(error)
        _log.warning("an engine is away", extra={"engine": engine, "reason": type(error).__name__})
        return Unavailable("engine-away", "Something this needs is away for the moment. Try again.")
    return None


def render(error: Exception, request_id: str) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, headers and body of the answer to a request that ended in `error`."""
    refusal = refusal_of(error)
    if refusal is None:
        _log.error("unhandled exception", exc_info=error)
        return 500, [("Content-Type", MEDIA_TYPE)], _encode(_bug(request_id))
    return refusal.status, _headers(refusal), _encode(_members(refusal, request_id))


def _headers(refusal: Refusal) -> list[tuple[str, str]]:
    headers = [("Content-Type", MEDIA_TYPE)]
    if refusal.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.append(("Retry-After", _RETRY_SECONDS))
    elif refusal.status == HTTPStatus.UNAUTHORIZED:
        error = ', error="invalid_token"' if refusal.code == "token-invalid" else ""
        headers.append(("WWW-Authenticate", f'Bearer realm="shanhuo"{error}'))
    elif refusal.status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers.append(("Allow", ", ".join(refusal.valid)))
    return headers


def _members(refusal: Refusal, request_id: str) -> dict[str, Any]:
    members = dict(refusal.figures)
    members |= {
        "type": _BASE + refusal.code,
        "title": refusal.title,
        "status": refusal.status,
        "detail": refusal.detail,
        "instance": _instance(request_id),
    }
    if refusal.field is not None:
        members["errors"] = [ProblemError(refusal.field, refusal.detail, refusal.valid)]
    elif refusal.valid is not None:
        members["valid"] = refusal.valid
    return members


def _bug(request_id: str) -> Problem:
    return Problem(
        _BASE + "bug", "Something is broken here", 500, "The fault is ours and was noted.", _instance(request_id)
    )


def _instance(request_id: str) -> str:
    return f"urn:shanhuo:request:{request_id}"
