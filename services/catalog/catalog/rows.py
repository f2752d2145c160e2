"""What the lines of the files look like: types only, checked by the reader of the file. Rules stand in `imports.py`."""

import msgspec

from contracts.types import (
    County,
    Day,
    Fen,
    Grams,
    HubKind,
    Id,
    ItemKind,
    Latitude,
    Longitude,
    Name,
    Purpose,
    Sku,
    SlotNumber,
    SomeUnits,
    Units,
)


class CountyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of counties.csv."""

    code: County
    name_zh: Name
    name_en: Name
    province_zh: Name
    province_en: Name
    latitude: Latitude
    longitude: Longitude
    host_title: Name


class HubRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of hubs.csv."""

    code: Id
    county: County
    kind: HubKind
    name_zh: Name
    latitude: Latitude
    longitude: Longitude
    daily_capacity_parcels: Units
    van_capacity_kg: Units | None = None


class ItemRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of items.csv. The last three columns may be absent from the file."""

    sku: Sku
    county: County
    kind: ItemKind
    name_zh: Name
    name_en: Name
    unit: Name
    weight_g: Grams
    price_fen: Fen
    live_price_fen: Fen
    stock: Units
    shelf_life_days: Units
    origin_village: Name | None = None
    geographical_indication: Name | None = None
    harvested_on: Day | None = None
    producer_name_zh: Name | None = None
    producer_name_en: Name | None = None
    lot: Id | None = None


class LotRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a lots file."""

    lot: Id
    sku: Sku
    county: County
    quantity: Units
    origin_village: Name | None = None
    harvested_on: Day | None = None
    geographical_indication: Name | None = None
    certificate: Name | None = None
    certificate_expires_on: Day | None = None


class AllotmentRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of an allotments file."""

    county: County
    sku: Sku
    quantity: SomeUnits
    purpose: Purpose
    show_id: Id | None = None
    slot: SlotNumber | None = None
    price_fen: Fen | None = None
    per_buyer_limit: SomeUnits | None = None
