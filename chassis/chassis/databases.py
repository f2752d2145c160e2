"""How to reach the database, said once; and in words why it was not reached. Opens no connection."""

import re
from typing import Any, Final

from pymongo.errors import OperationFailure, PyMongoError

from chassis.engines import EngineSettings
from chassis.outages import not_let_in

_TLS: Final = re.compile(r"\[SSL: \w+\] (.*?) \(_ssl\.c:\d+\)")
_CLOSED: Final = "connection closed"


def connection(settings: EngineSettings) -> dict[str, Any]:
    """mongoengine's keywords. Names in certificates are verified; what is not given here, the URI may say.

    The promise of durability is made here, in the client: a majority has it, and in its journal.
    """
    given = {
        "username": settings.mongodb_username,
        "password": settings.mongodb_password,
        "authentication_source": settings.mongodb_auth_source,
        "tls": settings.mongodb_tls,
        "tlsCAFile": settings.mongodb_tls_ca_path,
        "tlsCertificateKeyFile": settings.mongodb_tls_certificate_path,
    }
    return {
        "host": settings.mongodb_uri,
        "w": "majority",
        "journal": True,
        **{name: value for name, value in given.items() if value},
    }


def why_away(error: PyMongoError) -> str:
    """What was wrong, without the driver's page of topology; holds no secret."""
    if not_let_in(error) and isinstance(error, OperationFailure):
        return f"authentication refused: {str(error).partition(', full error')[0]}"
    said = str(error)
    if tls := _TLS.search(said):
        return f"TLS failed: {tls[1]}"
    first = re.split(r" \(configured timeouts|, Timeout: |, Topology Description: ", said, maxsplit=1)[0]
    if first.endswith(_CLOSED):
        return f"the database hung up, as one does that wants TLS and is not asked for it ({first})"
    return first or type(error).__name__
