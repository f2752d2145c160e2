"""What catalog says: what can be sold, and where it comes from."""

from typing import Annotated

import msgspec
from msgspec import Meta

from contracts.facts.fact import Fact
from contracts.types import (
    AllotmentId,
    County,
    Day,
    HubCode,
    HubKind,
    ItemId,
    ItemKind,
    Latitude,
    LivePrice,
    Longitude,
    LotCode,
    Name,
    NameEn,
    NameZh,
    Offered,
    PerBuyerLimit,
    ProducerId,
    Purpose,
    ShowId,
    Sku,
    SlotNumber,
    UnitGrams,
    UnitPrice,
    Utc,
)


class CountyListed(Fact, frozen=True, kw_only=True):
    """A county, the tenant, with all its public state."""

    county: County
    name_zh: Annotated[NameZh, Meta(description="The county's name in Chinese.", examples=["修文县"])]
    name_en: Annotated[NameEn, Meta(description="The county's name in English.", examples=["Xiuwen"])]
    province_zh: Annotated[Name, Meta(description="The province it lies in, in Chinese.", examples=["贵州"])]
    province_en: Annotated[Name, Meta(description="The province it lies in, in English.", examples=["Guizhou"])]
    latitude: Latitude
    longitude: Longitude
    host_title: Annotated[
        str,
        Meta(
            description="Title of the official who hosts the county's shows, in English.",
            examples=["Magistrate of Xiuwen County"],
        ),
    ]


class HubListed(Fact, frozen=True, kw_only=True):
    """A collection point or logistics centre, with all its public state."""

    hub: HubCode
    county: County
    kind: HubKind
    name_zh: Annotated[NameZh, Meta(description="The hub's name in Chinese.", examples=["谷堡镇收寄点"])]
    latitude: Latitude
    longitude: Longitude
    daily_capacity_parcels: Annotated[
        int, Meta(ge=0, description="Parcels the hub can handle a day, by its county's reckoning.")
    ]
    van_capacity_kg: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(
            description="Payload of one of the hub's vans in kilograms; null where none is stationed.", examples=[1500]
        ),
    ] = None


class Lot(msgspec.Struct, frozen=True, kw_only=True):
    """A harvest batch: where and when the thing was grown, and what vouches for it."""

    lot: LotCode
    origin_village: Annotated[
        str | None,
        Meta(
            description="Village or township where it was grown, in Chinese, as the county states it.",
            examples=["谷堡镇"],
        ),
    ] = None
    harvested_on: Annotated[Day | None, Meta(description="Day of harvest or making, in China (UTC+8), ISO 8601.")] = (
        None
    )
    geographical_indication: Annotated[
        str | None, Meta(description="Registered geographical indication, in Chinese.", examples=["修文猕猴桃"])
    ] = None
    certificate: Annotated[str | None, Meta(description="Number or name of a quality certificate.")] = None
    certificate_expires_on: Annotated[
        Day | None, Meta(description="Last day, in China (UTC+8), on which the certificate holds, ISO 8601.")
    ] = None


class ItemListed(Fact, frozen=True, kw_only=True):
    """An item's whole public state; the last one of an item is the truth."""

    item_id: ItemId
    county: County
    county_name_zh: Annotated[NameZh, Meta(description="The county's name in Chinese.", examples=["修文县"])]
    county_name_en: Annotated[NameEn, Meta(description="The county's name in English.", examples=["Xiuwen"])]
    sku: Sku
    kind: ItemKind
    name_zh: NameZh
    name_en: NameEn
    unit: Annotated[str, Meta(description="Sales unit: what one of a quantity is.", examples=["box", "bag"])]
    weight_g: UnitGrams
    price_fen: UnitPrice
    live_price_fen: LivePrice
    producer_id: ProducerId
    producer_name_zh: Annotated[NameZh, Meta(description="The producer's name in Chinese.", examples=["谷堡镇产户"])]
    producer_name_en: Annotated[
        NameEn, Meta(description="The producer's name in English.", examples=["Growers of 谷堡镇"])
    ]
    shelf_life_days: Annotated[int, Meta(ge=0, description="Days the item keeps after harvest or production.")]
    lots: Annotated[
        tuple[Lot, ...], Meta(description="The harvest batches it is sold from, as far as they are known.")
    ] = ()


class StockAllotted(Fact, frozen=True, kw_only=True):
    """Stock set aside to be sold: orders sell only from allotments."""

    allotment_id: AllotmentId
    item_id: ItemId
    county: County
    sku: Sku
    name_zh: NameZh
    name_en: NameEn
    producer_id: ProducerId
    weight_g: UnitGrams
    purpose: Purpose
    offered: Offered
    price_fen: UnitPrice
    per_buyer_limit: PerBuyerLimit = None
    show_id: Annotated[ShowId | None, Meta(description="The show it is sold in; null for the shelf.")] = None
    slot: Annotated[SlotNumber | None, Meta(description="The show's slot it is sold in; null for the shelf.")] = None
    allotted_at: Annotated[Utc, Meta(description="When the stock was set aside, by catalog's clock, UTC.")]
