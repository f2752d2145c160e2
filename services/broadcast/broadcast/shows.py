"""What a show is made of: items, allotments, windows, slots. Shapes and what is read off them; rules are elsewhere."""

from datetime import datetime, timedelta
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from chassis.refusals import NotFound

State = Literal["scheduled", "live", "ended"]
_A_MOMENT: Final = timedelta(seconds=2)  # longer than who was overtaken takes to decide anew


class Item(Struct, frozen=True, kw_only=True):
    """What broadcast keeps of an item that catalog listed."""

    item_id: str
    county: str
    sku: str
    name_zh: str
    name_en: str
    unit: str
    weight_g: int
    price_fen: int
    live_price_fen: int
    producer_id: str
    producer_name_zh: str
    producer_name_en: str


class Allotment(Struct, frozen=True, kw_only=True):
    """Stock that catalog set aside for a slot, with its terms."""

    allotment_id: str
    show_id: str
    slot: int
    item_id: str
    county: str
    sku: str
    offered: int
    price_fen: int
    per_buyer_limit: int | None
    allotted_at: datetime


class Window(Struct, frozen=True, kw_only=True):
    """One time on screen. `number` counts the show's windows from 1; `key` is the caller's idempotency key."""

    number: int
    opens_at: datetime
    closes_at: datetime
    key: str | None = None

    def open(self, now: datetime) -> bool:
        """Whether the live price holds at `now`."""
        return self.opens_at <= now < self.closes_at


class Slot(Struct, frozen=True, kw_only=True):
    """One item's place in the line-up. `item` is as listed when the slot was planned, then when the show started."""

    slot: int
    item: Item
    channels: tuple[str, ...]
    starts_min: int
    minutes: int
    planned: int
    per_buyer_limit: int | None = None
    allotment: Allotment | None = None
    windows: tuple[Window, ...] = ()

    @property
    def county(self) -> str:
        """Whose slot it is."""
        return self.item.county

    @property
    def goods(self) -> tuple[str, str]:
        """What a line-up calls the item by: the county, and the county's code for it."""
        return self.item.county, self.item.sku

    @property
    def ends_min(self) -> int:
        """The minute of the show at which the next slot may begin."""
        return self.starts_min + self.minutes

    def overlaps(self, other: "Slot") -> bool:
        """Whether both are planned for the same minute."""
        return self.starts_min < other.ends_min and other.starts_min < self.ends_min


class Watching(Struct, frozen=True, kw_only=True):
    """A channel's concurrent viewers: as last reported, and the most ever reported."""

    viewers: int
    peak: int


class Show(Struct, frozen=True, kw_only=True):
    """One live session of a programme. `show` is its key in the line-up, `take` counts rehearsals under that key."""

    show_id: str
    show: str
    programme: str
    rehearsal: bool
    take: int = 1
    state: State = "scheduled"
    slots: tuple[Slot, ...] = ()
    starts_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    audience: dict[str, Watching] = {}

    @property
    def counties(self) -> tuple[str, ...]:
        """The counties that have a slot, in the order of the line-up."""
        return tuple(dict.fromkeys(slot.county for slot in self.slots))

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that carry any slot, in the order of the line-up."""
        return tuple(dict.fromkeys(channel for slot in self.slots for channel in slot.channels))

    def then(self, now: datetime) -> datetime:
        """When what is decided at `now` happens: not before what has happened a moment ago.

        Who finds the show changed decides anew, and was asked before whoever changed it. But one clock that is far
        ahead must not set the time for the whole show: what it opened would open for nobody else.
        """
        opened = (window.opens_at for slot in self.slots for window in slot.windows)
        latest = max((now, *opened, *(at for at in (self.started_at, self.ended_at) if at is not None)))
        return latest if latest - now <= _A_MOMENT else now

    def features(self, now: datetime) -> bool:
        """Whether it is on air and the live price of any slot holds at `now`."""
        return self.state == "live" and any(window.open(now) for slot in self.slots for window in slot.windows)

    def numbered(self, number: int) -> Slot:
        """The slot of that number."""
        for slot in self.slots:
            if slot.slot == number:
                return slot
        raise NotFound("no-such-slot", f"The show has no slot {number}.", slots=[slot.slot for slot in self.slots])

    def with_slot(self, changed: Slot) -> "Show":
        """The show with that slot in place of the one of its number."""
        return replace(self, slots=tuple(changed if slot.slot == changed.slot else slot for slot in self.slots))
