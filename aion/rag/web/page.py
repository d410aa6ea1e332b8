"""What a page of HTML says to robots: its links, its canonical URL, whether it wants to be kept and followed.

lxml feeds the tags one by one and builds no tree, so a page's memory is that of its links.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from lxml import etree

from aion.errors import DocumentError
from aion.rag.web.urls import canonical

MAX_LINKS = 5000
_PARTS = 65536
_WITH_VALUES = ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")


@dataclass(frozen=True, slots=True)
class Page:
    """`links` are canonical URLs, each once, in order; `canonical` is what the page calls itself, or None."""

    links: tuple[str, ...] = ()
    canonical: str | None = None
    is_index_allowed: bool = True
    is_follow_allowed: bool = True


def read_page(text: str, url: str, robot: str, header: str = "") -> Page:
    """What `text`, the HTML at `url`, and its X-Robots-Tag `header` tell a robot of that name."""
    tags = _Tags(robot)
    data = text.encode("utf-8", "replace")
    parser = etree.HTMLParser(target=tags, encoding="utf-8", recover=True, no_network=True, huge_tree=False)
    try:
        for start in range(0, len(data), _PARTS):
            parser.feed(data[start : start + _PARTS])
        parser.close()
    except (etree.XMLSyntaxError, AssertionError):  # an empty page; what was read before counts
        pass
    words = tags.directives | directives(header, robot)
    base = _resolve(tags.base, url) or url
    return Page(
        links=tuple(dict.fromkeys(filter(None, (_resolve(link, base) for link in tags.links)))),
        canonical=_resolve(tags.canonical, base) if tags.canonical else None,
        is_index_allowed=not words & {"noindex", "none"},
        is_follow_allowed=not words & {"nofollow", "none"},
    )


def directives(header: str, robot: str) -> frozenset[str]:
    """The words of an X-Robots-Tag that concern `robot`: `noindex`, `otherbot: noindex, aion: nofollow`."""
    words = set()
    concerned = True
    for part in header.lower().split(","):
        name, colon, rest = (piece.strip() for piece in part.partition(":"))
        if colon and name not in _WITH_VALUES:
            concerned = name == robot.lower()
        if concerned:
            words.add(rest if colon else name)
    return frozenset(words)


@dataclass(slots=True)
class _Tags:
    """Collects what matters as the parser meets it. What only <head> may say is not taken from <body>."""

    robot: str
    links: list[str] = field(default_factory=list)
    directives: set[str] = field(default_factory=set)
    canonical: str = ""
    base: str = ""
    _in_body: bool = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        match tag:
            case "a" | "area":
                if len(self.links) < MAX_LINKS and "nofollow" not in _words(attributes.get("rel")):
                    self.links.append(attributes.get("href", ""))
            case "body":
                self._in_body = True
            case "base":
                self.base = self.base or attributes.get("href", "")
            case "link":
                if not self._in_body and "canonical" in _words(attributes.get("rel")):
                    self.canonical = self.canonical or attributes.get("href", "")
            case "meta":
                self._meta(attributes)

    def _meta(self, attributes: dict[str, str]) -> None:
        content = attributes.get("content", "")
        if attributes.get("name", "").strip().lower() in ("robots", self.robot.lower()):
            self.directives |= {word.strip() for word in content.lower().split(",")}
        elif attributes.get("http-equiv", "").lower() == "refresh":
            target = content.partition(";")[2].strip()
            if target[:4].lower() == "url=":
                self.links.append(target[4:].strip(" '\""))

    def end(self, tag: str) -> None:
        """Nothing is read from the end of a tag."""

    def data(self, data: str) -> None:
        """Nor from text."""

    def comment(self, text: str) -> None:
        """Nor from comments."""

    def close(self) -> None:
        """The parser asks for it."""


def _words(value: str | None) -> Iterable[str]:
    return (value or "").lower().split()


def _resolve(link: str, base: str) -> str | None:
    """The canonical URL of a link; None for what is no page of the web (mailto:, #top, nonsense)."""
    if not link.strip() or link.lstrip().startswith("#"):
        return None
    try:
        return canonical(link, base)
    except DocumentError:
        return None
