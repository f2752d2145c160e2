"""The words that every event and endpoint shares, with their units. Types only: nothing here reads or decides."""

from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta

County = Annotated[
    str,
    Meta(pattern=r"^[0-9]{6}$", description="County code, six digits, GB/T 2260.", examples=["520123"]),
]
Fen = Annotated[int, Meta(ge=0, description="Money in fen (1/100 yuan).", examples=[3990])]
Grams = Annotated[int, Meta(ge=0, description="Mass in grams.", examples=[2500])]
UnitGrams = Annotated[Grams, Meta(description="Mass of one sales unit in grams, packed, as its county listed it.")]
UnitPrice = Annotated[Fen, Meta(description="Price of one sales unit in fen (1/100 yuan).", examples=[4980])]
LivePrice = Annotated[
    Fen, Meta(description="Price of one sales unit in fen (1/100 yuan) while its live window is open.", examples=[3990])
]
Units = Annotated[int, Meta(ge=0, description="Number of sales units (boxes, bags, tins) of the item.", examples=[2])]
SomeUnits = Annotated[int, Meta(ge=1, description="Number of sales units of the item, at least one.", examples=[2])]
Id = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=128,
        description="Opaque identifier, sortable by time of creation.",
        examples=["0198a3c2-7d1e-7c4b-9a52-3f1f0c9f2b11"],
    ),
]
ItemId = Annotated[Id, Meta(description="The item's opaque id, given by catalog.")]
LotCode = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=128,
        description="The lot's code, unique within the item.",
        examples=["XW-KIWI-5-2018-10-05"],
    ),
]
ProducerId = Annotated[
    Id,
    Meta(
        description="Opaque id of who grew or made the item and is paid for it, given by catalog.",
        examples=["520123:f83bab5fb81a"],
    ),
]
AllotmentId = Annotated[
    Id, Meta(description="Opaque id of the stock set aside, given by catalog (for a rehearsal: by broadcast).")
]
ShowId = Annotated[Id, Meta(description="The show's opaque id, given by broadcast.")]
BuyerId = Annotated[
    Id,
    Meta(
        description="Who bought: the subject of the buyer's token, or the other platform's customer.",
        examples=["buyer-17"],
    ),
]
OrderId = Annotated[Id, Meta(description="The order's opaque id, given by orders.")]
EntryId = Annotated[Id, Meta(description="Opaque id of a buyer's place on a waitlist, given by orders.")]
PreorderId = Annotated[Id, Meta(description="Opaque id of the pre-order: its waitlist entry's.")]
ExternalNumber = Annotated[
    str,
    Meta(min_length=1, max_length=64, description="The other platform's own order number.", examples=["536365"]),
]
CouponCode = Annotated[
    str,
    Meta(
        pattern=r"^[A-Z0-9][A-Z0-9-]{2,31}$",
        description="The coupon's code, as buyers enter it.",
        examples=["KIWI-10"],
    ),
]
PaymentId = Annotated[Id, Meta(description="The payment's id, given by who took it.")]
ParcelId = Annotated[Id, Meta(description="The parcel's opaque id, given by orders.")]
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
Offered = Annotated[SomeUnits, Meta(description="Sales units set aside to be sold.", examples=[4000])]
PerBuyerLimit = Annotated[
    SomeUnits | None,
    Meta(description="Most sales units one buyer may hold of it, over all channels; null for no limit.", examples=[3]),
]
SlotNumber = Annotated[int, Meta(ge=1, description="Position of the slot in the show's line-up, from 1.", examples=[1])]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
NameZh = Annotated[Name, Meta(description="Name in Chinese, as its county listed it.", examples=["修文猕猴桃 5斤装"])]
NameEn = Annotated[
    Name, Meta(description="Name in English, as its county listed it.", examples=["Xiuwen kiwifruit 2.5 kg"])
]
Programme = Annotated[
    Name,
    Meta(description="Name of the series the show belongs to, from its line-up.", examples=["Town Store Treasure"]),
]
ShowKey = Annotated[
    str,
    Meta(
        description="The show's key in its line-up, as its planners write it.",
        examples=["2018-12-03-town-store-treasure"],
    ),
]
HubCode = Annotated[str, Meta(description="Code of a hub, as its county listed it.", examples=["520123-V1"])]
Counties = Annotated[
    tuple[County, ...], Meta(description="Codes of the counties (GB/T 2260) whose items the show sells.")
]
Channels = Annotated[tuple[Channel, ...], Meta(description="Channels that carry it, from the line-up.")]
Latitude = Annotated[float, Meta(ge=-90, le=90, description="Degrees north, WGS 84.", examples=[26.84])]
Longitude = Annotated[float, Meta(ge=-180, le=180, description="Degrees east, WGS 84.", examples=[106.6])]
Utc = Annotated[
    datetime,
    Meta(tz=True, description="Instant, RFC 3339 with zone; always written in UTC.", examples=["2018-12-03T12:00:00Z"]),
]
Day = Annotated[date, Meta(description="Calendar day in China (UTC+8), ISO 8601.", examples=["2018-10-05"])]
Rehearsal = Annotated[
    bool,
    Meta(description="True when this belongs to a rehearsal: it reaches no stock, money, producer or business metric."),
]

ItemKind = Annotated[
    Literal["produce", "supply"],
    Meta(description="`produce`: a native product going out of the county; `supply`: a farm supply going in."),
]
HubKind = Annotated[
    Literal["village_point", "county_centre"],
    Meta(description="`village_point`: where growers hand in parcels; `county_centre`: where carriers take them over."),
]
Purpose = Annotated[
    Literal["slot", "shelf"],
    Meta(description="`slot`: sold in one slot of one show; `shelf`: sold every day, outside shows."),
]
CancelReason = Annotated[
    Literal["buyer", "county", "expired", "payment_declined"],
    Meta(description="Who or what ended it: its buyer, the county office, the time to pay, or the payment provider."),
]
MissReason = Annotated[
    Literal["sold_out", "waitlist", "no_result"],
    Meta(description="Asked for when sold out, put on a waitlist, or searched for and not found."),
]
