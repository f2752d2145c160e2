"""The rules by which a row of a file lands, changes nothing or is refused.

Pure: reads no file and no database. Items are taken from a `Ledger` and put back; the store writes what differs.
"""

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any, Final

from msgspec.structs import asdict, replace

from catalog import domain
from catalog.domain import Details, Item, Lot, Wish
from catalog.ledger import Ledger, Outcome, Rows, Unfit, judge
from catalog.rows import AllotmentRow, CountyRow, HubRow, ItemRow, LotRow
from chassis.refusals import Conflict, Invalid
from contracts.events import CountyListed, Fact, HubListed

# The placement of a file's shelf row: an item has one; further stock for the shelf is allotted by request.
SHELF: Final = "shelf"
_WISHED: Final = ("quantity", "purpose", "show_id", "slot", "price_fen", "per_buyer_limit")


def own(county: str, office: str | None) -> None:
    """Refuse a row of a county other than the office's own; the platform (no office) may bring all."""
    if office is not None and county != office:
        raise Unfit("county", f"is not yours: you may import rows of {office} only", county)


def judge_counties(rows: Rows, known: Mapping[str, CountyListed], put: Callable[[str, Fact], None]) -> Outcome:
    """Counties are the platform's to import: every readable row lands."""

    def land(row: CountyRow) -> bool:
        return _differs(row.code, CountyListed(county=row.code, **_but_code(row)), known, put)

    return judge(rows, "code", lambda row: row.code, land)


def judge_hubs(
    rows: Rows,
    known: Mapping[str, HubListed],
    put: Callable[[str, Fact], None],
    *,
    office: str | None,
    counties: Mapping[str, CountyListed],
) -> Outcome:
    """A hub lands when its county is known and the code is not another county's."""

    def land(row: HubRow) -> bool:
        own(row.county, office)
        _county(row.county, counties)
        if row.code in known and known[row.code].county != row.county:
            raise Unfit("code", "is a hub of another county", row.code)
        return _differs(row.code, HubListed(hub=row.code, **_but_code(row)), known, put)

    return judge(rows, "code", lambda row: row.code, land)


def _differs(code: str, told: Fact, known: Mapping[str, Fact], put: Callable[[str, Fact], None]) -> bool:
    if known.get(code) == told:
        return False
    put(code, told)
    return True


def _but_code(row: CountyRow | HubRow) -> dict[str, Any]:
    return {name: value for name, value in asdict(row).items() if name != "code"}


def _county(code: str, counties: Mapping[str, CountyListed]) -> CountyListed:
    if code not in counties:
        raise Unfit("county", "is unknown: import the county first", code)
    return counties[code]


def judge_items(
    rows: Rows, ledger: Ledger, *, office: str | None, counties: Mapping[str, CountyListed], new_id: Callable[[], str]
) -> Outcome:
    """An item's row describes it anew and says how much there ever was of the lot it names."""

    def land(row: ItemRow) -> bool:
        own(row.county, office)
        county = _county(row.county, counties)
        if row.live_price_fen > row.price_fen:
            raise Unfit("live_price_fen", f"is more than price_fen, {row.price_fen}", row.live_price_fen)
        known = ledger.find(row.county, row.sku)
        details = details_of(row, county)
        item = (
            replace(known, details=details)
            if known
            else Item(id=new_id(), county=row.county, sku=row.sku, details=details)
        )
        return ledger.put(_received(item, opening_lot(row, item), "stock"))

    return judge(rows, "sku", lambda row: (row.county, row.sku), land)


def opening_lot(row: ItemRow, item: Item) -> Lot:
    """The lot that an item's row speaks of; what only a lots file can say of it is kept."""
    code = row.lot or (row.harvested_on.isoformat() if row.harvested_on else "opening")
    known = next((lot for lot in item.lots if lot.lot == code), None) or Lot(lot=code, quantity=0)
    return replace(
        known,
        quantity=row.stock,
        origin_village=row.origin_village,
        harvested_on=row.harvested_on,
        geographical_indication=row.geographical_indication,
    )


