"""How many are watching, as the channels report it. Pure: a report is checked against its show and becomes facts."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated

from msgspec import Meta, Struct

from broadcast.domain import whole_milliseconds
from broadcast.shows import Show
from chassis.refusals import Conflict, Invalid
from contracts.events import AudienceSampled
from contracts.types import Channel, Utc

# Channels are other people's systems: their clocks may differ from ours by this much.
CLOCK_TOLERANCE = timedelta(minutes=1)
MOST_VIEWERS = 10_000_000_000  # more than there are people; a count beyond it is a mistake


class Sample(Struct, frozen=True, kw_only=True):
    """One count of concurrent viewers on a channel; without `sampled_at` it is of the moment it arrives."""

    channel: Channel
    viewers: Annotated[int, Meta(ge=0, le=MOST_VIEWERS, description="Concurrent viewers.")]
    sampled_at: Utc | None = None


def take(show: Show, samples: Iterable[Sample], now: datetime) -> list[AudienceSampled]:
    """The facts that the samples are; a sample that cannot be true refuses the whole report."""
    if show.state != "live":
        raise Conflict("not-live", f"The show is {show.state}; only a live show has an audience.", state=show.state)
    return [_fact(show, index, sample, now) for index, sample in enumerate(samples)]


def _fact(show: Show, index: int, sample: Sample, now: datetime) -> AudienceSampled:
    if sample.channel not in show.channels:
        reason = f"The show is not carried by {sample.channel}."
        raise Invalid("unknown-channel", reason, field=f"$.samples[{index}].channel", valid=list(show.channels))
    sampled_at = whole_milliseconds(sample.sampled_at or now)
    earliest, latest = (show.started_at or now) - CLOCK_TOLERANCE, now + CLOCK_TOLERANCE
    if not earliest <= sampled_at <= latest:
        valid = f"{earliest.isoformat()} to {latest.isoformat()}"
        raise Invalid(
            "not-while-live",
            "Not sampled while the show was live.",
            field=f"$.samples[{index}].sampled_at",
            valid=valid,
        )
    return AudienceSampled(
        show_id=show.show_id,
        rehearsal=show.rehearsal,
        channel=sample.channel,
        viewers=sample.viewers,
        sampled_at=sampled_at,
    )


def sample_id(fact: AudienceSampled) -> str:
    """Who counts what when, as a name: the same sample reported twice is one."""
    return f"{fact.show_id}:{fact.channel}:{int(fact.sampled_at.timestamp() * 1000)}"
