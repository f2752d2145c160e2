"""Letters in words: a table, everything about one, JSON. Reads and decides nothing.

What stands in a letter came from outside: nothing in it reaches a terminal that the terminal would obey.
"""

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chassis.deadletters.letters import Letter
from contracts.codec import Undecodable, decode
from contracts.topics import DEAD_SUFFIX


def table(found: Sequence[Letter]) -> str:
    """A line for each letter, and how many they are. Where nobody looks at it, no line is broken."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=max((sum(map(len, map(ascii, _row(letter)))) * 2 + 20 for letter in found), default=80))
    rows = Table(box=box.SIMPLE_HEAD if console.is_terminal else None, pad_edge=False)
    for name in ("letter", "written", "tried", "replayed", "reason"):
        rows.add_column(name, overflow="fold", min_width=24 if name == "reason" else None)
    for letter in found:
        rows.add_row(*(Text(printable(cell)) for cell in _row(letter)))
    with console.capture() as drawn:
        console.print(rows)
    lines = drawn.get().rstrip().splitlines() if found else []
    return "\n".join([*(line.rstrip() for line in lines), count(found, "waiting")])


def count(found: Sequence[Letter], done: str) -> str:
    """`2 letters replayed`."""
    return f"{len(found)} letter{'' if len(found) == 1 else 's'} {done}"


def line(letter: Letter, done: str) -> str:
    """What was done with a letter."""
    return printable(f"{done} {letter.name} ({letter.reason})")


def whole(letter: Letter) -> str:
    """Everything that a letter says."""
    key = "none" if letter.key is None else _text(letter.key)
    said = {
        "written": _instant(letter),
        "group": letter.group,
        "reason": letter.reason,
        "kind": letter.kind,
        "tried": f"{letter.attempts}×, replayed {letter.replays}× before",
        "stood at": f"{letter.topic}, partition {letter.partition}, offset {letter.offset}",
        "kept on": f"{letter.topic}{DEAD_SUFFIX}",
        "key": key,
    }
    lines = [letter.name, *(f"  {name:<9} {text}" for name, text in said.items()), "  headers"]
    lines += [f"    {name}: {_text(content)}" for name, content in letter.headers]
    title, body = _content(letter)
    return "\n".join(printable(one) for one in [*lines, f"  {title}", *(f"    {one}" for one in body.splitlines())])


def plain(letter: Letter) -> dict[str, Any]:
    """The letter for programs: its bytes as text where they are UTF-8, else in base64."""
    fields = msgspec.structs.asdict(letter)
    headers = [{"name": name, **_bytes("value", content)} for name, content in letter.headers]
    dropped = ("key", "value", "headers")
    kept = {name: value for name, value in fields.items() if name not in dropped}
    body = {**_bytes("key", letter.key), **_bytes("value", letter.value)}
    return {"name": letter.name, **kept, **body, "headers": headers, "decodable": _event(letter) is not None}


def json(found: Sequence[Letter], **more: Any) -> str:
    """The letters and their count as one JSON document."""
    return msgspec.json.encode({"count": len(found), **more, "letters": [plain(letter) for letter in found]}).decode()


def printable(text: str) -> str:
    """The text without what a terminal would obey."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def _row(letter: Letter) -> tuple[str, ...]:
    return letter.name, _instant(letter), str(letter.attempts), str(letter.replays), letter.reason


def _content(letter: Letter) -> tuple[str, str]:
    """What the message says: the event, or its bytes as they are."""
    if not letter.whole:
        return "value", "too large to be kept here; the message is where it stood, as long as that topic keeps it"
    if letter.value is None:
        return "value", "none"
    event = _event(letter)
    if event is not None:
        return f"event {event.type}", msgspec.json.format(letter.value, indent=2).decode()
    return f"value, {len(letter.value)} bytes that are no event", _text(letter.value)


def _event(letter: Letter) -> Any:
    try:
        return decode(letter.headers, letter.value)
    except Undecodable:
        return None


def _instant(letter: Letter) -> str:
    return letter.at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return ascii(content)


def _bytes(name: str, content: bytes | None) -> dict[str, Any]:
    try:
        return {name: None if content is None else content.decode()}
    except UnicodeDecodeError:
        return {name: None, f"{name}_base64": b64encode(content or b"").decode()}
