"""What Office's formats have in common: parts that name each other by relations, and core properties."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from aion.errors import DocumentError
from aion.rag.readers.content import day_of, split_tags
from aion.rag.readers.package import Package, attribute, local

_FILE_NAME = re.compile(r"\.(?:docx?|pptx?|xlsx?|odt|pdf|rtf|indd|tex|html?)$", re.IGNORECASE)
_UNTITLED = ("untitled", "sem título")
_NO_TITLE = ("microsoft word - ", "powerpoint presentation", "apresentação do powerpoint", "word document")


@dataclass(frozen=True, slots=True)
class Properties:
    """What a document says of itself."""

    title: str | None = None
    date: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Relation:
    """A part that another refers to; `kind` is the last word of the relation's type ("slide")."""

    kind: str
    part: str


def relations(package: Package, part: str = "") -> dict[str, Relation]:
    """What `part` refers to by id; "" is the package itself. Links to outside are left out."""
    folder, file = posixpath.split(part)
    root = package.xml(posixpath.join(folder, "_rels", f"{file}.rels"))
    found = {}
    for element in root if root is not None else ():
        target = attribute(element, "Target") or ""
        if attribute(element, "TargetMode") != "External":
            kind = (attribute(element, "Type") or "").rpartition("/")[2]
            path = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
            found[attribute(element, "Id") or ""] = Relation(kind, path)
    return found


def main_part(package: Package) -> tuple[str, etree._Element]:
    """The part the document begins with, and its root. Raises DocumentError."""
    for relation in relations(package).values():
        if relation.kind == "officeDocument":
            root = package.xml(relation.part)
            if root is not None:
                return relation.part, root
    raise DocumentError(
        f"{package.name} has no document in it; open it in its own program and save it again."
    )


def related(package: Package, part: str, kind: str) -> Iterator[str]:
    """The parts of `kind` that `part` refers to."""
    return (found.part for found in relations(package, part).values() if found.kind == kind)


def properties(package: Package) -> Properties:
    """The core properties: title (none that a program made up), day of the last change, keywords."""
    part = next(related(package, "", "core-properties"), "docProps/core.xml")
    root = package.xml(part)
    fields = {local(element): element.text or "" for element in root} if root is not None else {}
    return Properties(
        title=own_title(fields.get("title")),
        date=day_of(fields.get("modified")) or day_of(fields.get("created")),
        tags=split_tags(fields.get("keywords", "")),
    )


def own_title(title: str | None) -> str | None:
    """A title that a person gave, not the program."""
    words = (title or "").strip()
    made_up = words.lower().startswith(_NO_TITLE) or words.lower() in _UNTITLED or _FILE_NAME.search(words)
    return None if made_up or not words else words
