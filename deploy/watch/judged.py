"""What is wrong with what was seen, query by query: a dead query beside a living one is a line that nobody misses."""

from collections.abc import Mapping
from typing import Final

from watch.run import Found

# What an evening need not have, and why: matchers of series, as PromQL writes them.
MAY_BE_UNFOUND: Final[Mapping[str, str]] = {
    'status=~"5.."': "no service fails",
}


def wrong(found: Found) -> list[str]:
    """All that is wrong, each as a line for a person."""
    return [
        *(f"{one.ask.name}: {one.error}" for one in found.panels if one.error),
        *(f"{name} is empty" for name in empty(found)),
        *unfound(found),
        *(f"{address}: {health}" for address, health in found.targets.items() if health != "up"),
        *(f"{one.name}: {one.health}" for one in found.alerts if one.health != "ok"),
    ]


def empty(found: Found) -> list[str]:
    """The queries that brought no value, by their names."""
    return [seen.ask.name for seen in found.panels if not seen.values]


def unfound(found: Found) -> list[str]:
    """What queries ask for and nobody measured."""
    return [f"{seen.ask.name}: nobody measures {one}" for seen in found.panels for one in seen.unfound if not _may(one)]


def still(found: Found) -> set[str]:
    """The queries that brought nothing but 0, by their names."""
    return {seen.ask.name for seen in found.panels if not any(seen.values)}


def _may(selector: str) -> bool:
    return any(matcher in selector for matcher in MAY_BE_UNFOUND)
