"""Addresses that recipients give us (Apprise URLs): which are taken, how they are shown, and how one is opened for
sending.

An address is a secret (it carries tokens and passwords) and a risk (we call what a stranger wrote down). So: only
allowed kinds; no private network unless allowed, looked up anew at each sending; no redirects; our time-outs, not
theirs; never whole in an answer or a log. Only the plugins of the kinds in `_PLUGINS` are loaded for those; any
other kind makes Apprise load all of its plugins (16 MB).
"""

import ipaddress
import logging
import socket
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any, Final

from apprise import AppriseAsset, NotifyBase
from apprise.exception import AppriseException
from apprise.plugins import url_to_dict

from chassis.refusals import Invalid

_PLUGINS: Final = {
    "json": ("apprise.plugins.custom_json", "NotifyJSON"),
    "form": ("apprise.plugins.custom_form", "NotifyForm"),
    "xml": ("apprise.plugins.custom_xml", "NotifyXML"),
    "mailto": ("apprise.plugins.email", "NotifyEmail"),
}
_METHODS: Final = ("POST", "PUT")
_ASSET: Final = AppriseAsset(app_id="Shanhuo", app_desc="Shanhuo notices", http_redirects=False, secure_logging=True)
Resolve = Callable[[str], Iterable[str]]


def silence_libraries() -> None:
    """Apprise and the HTTP library below it name hosts and paths in their logs; ours say what happened without
    them.
    """
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    logging.getLogger("urllib3").setLevel(logging.ERROR)


def looked_up(host: str) -> list[str]:
    """The host's network addresses; none when it has none (or is no host: some kinds keep a token in that place)."""
    try:
        return [str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        return []


class Addresses:
    """The rules of one deployment about addresses."""

    def __init__(
        self, schemas: Iterable[str], allow_private: bool, timeout_seconds: float, resolve: Resolve = looked_up
    ) -> None:
        self._schemas = frozenset(schemas)
        self._allow_private = allow_private
        self._timeout = timeout_seconds
        self._resolve = resolve

    def check(self, url: str, field: str) -> None:
        """Raises Invalid, naming the field and never the address, when the address is none that we would send to."""
        schema = url.partition("://")[0].lower()
        valid = ", ".join(f"{each}://" for each in sorted(self._schemas))
        if schema not in self._schemas:
            raise Invalid("unknown-address", "This kind of address is not taken here.", field=field, valid=valid)
        plugin = self.open(url)
        if plugin is None:
            raise Invalid(
                "bad-address",
                "This address cannot be read.",
                field=field,
                valid="an Apprise URL, https://appriseit.com/",
            )
        if getattr(plugin, "method", "POST") not in _METHODS:
            raise Invalid("bad-method", "Notices are posted or put.", field=field, valid=", ".join(_METHODS))
        if self.forbidden(plugin):
            raise Invalid(
                "private-address", "This address is inside a private network.", field=field, valid="a public host"
            )

    def open(
        self, url: str, headers: Mapping[str, str] | None = None, payload: Mapping[str, str] | None = None
    ) -> NotifyBase | None:
        """The address ready to send to, with our time-outs and, where the kind bears them, our headers and
        members; None if unreadable.
        """
        schema = url.partition("://")[0].lower()
        plugin = _plugin(schema)
        parts = plugin.parse_url(url) if plugin else url_to_dict(url)  # type: ignore[no-untyped-call]  # Apprise is half typed
        if not parts:
            return None
        ours: dict[str, Any] = {
            "asset": _ASSET,
            "redirect": False,
            "retry": 0,
            "cto": self._timeout,
            "rto": self._timeout,
        }
        opened = {**parts, "schema": schema, **ours}
        for name, extra in (("headers", headers), ("payload", payload)):
            if extra and name in getattr(plugin, "template_kwargs", {}):
                opened[name] = {**parts.get(name, {}), **extra}
        return _made(plugin, opened)

    def forbidden(self, plugin: NotifyBase) -> bool:
        """Whether a host it would call now is inside a private network, and that is not allowed here."""
        if self._allow_private:
            return False
        hosts = {getattr(plugin, name, None) for name in ("host", "smtp_host")} - {None, ""}
        return any(not _is_public(found) for host in hosts for found in self._resolve(_bare(str(host))))

    def masked(self, url: str) -> str:
        """The address for its owner's eyes: the kind and the host, nothing that opens it."""
        schema, _, rest = url.partition("://")
        if schema.lower().rstrip("s") in _PLUGINS:
            host = rest.partition("?")[0].partition("/")[0].rpartition("@")[2]
            return f"{schema}://{host}/…"
        plugin = self.open(url)
        shown = str(plugin.url(privacy=True)) if plugin else f"{schema}://…"  # type: ignore[no-untyped-call]  # as above
        return shown.partition("?")[0]


def _plugin(schema: str) -> Any:
    place = _PLUGINS.get(schema) or _PLUGINS.get(schema.removesuffix("s"))
    return getattr(import_module(place[0]), place[1]) if place else None


def _made(plugin: Any, parts: dict[str, Any]) -> NotifyBase | None:
    try:
        if plugin is None:
            from apprise import Apprise  # loads every plugin, so only where one of the others is allowed

            return Apprise.instantiate(parts, asset=_ASSET)
        return plugin(**parts)  # type: ignore[no-any-return]  # the class comes from a table of names
    except (AppriseException, TypeError, ValueError):
        return None


def _bare(host: str) -> str:
    """A host without brackets and port (Apprise keeps the port of a mail server with its name)."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host if host.count(":") > 1 else host.partition(":")[0]


def _is_public(found: str) -> bool:
    address = ipaddress.ip_address(found.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None) or address
    return mapped.is_global and not mapped.is_multicast
