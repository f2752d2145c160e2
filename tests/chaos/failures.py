"""What ends a run before its time, in words for its last page.

Known failures speak for themselves, others say what they are, and all keep where they came from.
"""

import traceback
from typing import Final

from kafka.errors import KafkaError
from pymongo.errors import PyMongoError
from tests.chaos.doors import GivesUp
from tests.chaos.faults import NoHarm
from tests.chaos.load import Stuck
from tests.chaos.offices import Unprepared
from tests.chaos.rest import NotAtRest
from tests.chaos.town import NotUp

_SPEAK: Final = (Stuck, NotAtRest, GivesUp, Unprepared, NoHarm, NotUp)


def words(error: BaseException) -> str:
    """What it says; never nothing, for a trouble without words would be none."""
    if isinstance(error, _SPEAK):
        return str(error) or type(error).__name__
    whole = f"{type(error).__name__}: {error}"
    return f"an engine did not answer: {whole}" if isinstance(error, KafkaError | PyMongoError) else whole


def trace(error: BaseException) -> str:
    """Where it came from."""
    return "".join(traceback.format_exception(error))