def _received(item: Item, lot: Lot, column: str) -> Item:
    try:
        return domain.receive(item, lot)
    except Conflict as refusal:
        raise Unfit(column, refusal.detail, lot.quantity) from refusal


def details_of(row: ItemRow, county: CountyListed) -> Details:
    """The item as its row describes it."""
    name_zh, name_en = _producer_names(row, county)
    return Details(
        kind=row.kind,
        name_zh=row.name_zh,
        name_en=row.name_en,
        unit=row.unit,
        weight_g=row.weight_g,
        price_fen=row.price_fen,
        live_price_fen=row.live_price_fen,
        shelf_life_days=row.shelf_life_days,
        county_name_zh=county.name_zh,
        county_name_en=county.name_en,
        producer_id=producer_id(row.county, name_zh),
        producer_name_zh=name_zh,
        producer_name_en=name_en,
    )


def producer_id(county: str, name_zh: str) -> str:
    """The same name in the same county is the same producer, in whichever file and order it is met."""
    return f"{county}:{blake2b(name_zh.encode(), digest_size=6).hexdigest()}"


def _producer_names(row: ItemRow, county: CountyListed) -> tuple[str, str]:
    """Who is paid, where the file does not say: the growers of the village; for supplies the county's depot."""
    if row.producer_name_zh:
        return row.producer_name_zh, row.producer_name_en or row.producer_name_zh
    if row.kind == "supply":
        return f"{county.name_zh}农资站", f"{county.name_en} supply depot"
    if row.origin_village:
        return f"{row.origin_village}产户", f"Growers of {row.origin_village}"
    return f"{county.name_zh}产户", f"Growers of {county.name_en}"


def judge_lots(rows: Rows, ledger: Ledger, *, office: str | None) -> Outcome:
    """A lot's row adds the lot to a known item, or corrects it."""

    def land(row: LotRow) -> bool:
        own(row.county, office)
        return ledger.put(_received(_item(row.county, row.sku, ledger), Lot(**_lot_fields(row)), "quantity"))

    return judge(rows, "lot", lambda row: (row.county, row.sku, row.lot), land)


def _lot_fields(row: LotRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in Lot.__struct_fields__}


def _item(county: str, sku: str, ledger: Ledger) -> Item:
    item = ledger.find(county, sku)
    if item is None:
        raise Unfit("sku", f"is unknown in county {county}: import the item first", sku)
    return item


def judge_allotments(
    rows: Rows, ledger: Ledger, *, office: str | None, allot: Callable[[Item, Wish], domain.Allotment]
) -> Outcome:
    """An allotment's row sets stock aside once for its item and slot (or the shelf)."""

    def land(row: AllotmentRow) -> bool:
        own(row.county, office)
        item = _item(row.county, row.sku, ledger)
        if earlier := domain.placed(item, placement(row)):
            return _same(row, earlier)
        try:
            allotment = allot(item, wish_of(row))
        except Conflict as refusal:
            raise Unfit("quantity", refusal.detail, row.quantity) from refusal
        return ledger.put(domain.with_allotment(item, allotment), domain.allotted(item, allotment))

    return judge(rows, "sku", lambda row: (row.county, row.sku, placement(row)), land)


def placement(row: AllotmentRow) -> str:
    """What makes a row the same row when its file comes again."""
    try:
        return domain.placement_in(row.purpose, row.show_id, row.slot) or SHELF
    except Invalid as refusal:
        raise Unfit(refusal.field or "purpose", refusal.detail) from refusal


def wish_of(row: AllotmentRow) -> Wish:
    """The row as a wish."""
    return Wish(placement=placement(row), **{name: getattr(row, name) for name in _WISHED})


def _same(row: AllotmentRow, earlier: domain.Allotment) -> bool:
    for field, had in (
        ("quantity", earlier.offered),
        ("price_fen", earlier.price_fen),
        ("per_buyer_limit", earlier.per_buyer_limit),
    ):
        told = getattr(row, field)
        if told is not None and told != had:
            raise Unfit(
                field, f"differs from the {had} it was allotted with; an allotment is not changed by a file", told
            )
    return False
