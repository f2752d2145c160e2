"""Faults on purpose: is this one on, and does it strike now? OpenFeature decides, by the file FAULT_FLAGS_PATH names.

Without that setting none can be turned on, and the SDK is not even loaded. With it the file is read again every two
seconds. A service that runs is never taken down by what it says: then the last good state stays. What a fault does is
done where it strikes.
"""

import logging
import random
from typing import Final

import eventlet
import msgspec
from eventlet.event import Event as Signal
from nameko.extensions import SharedExtension

from chassis import faults, metrics
from chassis.faults import Fault, Live, Name
from chassis.flags import BadFlags
from contracts import metrics as declared

_log = logging.getLogger(__name__)
_REREAD_SECONDS: Final = 2.0
_REMIND_AFTER: Final = 30  # readings: of a fault that is on each minute


class Drills(SharedExtension):
    """One for each process. While nothing is on, asking costs one look into an empty dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self._live: dict[str, Live] = {}
        self._here: set[Name] = set()
        self._text = b""
        self._complaint = ""
        self._dice = random.Random()
        self._path = ""
        self._started = False
        self._stop = Signal()

    def setup(self) -> None:
        self._service = self.container.service_name
        self._path = self.container.config["settings"].fault_flags_path
        if self._path:
            self._reread()

    def expect(self, *names: Name) -> None:
        """These can strike in this service: only of them is anything told."""
        self._here.update(names)

    def start(self) -> None:
        if self._path and not self._started:
            self._started = True
            self._tell()
            self.container.spawn_managed_thread(self._watch, identifier="drills")

    def stop(self) -> None:
        if not self._stop.ready():
            self._stop.send()

    def on(self, name: Name, **about: str) -> Fault | None:
        """The fault, if it is on for this service and what else is said `about` the chance."""
        live = self._live.get(name)
        if live is None:
            return None
        variant = self._client.variant(name, {"service": self._service, **about})
        fault = live.variants.get(variant)
        return fault if fault is not None and fault.share else None

    def strikes(self, name: Name, **about: str) -> Fault | None:
        """The same, for one chance in as many as its share says."""
        fault = self.on(name, **about)
        if fault is None or self._dice.random() >= fault.share:
            return None
        metrics.counter(declared.FAULTS_STRUCK).labels(self._service, name).inc()
        return fault

    def _watch(self) -> None:
        readings = 0
        while not self._stop.ready():
            with eventlet.Timeout(_REREAD_SECONDS, False):
                self._stop.wait()
            readings += 1
            if self._reread() or (self._live and readings % _REMIND_AFTER == 0):
                self._tell()

    def _reread(self) -> bool:
        """Whether the file says something else than before. What is wrong with it is said once, and changes nothing."""
        try:
            text = faults.text(self._path)
            if text == self._text:
                return False
            live, unknown = faults.read(text)
        except BadFlags as bad:
            if str(bad) != self._complaint:
                _log.warning("FAULT_FLAGS_PATH is not taken, what was on stays: %s", bad)
            self._complaint = str(bad)
            return False
        self._text, self._complaint = text, ""
        if unknown:
            _log.warning(
                "FAULT_FLAGS_PATH: no such fault: %s; there are %s", ", ".join(unknown), ", ".join(faults.NAMES)
            )
        self._take(live)
        return True

    def _take(self, live: dict[str, Live]) -> None:
        from chassis.openflags import Client  # a service without the setting loads no SDK

        self._client = Client(self._service, live)
        self._live = live

    def _tell(self) -> None:
        for name in sorted(self._here):
            live = self._live.get(name)
            metrics.gauge(declared.FAULT_ON).labels(self._service, name).set(live is not None)
            metrics.counter(declared.FAULTS_STRUCK).labels(self._service, name)
            if live is not None:
                _log.warning("A FAULT IS ON, on purpose: %s %s", name, msgspec.to_builtins(live.variants))
