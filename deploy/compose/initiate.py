"""Makes a new MongoDB server a replica set of one and waits until it can be written to: `initiate.py HOST:PORT`.

Runs in any container that has pymongo; says nothing to a server that is in a set already.
"""

import sys
import time
from typing import Any

import pymongo
from pymongo.errors import OperationFailure, PyMongoError

SET = "rs0"
WITHIN_SECONDS = 60.0
ALREADY_INITIALIZED = 23


def main(address: str) -> str | None:
    """None when it is the primary of its set; otherwise what it said last, for `sys.exit`."""
    deadline = time.monotonic() + WITHIN_SECONDS
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(
        f"mongodb://{address}/?directConnection=true", serverSelectionTimeoutMS=2000
    )
    said = "nothing"
    while time.monotonic() < deadline:
        try:
            hello = client.admin.command("hello")
            if hello.get("isWritablePrimary"):
                return None
            if not hello.get("setName"):
                _initiate(client, address)
            said = "it is not the primary yet"
        except PyMongoError as error:
            said = str(error)
        time.sleep(0.5)
    return f"{address}: {said}"


def _initiate(client: pymongo.MongoClient[dict[str, Any]], address: str) -> None:
    members = [{"_id": 0, "host": address}]
    try:
        client.admin.command("replSetInitiate", {"_id": SET, "members": members})
    except OperationFailure as refused:
        if refused.code != ALREADY_INITIALIZED:
            raise


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
