"""EPUB books: the chapters in the order of the spine, each read as HTML."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from urllib.parse import unquote

from lxml import etree

from aion.errors import DocumentError
from aion.rag.readers import html
from aion.rag.readers.content import Content, day_of, split_tags
from aion.rag.readers.package import Package, attribute, local
from aion.types import Section

_CHAPTERS = ("application/xhtml+xml", "text/html")
_FONTS = (b"http://www.idpf.org/2008/embedding", b"http://ns.adobe.com/pdf/enc#RC")


def read(data: bytes, name: str) -> Content:
    """A book. Raises DocumentError."""
    package = Package(data, name)
    _refuse_locked(package)
    part, root = _opf(package)
    about = _about(root)
    sections: list[Section] = []
    for chapter in _spine(root, part):
        content = package.bytes(chapter)
        if content is not None:
            sections += html.read(content, name).sections if content.strip() else ()
    title = next(iter(about.get("title", [])), None)
    date = next(filter(None, map(day_of, about.get("date", []))), None)
    tags = tuple(tag for words in about.get("subject", []) for tag in split_tags(words))
    return Content(title, tuple(sections), date, tags)


def _refuse_locked(package: Package) -> None:
    """Fonts may be scrambled; a book whose text is, cannot be read."""
    rights = package.bytes("META-INF/encryption.xml") or b""
    n_locked = rights.count(b"EncryptionMethod ") - sum(rights.count(font) for font in _FONTS)
    if n_locked > 0:
        raise DocumentError(f"{package.name} is locked by its seller (DRM); get it without.")


def _opf(package: Package) -> tuple[str, etree._Element]:
    """The file that lists the book's parts, and its root."""
    container = package.xml("META-INF/container.xml")
    for file in container.iterdescendants("{*}rootfile") if container is not None else ():
        part = attribute(file, "full-path") or ""
        root = package.xml(part)
        if root is not None:
            return part, root
    raise DocumentError(f"{package.name} has no book in it (META-INF/container.xml); get it anew.")


def _about(root: etree._Element) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for metadata in root.iterdescendants("{*}metadata"):
        for element in metadata:
            found.setdefault(local(element), []).append(element.text or "")
    return found


def _spine(root: etree._Element, part: str) -> Iterator[str]:
    """The names of the chapters' parts in order, the table of contents left out."""
    items = {attribute(item, "id"): item for item in root.iterdescendants("{*}item")}
    for reference in root.iterdescendants("{*}itemref"):
        item = items.get(attribute(reference, "idref"))
        if item is None or attribute(item, "media-type") not in _CHAPTERS:
            continue
        if "nav" not in (attribute(item, "properties") or "").split():
            path = unquote(attribute(item, "href") or "")
            yield posixpath.normpath(posixpath.join(posixpath.dirname(part), path))
