"""Flags in a file as flagd reads it (https://flagd.dev/schema/v0/flags.json), checked and made into rules.

Of flagd's targeting it takes what chooses by who asks: `if`, `==`, `!=`, `in`, `and`, `or`, `!`, `var`. Whatever else
stands there is refused by its name. Knows JSON, no fault and no SDK.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

_LARGEST: Final = 65_536
About = Mapping[str, Any]
Rule = Callable[[About], Any]


class BadFlags(ValueError):
    """The file is no flag file, or one of its flags is not usable; one line says which and why, and shows no value."""


class Flag(msgspec.Struct, frozen=True, rename="camel"):
    """One flag as the file has it. Its variants are objects."""

    state: Literal["ENABLED", "DISABLED"]
    variants: Annotated[dict[str, dict[str, Any]], Meta(min_length=1)]
    default_variant: str
    targeting: dict[str, Any] = {}

    def variant(self, rule: Rule, about: About) -> str:
        """The one that whoever asks gets; the default one where the rule names none."""
        named = rule(about) if self.state == "ENABLED" else None
        return named if isinstance(named, str) and named in self.variants else self.default_variant

    def within_reach(self) -> set[str]:
        """The variants that somebody may get."""
        named = {name for name in results(self.targeting) if isinstance(name, str)}
        return {self.default_variant, *named} if self.state == "ENABLED" else set()


class _File(msgspec.Struct, frozen=True):
    flags: dict[str, Flag]


def read(text: bytes) -> dict[str, Flag]:
    """The flags of a file. Raises `BadFlags`."""
    if len(text) > _LARGEST:
        raise BadFlags(f"it is larger than {_LARGEST} bytes")
    try:
        flags = msgspec.json.decode(text, type=_File).flags
    except (msgspec.MsgspecError, ValueError, RecursionError) as broken:
        raise BadFlags(str(broken)) from broken
    for name, flag in flags.items():
        for complaint in _complaints(flag):
            raise BadFlags(f"{name}: {complaint}")
    return flags


def _complaints(flag: Flag) -> Iterable[str]:
    """What is wrong with a flag although each of its fields is right by itself."""
    if flag.default_variant not in flag.variants:
        yield f"defaultVariant is none of {', '.join(flag.variants)}"
    if flag.targeting and list(flag.targeting) != ["if"]:
        yield "targeting begins with `if`"
    try:
        compiled(flag.targeting)
        named = [name for name in results(flag.targeting) if name is not None]  # any JSON, lists too
    except (BadFlags, RecursionError) as broken:
        yield str(broken)
        return
    if not all(isinstance(name, str) and name in flag.variants for name in named):
        yield f"targeting names another variant than {', '.join(flag.variants)}"


def compiled(rule: Any) -> Rule:
    """A rule of JsonLogic as a function of who asks."""
    if isinstance(rule, list):
        parts = [compiled(part) for part in rule]
        return lambda about: [part(about) for part in parts]
    if not isinstance(rule, dict) or not rule:
        return lambda _: rule if rule != {} else None
    name, given = _operation(rule)
    if name == "var":
        return lambda about: about.get(str(given[0]))
    return _OPERATIONS[name]([compiled(one) for one in given])


def results(rule: Any) -> Iterable[Any]:
    """What an `if` may come to, in whichever branch."""
    if not isinstance(rule, dict):
        yield rule
    elif rule:
        _, given = _operation(rule)
        for branch in given[1::2] + (given[-1:] if len(given) % 2 else []):
            yield from results(branch)


def _operation(rule: Mapping[str, Any]) -> tuple[str, list[Any]]:
    if len(rule) != 1 or (name := next(iter(rule))) not in (*_OPERATIONS, "var"):
        raise BadFlags(f"targeting knows {', '.join(_OPERATIONS)}, var; not {', '.join(rule)}")
    given = rule[name] if isinstance(rule[name], list) else [rule[name]]
    least, most = _ARGUMENTS.get(name, (1, 100))
    if not least <= len(given) <= most:
        raise BadFlags(f"{name} takes from {least} to {most} arguments")
    return name, given


def _if(parts: list[Rule]) -> Rule:
    def chosen(about: About) -> Any:
        for condition, then in zip(parts[::2], parts[1::2], strict=False):
            if condition(about):
                return then(about)
        return parts[-1](about) if len(parts) % 2 else None

    return chosen


def _in(parts: list[Rule]) -> Rule:
    def found(about: About) -> bool:
        one, among = parts[0](about), parts[1](about)
        return isinstance(among, list) and one in among

    return found


_ARGUMENTS: Final = {"if": (2, 100), "==": (2, 2), "!=": (2, 2), "in": (2, 2), "!": (1, 1), "var": (1, 1)}
_OPERATIONS: Final[Mapping[str, Callable[[list[Rule]], Rule]]] = {
    "if": _if,
    "==": lambda parts: lambda about: parts[0](about) == parts[1](about),
    "!=": lambda parts: lambda about: parts[0](about) != parts[1](about),
    "in": _in,
    "and": lambda parts: lambda about: all(part(about) for part in parts),
    "or": lambda parts: lambda about: any(part(about) for part in parts),
    "!": lambda parts: lambda about: not parts[0](about),
}
