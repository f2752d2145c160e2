"""How hypothesis draws what is done: few things and people, so that they meet."""

from hypothesis import strategies as st
from tests.unit.orders.acting import (
    Allot,
    Cancel,
    Close,
    Contend,
    Feature,
    GiveBack,
    Join,
    Leave,
    Pay,
    Place,
    Tend,
)
from tests.unit.orders.elsewhere import Import, Receive, Row, Sold
from tests.unit.orders.evening import Wish
from tests.unit.orders.issuing import Issue

FEW = st.integers(0, 3)
ORDER = st.integers(0, 7)
WHEN = st.sampled_from(("now", "now", "before", "after"))
ALLOT = st.builds(
    Allot,
    st.integers(1, 12),
    st.sampled_from((None, None, 2, 4)),
    st.sampled_from((None, None, "now", "now", "before", "after")),
)
KEY = st.integers(0, 3) | st.integers(4, 999)  # a known one, or hardly
COUPON = st.none() | FEW
WISH = st.builds(Wish, FEW, FEW, KEY, st.integers(1, 5), st.sampled_from((False, False, False, True)), COUPON)
PLACE = st.builds(Place, st.lists(WISH, min_size=1, max_size=8).map(tuple))
CHANGE = (
    st.builds(Pay, ORDER, st.sampled_from(("ok", "ok", "declined")))
    | st.builds(Cancel, ORDER, st.sampled_from(("buyer", "county")))
    | st.builds(GiveBack, ORDER, FEW, st.integers(1, 3), st.booleans())
)
WAIT = st.builds(Join, WISH) | st.builds(Join, WISH) | st.builds(Leave, FEW)
INVOICE = st.integers(1, 6)
SOLD = st.builds(lambda n, *row: Row(str(n), *row), INVOICE, FEW, FEW, st.integers(1, 4))
BACK = st.builds(lambda n, *row: Row(f"C{n}", *row), INVOICE, FEW, FEW, st.integers(-3, -1))
IMPORT = st.builds(Import, st.lists(SOLD | SOLD | BACK, min_size=1, max_size=5).map(tuple))
TOLD = st.builds(
    Receive, st.lists(st.builds(Sold, INVOICE, FEW, FEW, st.integers(1, 4), st.booleans()), max_size=5).map(tuple)
)
ISSUE = st.builds(Issue, FEW, st.sampled_from((500, 1000, 1700)), st.sampled_from((0, 0, 4000)))
ON_SCREEN = st.builds(Allot, st.integers(4, 12), st.sampled_from((None, 4)), st.just("now"))
SHOW = st.tuples(ON_SCREEN, ON_SCREEN, st.builds(Issue, st.just(0), st.sampled_from((1000, 1700, 9000))))
STOCK = ALLOT | st.builds(Feature, FEW, WHEN, st.sampled_from((2990, 3490))) | st.builds(Close, FEW)
TEND = st.builds(Tend, st.sampled_from(("tick", "sweep", "publish")))
ACTIONS = (
    PLACE | CHANGE | PLACE | CHANGE | PLACE | STOCK | TEND | IMPORT | TOLD | WAIT | ISSUE | st.builds(Contend, FEW)
)
