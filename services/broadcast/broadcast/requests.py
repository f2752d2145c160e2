"""What callers may ask of broadcast: bodies and queries, typed. Nothing here is looked up or decided."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from broadcast.audience import MOST_VIEWERS, Sample
from broadcast.domain import LONGEST_WINDOW_SECONDS
from chassis.http import Paging
from chassis.refusals import Invalid
from contracts.types import Channel, Utc


class ImportLineup(Struct, frozen=True, kw_only=True):
    """How to import a line-up."""

    rehearsal: bool = False
    starts_at: Annotated[Utc, Meta(description="When the shows are to begin.")] | None = None


class ListShows(Paging, frozen=True, kw_only=True):
    """Which shows to list, the newest first."""

    state: Literal["scheduled", "live", "ended"] | None = None
    rehearsal: bool = False


class FeatureSlot(Struct, frozen=True, kw_only=True):
    """How long the live price holds; without it, as many minutes as the line-up plans for the slot."""

    window_seconds: Annotated[int, Meta(ge=1, le=LONGEST_WINDOW_SECONDS)] | None = None


class ReportAudience(Struct, frozen=True, kw_only=True):
    """One sample (`channel`, `viewers`, `sampled_at`) or several (`samples`)."""

    channel: Channel | None = None
    viewers: Annotated[int, Meta(ge=0, le=MOST_VIEWERS)] | None = None
    sampled_at: Utc | None = None
    samples: Annotated[list[Sample], Meta(max_length=1000)] = []


def samples_of(report: ReportAudience) -> list[Sample]:
    """The samples of a report, however it was written."""
    if report.channel is None and report.viewers is None and report.samples:
        return report.samples
    if report.channel is None or report.viewers is None or report.samples:
        raise Invalid(
            "one-or-several", "Send channel and viewers, or samples.", field="$", valid=["channel, viewers", "samples"]
        )
    return [Sample(channel=report.channel, viewers=report.viewers, sampled_at=report.sampled_at)]
