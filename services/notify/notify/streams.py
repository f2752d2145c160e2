"""The open streams of live events (Server-Sent Events): each browser's queue, what it is sent first, and its end.
Decides no content.

A browser that reads too slowly is let go; it comes back by itself with the id of the last event it saw and misses
nothing. Everything runs in one greenlet at a time and nothing here waits while it changes state, so no locks are
needed.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, Final

import msgspec
from eventlet.queue import Empty, Full, LightQueue
from nameko.extensions import DependencyProvider

from chassis import metrics
from chassis.clock import utcnow
from chassis.refusals import Unavailable
from contracts import metrics as declared
from notify.live import Gone, Ring
from notify.settings import NotifySettings
from notify.shows import Moment, Shows

_JSON: Final = msgspec.json.Encoder()
_HEARTBEAT: Final = b": still here\n\n"
_RECONNECT: Final = b"retry: 2000\n\n"
_QUEUE: Final = 256


def frame(name: str, told: object, cursor: str | None = None) -> bytes:
    """One event as the browser reads it; without a cursor the browser keeps the one it had."""
    line = f"id: {cursor}\n" if cursor else ""
    return f"{line}event: {name}\ndata: ".encode() + _JSON.encode(told) + b"\n\n"


class Stream:
    """One browser's stream: an iterator of frames that ends when it is let go or the service stops."""

    def __init__(
        self, first: Iterable[bytes], show_id: str | None, heartbeat: float, closed: Callable[["Stream"], None]
    ) -> None:
        self.show_id = show_id
        self._first = iter(first)
        self._queue: LightQueue = LightQueue(_QUEUE)
        self._heartbeat = heartbeat
        self._closed = closed
        self._ended = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        for chunk in self._first:
            return chunk
        if self._ended:
            raise StopIteration
        try:
            queued: tuple[bytes, datetime | None] | None = self._queue.get(timeout=self._heartbeat)
        except Empty:
            return _HEARTBEAT
        if queued is None:
            self._ended = True
            raise StopIteration
        chunk, happened = queued
        if happened is not None:
            metrics.histogram(declared.LIVE_PUSH_DELAY).observe(max(0.0, (utcnow() - happened).total_seconds()))
        return chunk

    def push(self, chunk: bytes, happened: datetime | None) -> None:
        """Queue a frame, of what happened then; a browser that is too far behind is let go instead."""
        try:
            self._queue.put_nowait((chunk, happened))
        except Full:
            metrics.counter(declared.LIVE_STREAMS_DROPPED).inc()
            self.end()

    def end(self) -> None:
        """Drop what is queued and end the stream."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)
        self._closed(self)

    def close(self) -> None:
        """The browser is gone (called by the web server)."""
        self._closed(self)


class LivePages:
    """What this replica knows of the live shows, and the browsers that are told of it."""

    def __init__(self, settings: NotifySettings) -> None:
        self._settings = settings
        self._shows = Shows()
        self._ring = Ring()
        self._streams: set[Stream] = set()

    def take(self, delivery: Any) -> None:
        """Learn an event from its place on a topic, and tell the browsers."""
        moment = self._shows.take(delivery.event)
        self._ring.add(delivery.topic, delivery.partition, delivery.offset, moment)
        if moment is not None:
            self._tell(moment, self._ring.cursor, delivery.event.time)

    def tick(self) -> None:
        """Tell the browsers the totals that changed."""
        for moment in self._shows.ticks():
            self._tell(moment, None, None)

    def open(self, last_event_id: str, show_id: str | None, now: datetime) -> Stream:
        """A stream for one more browser, going on after the last event it saw, or from the whole state. Raises
        Unavailable when full.
        """
        if len(self._streams) >= self._settings.live_streams_most:
            raise Unavailable("too-many-streams", "Too many browsers are listening here; try again soon.")
        stream = Stream(
            self._first(last_event_id, show_id, now), show_id, self._settings.live_heartbeat_seconds, self._forget
        )
        self._streams.add(stream)
        self._count()
        return stream

    def stop(self) -> None:
        """End every stream; browsers go to another replica by themselves."""
        for stream in tuple(self._streams):
            stream.end()

    def _first(self, last_event_id: str, show_id: str | None, now: datetime) -> list[bytes]:
        if not last_event_id:
            return [_RECONNECT, self._whole("snapshot", show_id, now)]
        try:
            missed = self._ring.since(last_event_id, show_id)
        except Gone:
            return [_RECONNECT, self._whole("reset", show_id, now)]
        frames = [frame(moment.name, moment.told, cursor) for cursor, moment in missed]
        return [_RECONNECT, *frames, *(frame(moment.name, moment.told) for moment in self._shows.totals(show_id))]

    def _whole(self, name: str, show_id: str | None, now: datetime) -> bytes:
        return frame(name, self._shows.snapshot(now, show_id), self._ring.cursor)

    def _tell(self, moment: Moment, cursor: str | None, happened: datetime | None) -> None:
        chunk = frame(moment.name, moment.told, cursor)
        for stream in tuple(self._streams):
            if stream.show_id in (None, moment.show_id):
                stream.push(chunk, happened)

    def _forget(self, stream: Stream) -> None:
        self._streams.discard(stream)
        self._count()

    def _count(self) -> None:
        metrics.gauge(declared.LIVE_STREAMS).set(len(self._streams))


class Live(DependencyProvider):
    """Hands the service its live pages; one for the whole process."""

    def setup(self) -> None:
        self._pages = LivePages(self.container.config["settings"])

    def get_dependency(self, worker_ctx: object) -> LivePages:  # noqa: ARG002  nameko's signature
        return self._pages

    def stop(self) -> None:
        self._pages.stop()
