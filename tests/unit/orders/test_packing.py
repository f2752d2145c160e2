"""The rules of parcels."""

from datetime import timedelta

import msgspec
import pytest
from tests.unit.orders.builders import NOW, hub, paid_order, parcel

from chassis.refusals import Conflict
from contracts.events import ParcelPacked, ParcelShipped
from orders import packing
from orders.model import Change, Parcel

WEEK = timedelta(days=7)


def after(before: Parcel, change: Change | None) -> Parcel:
    assert change is not None
    return msgspec.structs.replace(before, **change.fields, version=change.new_version)


def test_a_buyers_orders_go_into_one_parcel() -> None:
    mine = [paid_order(buyer_id="b1", quantity=2), paid_order(buyer_id="b1", quantity=1)]
    theirs = paid_order(buyer_id="b2")
    first, second = packing.group([mine[0], theirs, mine[1]], "520123", "520123-C", NOW)
    assert (first.buyer_id, first.order_ids, first.weight_g) == ("b1", [one.id for one in mine], 7500)
    assert second.order_ids == [theirs.id]


def test_what_came_back_weighs_nothing() -> None:
    assert packing.weight_g(paid_order(quantity=4, returned_quantity=1)) == 7500


def test_parcels_start_at_the_countys_centre_or_else_at_a_village() -> None:
    villages = [hub("520123-V2"), hub("520123-V1")]
    assert packing.choose_hub([*villages, hub("520123-Z", "county_centre")], "520123") == "520123-Z"
    assert packing.choose_hub(villages, "520123") == "520123-V1"
    with pytest.raises(Conflict, match="no-hub"):
        packing.choose_hub([], "520123")


def test_a_parcel_is_closed_over_the_orders_that_are_really_in_it() -> None:
    begun = parcel(state="packing", order_ids=["x", "y"], version=0)
    mine = paid_order()
    change = packing.pack(begun, [mine], NOW)
    [fact] = change.facts
    assert isinstance(fact, ParcelPacked)
    assert (fact.order_ids, fact.weight_g, after(begun, change).order_ids) == ((mine.id,), 5000, [mine.id])


def test_without_a_carriers_number_a_parcel_has_our_own() -> None:
    packed = parcel()
    change = packing.ship(packed, "YTO", None, NOW)
    assert change is not None
    [fact] = change.facts
    assert isinstance(fact, ParcelShipped)
    assert fact.tracking_number.startswith("SH")
    assert after(packed, packing.ship(packed, "YTO", "YT1", NOW)).tracking_number == "YT1"


def test_each_step_twice_is_once() -> None:
    assert packing.ship(parcel(state="shipped"), "YTO", None, NOW) is None
    assert packing.deliver(parcel(state="delivered"), WEEK, NOW) is None
    seen = packing.scan(parcel(state="shipped"), "H", NOW)
    assert seen is not None
    assert packing.scan(parcel(state="shipped", scans=seen.append["scans"]), "H", NOW) is None


def test_no_step_is_left_out() -> None:
    with pytest.raises(Conflict, match="parcel-not-packed"):
        packing.ship(parcel(state="packing"), "YTO", None, NOW)
    with pytest.raises(Conflict, match="parcel-not-shipped"):
        packing.deliver(parcel(state="packed"), WEEK, NOW)
    with pytest.raises(Conflict, match="parcel-not-on-its-way"):
        packing.scan(parcel(state="delivered"), "H", NOW)
