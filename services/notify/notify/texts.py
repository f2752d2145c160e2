"""Words for notices: a kind and its figures become a title and a text in Chinese or English. The words stand in
`locales/*.ftl` (Fluent).

Money is shown in yuan, times as the clock in China shows them. Decides neither who is told nor how it is sent.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from fluent.runtime import FluentBundle, FluentResource

from notify.domain import LANGUAGES, Kind, Language, Params

_CHINA: Final = ZoneInfo("Asia/Shanghai")
_DEFAULT: Final[Language] = "zh"


class Text(NamedTuple):
    """A notice as a person reads it."""

    title: str
    text: str


class Unspeakable(Exception):
    """A text lacks a figure or a message that it needs: a bug in a locale file, never shown half-filled."""


def speak(kind: Kind, params: Params, language: Language) -> Text:
    """The notice in the language. Raises `Unspeakable` rather than leave a placeholder unfilled."""
    message = _bundle(language).get_message(kind)
    return Text(
        _format(language, kind, message.attributes["title"], params), _format(language, kind, message.value, params)
    )


def preferred(accepted: Iterable[str], otherwise: Language | None = None) -> Language:
    """The first language of the reader's that we speak (`en-GB` is `en`); else `otherwise`, else Chinese."""
    for tag in accepted:
        for language in LANGUAGES:
            if tag.lower().split("-")[0] == language:
                return language
    return otherwise or _DEFAULT


def yuan(fen: Any) -> Any:
    """3990 -> ¥39.90."""
    amount = int(str(fen))
    return f"¥{amount // 100:,}.{amount % 100:02d}"


def clock(instant: Any) -> Any:
    """An ISO instant as the clock in China shows it."""
    return datetime.fromisoformat(str(instant)).astimezone(_CHINA).strftime("%Y-%m-%d %H:%M")


def _format(language: Language, kind: str, pattern: object, params: Params) -> str:
    text, wrong = _bundle(language).format_pattern(pattern, dict(params))  # type: ignore[arg-type]  # Fluent's own pattern, typed by a private union
    if wrong:
        raise Unspeakable(f"{kind} in {language}: {'; '.join(map(str, wrong))}")
    return str(text)


@cache
def _bundle(language: Language) -> FluentBundle:
    """The language's messages, read when they are first needed. Isolation marks are off: both scripts run left to
    right.
    """
    bundle = FluentBundle([language], functions={"YUAN": yuan, "CLOCK": clock}, use_isolating=False)
    bundle.add_resource(FluentResource(files("notify").joinpath("locales", f"{language}.ftl").read_text("utf-8")))
    return bundle
