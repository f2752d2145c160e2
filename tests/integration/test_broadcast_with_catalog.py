"""Broadcast beside the catalog, with the project's own files: from the line-up to the evening on air."""

from pathlib import Path
from typing import Any

import httpx
from tests.starting import StartService

from chassis.testing import eventually

DATA = Path(__file__).parents[2] / "deploy/data"
ALLOTMENTS = "county,sku,quantity,purpose,show_id,slot,price_fen,per_buyer_limit"


def upload(client: httpx.Client, path: str, text: str) -> dict[str, Any]:
    answer = client.post(path, content=text.encode(), headers={"content-type": "text/csv"})
    assert answer.status_code == 200, answer.text
    report: dict[str, Any] = answer.json()
    return report


def test_the_real_line_up_is_planned_allotted_and_goes_on_air(start_service: StartService) -> None:
    catalog, broadcast = (start_service(name).client("office", ["platform"]) for name in ("catalog", "broadcast"))
    for name in ("counties", "items"):
        assert upload(catalog, f"/{name}/import", (DATA / f"{name}.csv").read_text(encoding="utf-8"))["refused"] == []
    lineup = (DATA / "lineup.csv").read_text(encoding="utf-8")
    # what catalog lists is heard of a moment later: until then rows are refused, and taken when the file comes again
    planned = eventually(lambda: not (report := upload(broadcast, "/lineups/import", lineup))["refused"] and report)
    assert len(planned["shows"]) == 2
    shows = [broadcast.get(f"/shows/{each['show_id']}").json() for each in planned["shows"]]
    assert sorted(len(show["counties"]) for show in shows) == [4, 4]
    rows = [
        f"{slot['county']},{slot['sku']},{slot['planned']},slot,{show['show_id']},{slot['slot']},,{slot['per_buyer_limit']}"
        for show in shows
        for slot in show["slots"]
    ]
    assert upload(catalog, "/allotments/import", "\n".join((ALLOTMENTS, *rows)))["accepted"] == 8
    for show in shows:
        path = f"/shows/{show['show_id']}"
        eventually(lambda path=path: not broadcast.get(path).json()["checklist"])
        assert broadcast.post(f"{path}/start").json()["state"] == "live"
        featured = broadcast.post(f"{path}/slots/1/feature").json()
        slot = featured["slots"][0]
        assert featured["on_screen"]["allotment_id"] == slot["allotment_id"]
        assert (slot["offered"], slot["live_price_fen"] < slot["price_fen"]) == (slot["planned"], True)
