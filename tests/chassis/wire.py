"""Bytes to a service and back, for what no HTTP client would send."""

import socket

from stack.services import Service


def connect(service: Service) -> socket.socket:
    """A connection on which anything can be said."""
    host, _, port = service.url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=10)


def raw(service: Service, request: bytes) -> bytes:
    """Send bytes, and read what comes until the server closes."""
    with connect(service) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65_536), b""))
