"""Zip files that hold a document: checked before they are unpacked, their XML read without entities."""

from __future__ import annotations

import io
import zipfile
from pathlib import PurePath

from lxml import etree

from aion.errors import DocumentError

MAX_ENTRIES = 20_000
MAX_EXPANDED_BYTES = 1024**3
MAX_RATIO = 200  # sheets of repeated words come to 50
SMALL_BYTES = 64 * 1024**2  # what expands to less is no bomb, whatever its ratio
_ENTITY_BYTES = 64 * 1024
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


class Package:
    """The parts of one zip file. Reading a part takes no more memory than its entry declares."""

    def __init__(self, data: bytes, name: str) -> None:
        """Open and check. Raises DocumentError; `name` begins its sentence."""
        self.name = name
        _refuse_other(data, name)
        self._zip = zipfile.ZipFile(io.BytesIO(data))
        entries = self._zip.infolist()
        self._refuse_bomb(entries, len(data))
        if any(entry.flag_bits & 1 for entry in entries):
            raise protected(name)
        self.names = frozenset(entry.filename for entry in entries)

    def _refuse_bomb(self, entries: list[zipfile.ZipInfo], n_bytes: int) -> None:
        expanded = sum(entry.file_size for entry in entries)
        if len(entries) > MAX_ENTRIES:
            raise DocumentError(
                f"{self.name} has {len(entries):,} parts and the limit is {MAX_ENTRIES:,}; split it."
            )
        if expanded > MAX_EXPANDED_BYTES or (expanded > SMALL_BYTES and expanded > MAX_RATIO * n_bytes):
            raise DocumentError(
                f"{self.name} has {n_bytes:,} bytes and would expand to {expanded:,}, as a zip bomb does; "
                "save its text in another format."
            )

    def bytes(self, part: str) -> bytes | None:
        """The content of a part; None when there is none of that name."""
        return self._zip.read(part) if part in self.names else None

    def xml(self, part: str) -> etree._Element | None:
        """The root of an XML part; None when there is no such part. Raises DocumentError."""
        data = self.bytes(part)
        return None if data is None else parse_xml(data, self.name)

    def refuse_entities(self) -> None:
        """For parsers that are not this one: no XML part may define entities. Raises DocumentError."""
        for part in self.names:
            if part.endswith((".xml", ".rels")):
                with self._zip.open(part) as file:
                    _refuse_entities(file.read(_ENTITY_BYTES), self.name)


def parse_xml(data: bytes, name: str) -> etree._Element:
    """The root element; entities are refused, nothing outside is fetched.

    Raises DocumentError, MemoryError, and lxml's XMLSyntaxError for what is no XML.
    """
    _refuse_entities(data[:_ENTITY_BYTES], name)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        words = str(error)
        if "XML_PARSE_HUGE" in words:
            raise DocumentError(
                f"{name} has XML nested too deep or a single text too long; save its text as .txt."
            ) from error
        if words.startswith("unknown error"):  # how libxml2 says that there is no memory left
            raise MemoryError from error
        raise


def local(element: etree._Element) -> str:
    """An element's name without its namespace: OOXML has two namespaces for the same things."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def attribute(element: etree._Element, name: str) -> str | None:
    """An attribute's value by its name without namespace."""
    for key, value in element.attrib.items():
        if key == name or key.endswith("}" + name):
            return str(value)
    return None


def protected(name: str) -> DocumentError:
    return DocumentError(f"{name} is protected by a password; save it without.")


def _refuse_other(data: bytes, name: str) -> None:
    suffix = PurePath(name).suffix
    if data.startswith(_OLE):
        if _ENCRYPTED in data:
            raise protected(name)
        raise DocumentError(
            f"{name} is an old binary Office file although it is named {suffix}; save it anew."
        )
    if not data.startswith(b"PK"):
        raise DocumentError(f"{name} is no {suffix} file although it is named so; save it anew.")


def _refuse_entities(head: bytes, name: str) -> None:
    if b"<!ENTITY" in head or b"<\0!\0E\0N\0T\0I\0T\0Y" in head:
        raise DocumentError(
            f"{name} defines XML entities, as no office program does and an attack might; save it anew."
        )
