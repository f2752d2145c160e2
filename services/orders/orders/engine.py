"""Puts the rooms of one process together: one store, one group-commit engine, one cashier. Decides nothing."""

import logging
import time
from collections.abc import Sequence

from chassis import tracing
from chassis.clock import utcnow
from chassis.drills import Drills
from chassis.mongo import Away, Stored
from chassis.outages import MONGODB_AWAY
from orders import figures
from orders.aftercare import Aftercare
from orders.allotments import Allotments
from orders.cashier import Cashier
from orders.committer import Committer, Passed
from orders.completing import Completing
from orders.domain import Outcome, Request
from orders.enquiring import Enquiring
from orders.importing import Importing
from orders.joining import Joining
from orders.parcels import Parcels
from orders.payments import PaymentProvider, Providers, chosen, drilled
from orders.payments.measured import Measured
from orders.placing import Placing
from orders.receiving import Receiving
from orders.refunding import Refunding
from orders.serving import Serving
from orders.settings import OrdersSettings
from orders.store import OrdersStore
from orders.waiting import Waiting
from orders.watching import Watching

_log = logging.getLogger(__name__)


class Engine:
    """Everything that a door may ask for."""

    def __init__(self, store: OrdersStore, settings: OrdersSettings, *providers: PaymentProvider) -> None:
        self.store = store
        self.settings = settings
        self.placing = Placing(store, settings)
        self.waiting = Waiting(store, self.placing, settings)
        self.joining = Joining(store, self.placing, self.waiting, settings.placing_batch)
        self.providers = Providers(*providers)
        refunding = Refunding(store, self.providers, settings.payment_retry_seconds)
        self.cashier = Cashier(store, self.providers, refunding, settings.placing_batch)
        self.enquiring = Enquiring(store, self.providers, self.cashier)
        self.aftercare = Aftercare(store, self.enquiring, refunding, self.waiting, self.placing.couponing, settings)
        self.allotments = Allotments(store, self.placing, self.waiting)
        self.parcels = Parcels(store, settings)
        self.completing = Completing(store)
        serving = Serving(store, self.placing)
        self.importing = Importing(store, serving, self.aftercare, settings.import_chunk_rows)
        self.receiving = Receiving(store, serving)
        self.watching = Watching(store, self.placing.buckets)
        self._lanes = settings.placing_lanes
        self._committer: Committer[int, Request, Outcome] = Committer(self._commit, settings.placing_batch)
        figures.expect(provider.name for provider in providers)

    def place(self, request: Request) -> Outcome:
        """Decided together with whoever else is buying now: all who want the same thing share a lane."""
        outcome = None
        try:
            outcome = self._committer.submit(hash(request.allotment_id) % self._lanes, request)
        finally:
            figures.answered(outcome, (utcnow() - request.arrived_at).total_seconds())
        return outcome

    def _commit(self, _lane: int, requests: Sequence[Request], passed: Passed) -> list[Outcome]:
        began = time.perf_counter()
        with tracing.together("place orders", (request.traceparent for request in requests)):
            outcomes = self.placing.place(requests, passed)
        figures.committed(time.perf_counter() - began)
        return outcomes

    def tick(self) -> None:
        """What is done about once a second: remove finished batches, say what was missed."""
        self.placing.settling.tidy()
        self.placing.missed.tell()

    def sweep(self) -> None:
        """What is done every few seconds: whatever somebody who died left half done, and orders nobody paid."""
        found = {
            "batches": self.placing.settling.settle_left_behind(),
            "buckets": self.placing.buckets.settle_left_behind(),
            "coupons": self.placing.couponing.settle_left_behind(),
            "debts": self.aftercare.settle_left_behind(),
            "lapsed": self.aftercare.lapse_due(),
            "waitlists": self.waiting.attend_left_behind(),
            "parcels": self.parcels.finish_left_behind(),
            "completed": self.completing.complete_due(),
        }
        if any(found.values()):
            _log.info("swept: %s", ", ".join(f"{count} {what}" for what, count in found.items() if count))


class Selling(Stored):
    """Hands the service its engine, the same one to every worker of the process, as soon as the database is there."""

    drills = Drills()
    _engine: Engine | None = None

    def setup(self) -> None:
        """Makes the payment providers too, so that a key that is none stops the start."""
        super().setup()
        providers = chosen(self._settings)  # type: ignore[arg-type]  # ours, by the service's settings_class
        some = drilled(providers, self.drills, self._will_ask) if self._settings.fault_flags_path else providers
        self._providers = [Measured(provider) for provider in some]  # outermost: a drill's delay is measured too

    def _will_ask(self, order_id: str, provider: str) -> bool:
        return self._engine is not None and self._engine.enquiring.will_ask(order_id, provider)

    def get_dependency(self, worker_ctx: object) -> Engine | Away:  # type: ignore[override]  # more than a store
        """The engine; before the database was reached, every use of it is an outage."""
        store = super().get_dependency(worker_ctx)
        if isinstance(store, Away):
            return store
        if self._engine is None:
            self._engine = Engine(store, self._settings, *self._providers)  # type: ignore[arg-type]  # ours, by setup
        return self._engine

    def stop(self) -> None:
        """Say the last of what was missed; an outage now loses a count, nothing else."""
        if self._engine is not None:
            try:
                self._engine.tick()
            except MONGODB_AWAY as away:
                _log.warning("stopped with finished batches untidied: %s", away)
