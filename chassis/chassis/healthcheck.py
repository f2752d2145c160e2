"""Asks the service in the same container how it is: `python -m chassis.healthcheck [live|ready]`, exit code 0 or 1.

For a container's health check, run every few seconds: the standard library only, and nothing of the service is loaded.
"""

import http.client
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

PATIENCE_SECONDS = 3.0


def main(arguments: Sequence[str] = tuple(sys.argv[1:]), env: Mapping[str, str] = os.environ) -> str | int:
    """0 when all is well, otherwise the reason, for `sys.exit`."""
    asked = arguments[0] if arguments else "live"
    by_file = env.get("HTTP_BIND_FILE")
    bind = Path(by_file).read_text(encoding="utf-8").strip() if by_file else env.get("HTTP_BIND", "")
    host, _, port = bind.rpartition(":")
    connection = http.client.HTTPConnection(
        "127.0.0.1" if host in ("", "0.0.0.0") else host,  # noqa: S104  not bound to: where it listens
        int(port or 8000),
        timeout=PATIENCE_SECONDS,
    )
    try:
        connection.request("GET", f"/health/{asked}")
        answer = connection.getresponse()
        return 0 if answer.status == http.HTTPStatus.OK else f"{answer.status} {answer.read().decode(errors='replace')}"
    except OSError as error:
        return f"no answer: {error}"
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
