"""The body of a request as eventlet reads it, with an end to what stands between its chunks. Knows no route.

How much a body may be is `bodies.py`'s to say. But the lines with the chunks' sizes, and the trailers, are no part of
it: without an end to them a single one could fill the memory, sent by anybody.
"""

from typing import Any, Final

from eventlet import wsgi

_LONGEST_LINE_BYTES: Final = 4_096
_MOST_TRAILERS: Final = 100
_NO_MORE: Final = (b"\r\n", b"\n", b"")
_UNKNOWN: Final = -1


class Body(wsgi.Input):
    """What the application finds as `wsgi.input`."""

    def _chunked_read(self, rfile: Any, length: int | None = None, use_readline: bool = False) -> bytes:
        piece: bytes = super()._chunked_read(_Lines(rfile), length, use_readline)
        return piece

    def _discard_trailers(self, rfile: Any) -> None:
        """Until all are heard it is not known where the request ends: then nothing may come after it."""
        self.chunk_length = _UNKNOWN
        for _ in range(_MOST_TRAILERS):
            if rfile.readline() in _NO_MORE:
                self.chunk_length = 0
                return
        raise wsgi.ChunkReadError("too many trailers")


class _Lines:
    """The lines between chunks, none longer than they need be."""

    def __init__(self, rfile: Any) -> None:
        self._rfile = rfile

    def readline(self) -> bytes:
        """The next one. Raises what broken chunks raise when it has no end."""
        line: bytes = self._rfile.readline(_LONGEST_LINE_BYTES)
        if len(line) == _LONGEST_LINE_BYTES:
            raise wsgi.ChunkReadError("too long a line between chunks")
        return line
