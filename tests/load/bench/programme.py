"""What is measured and audited, one after the other: ceilings, runs, orders in bulk. Shows nothing itself."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from bench import ceilings, channel, crowd, exact
from bench.channel import Bulk
from bench.crowd import Figures
from bench.exact import Rounds
from bench.outside import Auditor
from bench.plan import Answer
from bench.selling import Run, sell
from bench.shop import Shop, open_shop
from contracts.ids import new_id
from evening.audit import Check
from stack.engines import Engines
from stack.issuer import Issuer
from stack.reading import ends

Say = Callable[[str], object]
_STARTING: Final = 5.0  # seconds until replicas are ready and have measured something
_CLOSING: Final = 3.0  # seconds to come to rest and to stop everything
_IN_BULK: Final = 3.0  # seconds that orders in bulk take where time is short, about
_DEARER: Final = 4  # orders of a thousand items are a thousand decisions, so fewer will do
BESIDE: Final = 64  # buyers at the bare service: those that the goal speaks of


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be measured, and for how long each."""

    buyers: list[int]
    items: list[int]
    replicas: list[int]
    seconds: float
    ceiling_seconds: float
    channel_orders: int
    patience: float  # seconds that all orders of a channel may take
    rounds: int = 0
    together: bool = False  # audit what crowds of all sizes bought at once: faster
    within: float = float("inf")  # seconds for everything: what does not fit is left out, and said

    @property
    def groups(self) -> list[list[int]]:
        """Crowds that are audited together."""
        return [self.buyers] if self.together else [[number] for number in self.buyers]


