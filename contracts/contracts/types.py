"""The words that every event and endpoint shares, with their units. Types only: nothing here reads, writes or decides."""

from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta

County = Annotated[
    str,
    Meta(pattern=r"^[0-9]{6}$", description="County code, six digits, GB/T 2260.", examples=["520123"]),
]
Fen = Annotated[int, Meta(ge=0, description="Money in fen (1/100 yuan).", examples=[3990])]
Grams = Annotated[int, Meta(ge=0, description="Mass in grams.", examples=[2500])]
Units = Annotated[int, Meta(ge=0, description="Number of sales units (boxes, bags, tins) of the item.", examples=[2])]
SomeUnits = Annotated[
    int, Meta(ge=1, description="Number of sales units of the item, at least one.", examples=[2])
]
Id = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=128,
        description="Opaque identifier, sortable by time of creation.",
        examples=["0198a3c2-7d1e-7c4b-9a52-3f1f0c9f2b11"],
    ),
]
Sku = Annotated[
    str,
    Meta(min_length=1, max_length=64, description="The county's own stock-keeping code.", examples=["XW-KIWI-5"]),
]
Channel = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9-]{0,39}$",
        description="Where the show is seen and the order comes from.",
        examples=["taobao-live", "youku", "hunan-tv", "web"],
    ),
]
SlotNumber = Annotated[int, Meta(ge=1, description="Position of the slot in the show's line-up, from 1.", examples=[1])]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Latitude = Annotated[float, Meta(ge=-90, le=90, description="Degrees north, WGS 84.", examples=[26.84])]
Longitude = Annotated[float, Meta(ge=-180, le=180, description="Degrees east, WGS 84.", examples=[106.6])]
Utc = Annotated[
    datetime,
    Meta(tz=True, description="Instant, RFC 3339 with zone; always written in UTC.", examples=["2018-12-03T12:00:00Z"]),
]
Day = Annotated[date, Meta(description="Calendar day in China (UTC+8), ISO 8601.", examples=["2018-10-05"])]
Rehearsal = Annotated[
    bool, Meta(description="True when this belongs to a rehearsal: it reaches no stock, money, producer or business metric.")
]

ItemKind = Literal["produce", "supply"]
HubKind = Literal["village_point", "county_centre"]
Purpose = Literal["slot", "shelf"]
CancelReason = Literal["buyer", "county", "expired", "payment_declined"]
MissReason = Literal["sold_out", "waitlist", "no_result"]
