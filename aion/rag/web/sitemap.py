"""Sitemaps (sitemaps.org): XML, an index of them, plain text, each perhaps in gzip. Knows no network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from aion.errors import DocumentError
from aion.rag.web.inflate import gunzipped

MAX_ENTRIES = 50_000  # of the protocol, as are 50 MB unpacked
MAX_UNPACKED_BYTES = 50 * 2**20


@dataclass(frozen=True, slots=True)
class Sitemap:
    """What a sitemap lists, as written: pages, and other sitemaps."""

    pages: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()


def read_sitemap(data: bytes, url: str, max_bytes: int = MAX_UNPACKED_BYTES) -> Sitemap:
    """The sitemap in `data`, what was at `url`. Raises DocumentError when it is none."""
    if data.startswith(b"\x1f\x8b"):
        data = gunzipped(data, max_bytes, url)
    head = data[:1000].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"<"):
        return _read_xml(data, url)
    lines = data.decode("utf-8-sig", "replace").split()
    if not lines or not lines[0].startswith(("http://", "https://")):
        raise DocumentError(f"{url} is no sitemap.")
    return Sitemap(pages=tuple(lines[:MAX_ENTRIES]))


def _read_xml(data: bytes, url: str) -> Sitemap:
    parser = etree.XMLPullParser(
        events=("end",),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        recover=True,
    )
    try:
        found = list(_locations(parser, data))
    except etree.XMLSyntaxError as error:
        raise DocumentError(f"{url} is no sitemap ({error.msg}).") from error
    pages = tuple(text for kind, text in found if kind == "url")
    sitemaps = tuple(text for kind, text in found if kind == "sitemap")
    if not found:
        raise DocumentError(f"{url} lists no page.")
    return Sitemap(pages, sitemaps)


def _locations(parser: etree.XMLPullParser, data: bytes) -> Iterator[tuple[str, str]]:
    """("url" or "sitemap", address) of each entry; the tree behind is let go of."""
    n_entries = 0
    for start in range(0, len(data), 65536):
        parser.feed(data[start : start + 65536])
        for _, element in parser.read_events():
            name = _local(element.tag)
            if name == "loc" and element.getparent() is not None and element.text:
                kind = _local(element.getparent().tag)
                if kind in ("url", "sitemap"):
                    yield kind, element.text.strip()
                    n_entries += 1
            elif name in ("url", "sitemap"):
                element.clear()
                parent = element.getparent()
                while parent is not None and element.getprevious() is not None:
                    del parent[0]
            if n_entries >= MAX_ENTRIES:
                return


def _local(tag: object) -> str:
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
