"""Whether who changes something has seen it as it is now: its version as an `ETag`, and `If-Match` against it. Pure.

Reading and writing are guarded by themselves; this guards what a person decided on an older state than the one at rest.
"""

from typing import Protocol

from chassis.refusals import Stale


class Versioned(Protocol):
    """An order, an allotment, a parcel: each change counts its version up."""

    @property
    def version(self) -> int:
        """How often it was changed."""
        ...


def etag(noun: Versioned) -> str:
    """The version as HTTP compares it."""
    return f'"{noun.version}"'


def require_fresh(noun: Versioned, if_match: str | None) -> None:
    """Raises `Stale` when the asker decided on another state than the one at rest. Who names none takes any."""
    if if_match is None:
        return
    seen = {tag.strip() for tag in if_match.split(",")}
    if not seen & {"*", etag(noun)}:
        kind = type(noun).__name__.lower()
        raise Stale(f"{kind}-changed", f"The {kind} has changed since you looked.", version=noun.version)
