"""The doors of the sample service. Each does the least that shows what the chassis does around it."""

import hashlib
import time
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from nameko.extensions import DependencyProvider
from pymongo.errors import ServerSelectionTimeoutError
from werkzeug.wrappers import Response

from chassis import rows
from chassis.auth import Role
from chassis.config import Settings
from chassis.http import ANY_ROLE, CSV, PUBLIC, RAW, Answer, Call, Page, Paging, http, page
from chassis.refusals import Conflict, NotFound

FRUIT = ["apple", "chestnut", "kiwi", "pear", "plum"]


class SampleSettings(Settings, frozen=True, kw_only=True):
    """The chassis' settings and one of its own."""

    greeting: str = "hello"
    stuck_seconds: float = 0.0
    bug_after_seconds: float = 0.0


class Stuck(DependencyProvider):
    """Something that takes its time to stop, and, where it is told to, has a bug."""

    def start(self) -> None:
        if self.container.config["settings"].bug_after_seconds:
            self.container.spawn_managed_thread(self._fail, identifier="bug")

    def stop(self) -> None:
        time.sleep(self.container.config["settings"].stuck_seconds)

    kill = stop

    def _fail(self) -> None:
        time.sleep(self.container.config["settings"].bug_after_seconds)
        raise RuntimeError("a bug")


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants."""

    fruit: Annotated[str, Meta(min_length=1, description="What to buy.")]
    quantity: Annotated[int, Meta(ge=1, le=99)]
    notes: tuple[str, ...] = ()


class Wished(msgspec.Struct, frozen=True, kw_only=True):
    """What was wanted, and by whom."""

    fruit: str
    quantity: int
    buyer: str
    key: str | None = None


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """How long to take over an answer."""

    seconds: float = 0.0


class Fruits(Paging, frozen=True, kw_only=True):
    """Which fruits to list."""

    letter: tuple[str, ...] = ()


class FruitRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a price list."""

    fruit: str
    price_fen: Annotated[int, Meta(ge=0)]
    note: str | None = None


class Sample:
    """Sells fruit, badly."""

    name = "sample"
    version = "1.2.3"
    settings_class = SampleSettings

    stuck = Stuck()

    @http(
        "POST",
        "/wishes",
        who={Role.BUYER},
        body=Wish,
        returns=Wished,
        status=201,
        idempotent=True,
        summary="Wish for fruit",
        refusals=(Conflict,),
    )
    def wish(self, call: Call[Wish]) -> Any:
        """Take a wish. The same key is the same wish."""
        if call.body.fruit == "durian":
            raise Conflict("sold-out", "No durian remains.", remaining=0)
        wished = Wished(
            fruit=call.body.fruit, quantity=call.body.quantity, buyer=call.principal.subject, key=call.idempotency_key
        )
        return Answer(wished, headers={"Location": "/wishes/1"})

    @http("POST", "/quick", who={Role.BUYER}, body=Wish, returns=Wished)
    def quick(self, call: Call[Wish]) -> Wished:
        """The least work a POST can be."""
        return Wished(fruit=call.body.fruit, quantity=call.body.quantity, buyer=call.principal.subject)

    @http("GET", "/fruits", who=PUBLIC, query=Fruits, returns=Page[str])
    def fruits(self, call: Call[None]) -> Page[str]:
        """List fruits, a page at a time."""
        wanted = [name for name in FRUIT if not call.query.letter or name[0] in call.query.letter]
        rest = [name for name in wanted if call.query.after is None or name > call.query.after]
        return page(rest[: call.query.limit + 1], call.query.limit, lambda name: name)

    @http("GET", "/fruits/<name>", who=PUBLIC, returns=str, refusals=(NotFound,))
    def fruit(self, _call: Call[None], name: str) -> str:
        """One fruit."""
        if name not in FRUIT:
            raise NotFound("no-such-fruit", f"There is no {name}.")
        return name

    @http("GET", "/numbers/<int:number>", who=PUBLIC, returns=int)
    def number(self, _call: Call[None], number: int) -> int:
        """A number, doubled."""
        return 2 * number

    @http("POST", "/bells", who=PUBLIC, body=RAW, returns=dict[str, str])
    def ring(self, call: Call[None]) -> dict[str, str]:
        """Somebody else's webhook: its body is signed, so it is taken as it comes."""
        return {"sha256": hashlib.sha256(call.text.encode()).hexdigest()}

    @http("POST", "/prices/import", who={Role.COUNTY, Role.PLATFORM}, body=CSV, returns=rows.RowReport)
    def prices(self, call: Call[None]) -> rows.RowReport:
        """Take a price list."""
        found = list(rows.read(call.text, FruitRow))
        refused = [row for row in found if isinstance(row, rows.Refused)]
        return rows.RowReport(rows=len(found), accepted=len(found) - len(refused), refused=refused)

    @http("GET", "/me", who=ANY_ROLE, returns=dict[str, Any])
    def me(self, call: Call[None]) -> dict[str, Any]:
        """Who is asking."""
        who = call.principal
        return {"subject": who.subject, "roles": sorted(who.roles), "county": who.county, "producer": who.producer}

    @http("POST", "/counties/<county>/stamp", who={Role.COUNTY, Role.PLATFORM})
    def stamp(self, call: Call[None], county: str) -> None:
        """Only for the county itself."""
        call.principal.require_county(county)

    @http("POST", "/slow", who=PUBLIC, body=Pause, returns=str)
    def slow(self, call: Call[Pause]) -> str:
        """Answers after a while."""
        time.sleep(call.body.seconds)
        return "done"

    @http("GET", "/ticks", who=PUBLIC, returns=str, media_type="text/event-stream")
    def ticks(self, _call: Call[None]) -> Any:
        """A stream without an end."""

        def pieces() -> Any:
            yield "data: first\n\n"
            while True:
                time.sleep(3600)

        return Response(pieces(), content_type="text/event-stream")

    @http("GET", "/half", who=PUBLIC, returns=str, media_type="text/event-stream")
    def half(self, _call: Call[None]) -> Any:
        """A stream that breaks."""

        def pieces() -> Any:
            yield "data: first\n\n"
            raise RuntimeError("the other half is missing")

        return Response(pieces(), content_type="text/event-stream")

    @http("GET", "/split", who=PUBLIC, returns=str)
    def split(self, _call: Call[None]) -> Answer:
        """Would say more in its header than it should."""
        return Answer("", headers={"Location": "/a\r\nSet-Cookie: a=b"})

    @http("GET", "/taken", who=PUBLIC, returns=str, status=202)
    def taken(self, _call: Call[None]) -> Answer:
        """Has nothing to say, yet not with 204."""
        return Answer(None, status=202)

    @http("GET", "/untold", who=PUBLIC, returns=str)
    def untold(self, _call: Call[None]) -> Answer:
        """Says in a header what no header can carry."""
        return Answer("", headers={"Location": "/猕猴桃"})

    @http("GET", "/odd", who=PUBLIC, returns=str)
    def odd(self, _call: Call[None]) -> str:
        """Refuses with a figure that JSON has no word for."""
        raise Conflict("odd", "That is odd.", figure=1j)

    @http("GET", "/broken", who=PUBLIC, returns=str)
    def broken(self, _call: Call[None]) -> str:
        """Has a bug."""
        raise RuntimeError("the secret is 42")

    @http("GET", "/away", who=PUBLIC, returns=str)
    def away(self, _call: Call[None]) -> str:
        """Its database is away."""
        raise ServerSelectionTimeoutError("db.internal:27017 refused")