@dataclass
class Programme:
    """Measures on these engines and keeps what it found. `say` is told what is being done, once a step."""

    engines: Engines
    issuer: Issuer
    run_dir: Path
    wish: Wish
    say: Say
    tick: Callable[[], object]
    runs: list[Run] = field(default_factory=list)
    ceilings: dict[str, float] = field(default_factory=dict)
    bare: Figures | None = None
    bulk: list[Bulk] = field(default_factory=list)
    rounds: list[Rounds] = field(default_factory=list)
    faults: list[dict[str, Any]] = field(default_factory=list)
    checks: int = 0
    left_out: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    @property
    def steps(self) -> int:
        wish = self.wish
        if wish.rounds:
            return len(exact.variants(wish.replicas))
        return (
            len(wish.replicas) * (len(wish.items) * len(wish.buyers) + 1)
            + 2
            + len({1, *wish.items[-1:]}) * bool(wish.channel_orders)
        )

    def play(self) -> None:
        """Everything, in an order in which what is compared is measured soon after one another."""
        if self.wish.rounds:
            self._exact()
            return
        self._bare()
        for number, replicas in enumerate(self.wish.replicas):
            if self._time_for(f"{replicas} replicas", _STARTING):
                self._shop(replicas, in_bulk=number == 0)

    def _shop(self, replicas: int, *, in_bulk: bool) -> None:
        with open_shop(self.engines, self.issuer, self.run_dir, replicas) as shop, Auditor(shop) as auditor:
            for items in self.wish.items:
                for crowds in self.wish.groups:
                    if self._time_for(f"{items} items, {replicas} replicas", len(crowds) * self.wish.seconds):
                        self._group(shop, auditor, items, crowds)
            if in_bulk:
                self._in_bulk(shop, auditor)
            self.say(f"coming to rest, {replicas} replicas")
            self._hold(f"{replicas} replicas at rest", [auditor.at_rest()])

    def report(self) -> dict[str, Any]:
        """As it is written into the file."""
        return {
            "runs": self.runs,
            "ceilings": self.ceilings,
            "bare": self.bare,
            "channel": [msgspec.structs.asdict(bulk) | {"share_of_ceiling": self.share(bulk)} for bulk in self.bulk],
            "exact": self.rounds,
            "left_out": self.left_out,
            "audit": {"checks": self.checks, "failed": self.faults},
        }

    def share(self, bulk: Bulk) -> float:
        """How near orders in bulk come to the lower of the two ceilings that they run into."""
        return bulk.orders_per_second / min(
            self.ceilings["consume_per_second"], self.ceilings["bulk_insert_per_second"]
        )

    def _bare(self) -> None:
        self.say(f"a bare POST, {BESIDE} buyers")
        tokens = [self.issuer.token(f"buyer-{number:04d}") for number in range(BESIDE)]
        result = ceilings.bare_post(self.run_dir, tokens, self.wish.ceiling_seconds, self.tick)
        self.bare = crowd.figures(result)
        self.ceilings["bare_post_per_second"] = self.bare.per_second

    def _group(self, shop: Shop, auditor: Auditor, items: int, crowds: Sequence[int]) -> None:
        """Crowds of these sizes, one after the other, on the same new stock; then the audit of all that they did."""
        allotments, began = list(shop.stock(items)), new_id()
        runs, answers = [], list[Answer]()
        for buyers in crowds:
            self.say(f"{buyers} buyers, {items} items, {len(shop.replicas)} replicas")
            run, heard = sell(shop, allotments, buyers, self.wish.seconds, self.tick)
            runs.append(run)
            answers += heard
            if "bulk_insert_per_second" not in self.ceilings:
                self._inserts(shop)
        about = f"{', '.join(map(str, crowds))} buyers, {items} items, {len(shop.replicas)} replicas"
        failed = self._hold(about, auditor.run(began, allotments, answers))
        self.runs += [msgspec.structs.replace(run, audit=failed) for run in runs]

    def _inserts(self, shop: Shop) -> None:
        """While the first orders are fresh."""
        orders = shop.database["orders"]
        sample, indexes = ceilings.newborn(orders), orders.index_information()
        self.say("bulk inserts")
        found = ceilings.bulk_inserts(self.engines, sample, indexes, self.wish.ceiling_seconds)
        self.ceilings |= msgspec.structs.asdict(found)

    def _in_bulk(self, shop: Shop, auditor: Auditor) -> None:
        if not self.wish.channel_orders:
            return
        channel.ready(shop)
        for items in sorted({1, max(self.wish.items)}):
            number = self.wish.channel_orders // (1 if items == 1 else _DEARER)
            if self._time_for(f"{number} orders of a channel, {items} items", _IN_BULK):
                self._bulk(shop, auditor, items, number)

    def _bulk(self, shop: Shop, auditor: Auditor, items: int, number: int) -> None:
        self.say(f"{number} orders of a channel, {items} items")
        stock, began = shop.stock(items), new_id()
        stands = ends(self.engines.kafka, [channel.TOPIC])
        self.bulk.append(channel.send(shop, list(stock.values()), number, self.wish.patience, self.tick))
        self._hold(f"{number} orders of a channel, {items} items", auditor.imported(began, list(stock), number))
        rate = ceilings.consume(self.engines.kafka, stands, number)
        self.ceilings.setdefault("consume_per_second", rate)

    def _exact(self) -> None:
        for variant in exact.variants(self.wish.replicas):
            self.say(f"{self.wish.rounds} rounds to the last unit, {variant}")
            rounds = exact.play(self.engines, self.issuer, self.run_dir, variant, self.wish.rounds, self.tick)
            self.rounds.append(rounds)
            self.checks += rounds.checks
            if rounds.faults:
                self.faults.append({"about": str(variant), "name": "exact", "faults": rounds.faults})

    def _time_for(self, what: str, seconds: float) -> bool:
        """Whether a step that measures so long can still end in time; the rest of it takes about as long again."""
        fits = time.monotonic() - self.began + 2 * seconds + _CLOSING < self.wish.within
        if not fits:
            self.left_out.append(what)
        return fits

    def _hold(self, about: str, checks: Iterable[Check]) -> list[str]:
        """Keep what failed, with what was found; the names."""
        failed: Sequence[Check] = [check for check in checks if self._count(check)]
        self.faults.extend({"about": about, **check.as_dict()} for check in failed)
        return [check.name for check in failed]

    def _count(self, check: Check) -> bool:
        self.checks += 1
        return not check.ok
