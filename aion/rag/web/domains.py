"""Which hosts may be asked at all: the whitelist AION_CRAWL_DOMAINS. Knows names, no addresses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from aion.errors import DocumentError, SettingsError
from aion.rag.web.urls import canonical, host_of, port_of

SETTING = "AION_CRAWL_DOMAINS"
_USUAL_PORTS = frozenset({80, 443})


@dataclass(frozen=True, slots=True)
class _Entry:
    """`host` with or without www., or, where `is_wild`, what ends in it; `port` None is 80 and 443."""

    host: str
    is_wild: bool
    port: int | None

    def allows(self, host: str, port: int) -> bool:
        if port not in (_USUAL_PORTS if self.port is None else {self.port}):
            return False
        return host.endswith("." + self.host) if self.is_wild else host in (self.host, "www." + self.host)


class Domains:
    """The whitelist. Immutable. An empty one allows nothing."""

    def __init__(self, entries: tuple[_Entry, ...], text: str) -> None:
        self._entries = entries
        self._text = text

    @classmethod
    def parse(cls, text: str) -> Self:
        """From the setting: `sintra.pt` is that host and its www., `*.sintra.pt` whatever is below it,
        `sintra.pt:8443` that host at that port. Raises SettingsError that quotes what is wrong."""
        names = [name for name in re.split(r"[\s,;]+", text) if name]
        return cls(tuple(map(_entry, names)), ",".join(names))

    def __bool__(self) -> bool:
        return bool(self._entries)

    def allows(self, url: str) -> bool:
        """Whether a canonical URL may be asked for."""
        host, port = host_of(url), port_of(url)
        return any(entry.allows(host, port) for entry in self._entries)

    def check(self, url: str) -> None:
        """Raise DocumentError, naming the setting and the value to add, unless `url` is allowed."""
        if self.allows(url):
            return
        host, port = host_of(url), port_of(url)
        wanted = host if port in _USUAL_PORTS else f"{host}:{port}"
        if not self._entries:
            raise DocumentError(
                f"Nothing is fetched from the web while {SETTING} is empty; "
                f"set {SETTING}={wanted} to allow {wanted}."
            )
        raise DocumentError(
            f"{wanted} is not among {SETTING} ({self._text}); "
            f"set {SETTING}={self._text},{wanted} to allow it."
        )


def _entry(name: str) -> _Entry:
    bare = name.removeprefix("*.")
    if "/" in bare or "*" in bare or "@" in bare:
        raise SettingsError(
            f"{SETTING} has {name!r}, which is not a domain; write it like sintra.pt or *.sintra.pt.",
            param=SETTING,
        )
    try:
        url = canonical(f"http://{bare}/")
    except DocumentError as error:
        raise SettingsError(
            f"{SETTING} has {name!r}, which is not a domain ({error.message}).", param=SETTING
        ) from error
    host, is_wild = host_of(url), bare != name
    if is_wild and "." not in host:
        raise SettingsError(
            f"{SETTING} has {name!r}, which is every domain under .{host}; write more, like *.sintra.{host}.",
            param=SETTING,
        )
    return _Entry(host, is_wild, port_of(url) if re.search(r":\d+$", bare) else None)
