"""W3C Trace Context as text: `00-<trace id>-<span id>-<flags>`. Pure; knows no OpenTelemetry.

An event carries the context it was made in. What travels with it names the span of its publishing, whose id is made
from the event's, so that the same fact published twice is the same message, byte for byte, whoever publishes it.
"""

import hashlib
import re
from typing import Final

_FORM: Final = re.compile(
    r"(?P<version>(?!ff)[0-9a-f]{2})-(?P<ids>(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
)


def read(text: str) -> str | None:
    """The context that somebody else wrote, in version 00; None when it is none, for a bad one must not stop anything.

    A later version may say more behind the flags, which is let pass as the recommendation asks.
    """
    found = _FORM.fullmatch(text)
    if found is None or (found["version"] == "00" and found["more"]):
        return None
    return f"00-{found['ids']}-{int(found['flags'], 16) & 1:02x}"


def is_sampled(traceparent: str) -> bool:
    """Whether whoever began the trace records it."""
    return traceparent.endswith("1")


def of_publishing(traceparent: str, event_id: str) -> str:
    """The context that travels with an event which was made in this one: its trace, and the span of its publishing."""
    return f"{traceparent[:36]}{span_id_of(event_id)}{traceparent[52:]}"


def span_id_of(event_id: str) -> str:
    """The id of the span of an event's publishing."""
    return hashlib.blake2b(event_id.encode(), digest_size=8).hexdigest()
