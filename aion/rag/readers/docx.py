"""Word documents: headings by style, lists, tables, notes. Reads what is inserted, not what is deleted.

Works on the XML itself: python-docx gives no text of content controls, tracked insertions and text
boxes. Macros, headers, footers and comments are not read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lxml import etree

from aion.rag.readers.content import Content, one_line
from aion.rag.readers.ooxml import main_part, properties, related
from aion.rag.readers.outline import Outline
from aion.rag.readers.package import Package, attribute, local
from aion.rag.readers.rows import table

_AROUND = {
    "sdt",
    "sdtContent",
    "ins",
    "moveTo",
    "customXml",
    "smartTag",
    "body",
    "AlternateContent",
    "Choice",
}
_LEFT_OUT = {
    "del",
    "moveFrom",
    "delText",
    "instrText",
    "pPr",
    "rPr",
    "sdtPr",
    "Fallback",
    "tblPr",
    "tcPr",
    "trPr",
}
_MARKS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_HEADING = re.compile(r"heading (\d)$", re.IGNORECASE)
_TITLE = 0
_MAX_BASES = 20


@dataclass(frozen=True, slots=True)
class _Style:
    """What a paragraph's style says: its outline level (0: the title) and whether it is an item of a list."""

    level: int | None = None
    is_item: bool = False


@dataclass(slots=True)
class _Document:
    styles: dict[str, _Style]
    notes: dict[tuple[str, str], str]
    outline: Outline = field(default_factory=Outline)
    title: str | None = None
    was_item: bool = False


def read(data: bytes, name: str) -> Content:
    """A Word document. Raises DocumentError."""
    package = Package(data, name)
    part, root = main_part(package)
    notes = _notes(package, part, "footnote") | _notes(package, part, "endnote")
    used = {attribute(style, "val") or "" for style in root.iter("{*}pStyle")}
    document = _Document(_styles(package, part, used), notes)
    for child in root:
        _walk(child, document)
    known = properties(package)
    title = document.title or known.title or document.outline.first_heading
    sections = document.outline.sections()
    return Content(title, sections, known.date, known.tags)


def _walk(element: etree._Element, document: _Document) -> None:
    """Add `element`, a block or what is around blocks, to the outline."""
    kind = local(element)
    if kind == "p":
        _add_paragraph(element, document)
    elif kind == "tbl":
        document.outline.block(table(_rows(element, document)))
        document.was_item = False
    elif kind in _AROUND:
        for child in element:
            _walk(child, document)


def _add_paragraph(paragraph: etree._Element, document: _Document) -> None:
    boxes: list[etree._Element] = []
    text = _text(paragraph, document, boxes)
    style, depth = _style_of(paragraph, document.styles)
    is_item = style.is_item and style.level is None and bool(text.strip())
    if style.level == _TITLE and document.title is None and text.strip():
        document.title = one_line(text)
    elif style.level and text.strip():
        document.outline.heading(style.level, text)
    elif is_item:
        document.outline.block("  " * depth + "- " + one_line(text), follows=document.was_item)
    else:
        document.outline.block(text)
    document.was_item = is_item
    for box in boxes:
        for child in box:
            _walk(child, document)


def _text(element: etree._Element, document: _Document, boxes: list[etree._Element]) -> str:
    """The words in `element`, notes in parentheses; text boxes in it are put into `boxes`."""
    pieces = []
    for child in element:
        kind = local(child)
        if kind == "t":
            pieces.append(child.text or "")
        elif kind in _MARKS:
            pieces.append(_MARKS[kind])
        elif kind in ("footnoteReference", "endnoteReference"):
            note = document.notes.get((kind.removesuffix("Reference"), attribute(child, "id") or ""))
            pieces.append(f" ({note})" if note else "")
        elif kind == "txbxContent":
            boxes.append(child)
        elif kind not in _LEFT_OUT:
            pieces.append(_text(child, document, boxes))
    return "".join(pieces)


def _rows(element: etree._Element, document: _Document) -> list[list[str]]:
    """The cells of a table's rows; what continues a merged cell is empty."""
    rows = []
    for child in element:
        if local(child) == "tr":
            rows.append([_cell(cell, document) for cell in _cells(child)])
        elif local(child) in _AROUND:
            rows += _rows(child, document)
    return rows


def _cells(row: etree._Element) -> list[etree._Element]:
    found = []
    for child in row:
        if local(child) == "tc":
            found.append(child)
        elif local(child) in _AROUND:
            found += _cells(child)
    return found


def _cell(cell: etree._Element, document: _Document) -> str:
    """All words of a cell, those of tables and text boxes in it too."""
    words = []
    for child in cell:
        if local(child) == "p":
            boxes: list[etree._Element] = []
            words.append(_text(child, document, boxes))
            words += [_cell(box, document) for box in boxes]
        elif local(child) == "tbl":
            words += [" ".join(row) for row in _rows(child, document)]
        elif local(child) in _AROUND:
            words.append(_cell(child, document))
    return " ".join(words)


def _style_of(paragraph: etree._Element, styles: dict[str, _Style]) -> tuple[_Style, int]:
    """A paragraph's style, what it says itself coming first, and how deep in lists it is."""
    marks = _child(paragraph, "pPr")
    if marks is None:
        return _Style(), 0
    style = styles.get(_value(marks, "pStyle") or "", _Style())
    numbering = _child(marks, "numPr")
    depth = 0 if numbering is None else _number(_value(numbering, "ilvl"), 0)
    number = None if numbering is None else _value(numbering, "numId")
    level = _outline_level(marks) or style.level
    return _Style(level, style.is_item if number is None else number != "0"), min(depth, 8)


def _styles(package: Package, part: str, used: set[str]) -> dict[str, _Style]:
    """The styles that are `used`, by id; what one does not say, the one it is based on does."""
    root = next(
        filter(lambda root: root is not None, map(package.xml, related(package, part, "styles"))), None
    )
    styles = root.iterchildren("{*}style") if root is not None else ()
    raw = {attribute(style, "styleId") or "": style for style in styles}
    found: dict[str, _Style] = {}
    for name in used & raw.keys():
        level, is_item, above = None, False, name
        for _ in range(_MAX_BASES):  # a style may be based on itself
            style = raw.get(above)
            if style is None or (level is not None and is_item):
                break
            marks = _child(style, "pPr")
            level = _style_level(style) if level is None else level
            is_item = is_item or (marks is not None and _child(marks, "numPr") is not None)
            above = _value(style, "basedOn") or ""
        found[name] = _Style(level, is_item)
    return found


def _style_level(style: etree._Element) -> int | None:
    name = (_value(style, "name") or "").strip().lower()
    if name == "title":
        return _TITLE
    heading = _HEADING.match(name)
    marks = _child(style, "pPr")
    return int(heading.group(1)) if heading else None if marks is None else _outline_level(marks)


def _outline_level(marks: etree._Element) -> int | None:
    """1 to 9; 10 in the file's own count is body text."""
    level = _number(_value(marks, "outlineLvl"), 9) + 1
    return level if 1 <= level <= 9 else None


def _notes(package: Package, part: str, kind: str) -> dict[tuple[str, str], str]:
    """The words of footnotes or endnotes by kind and id."""
    found = {}
    for notes in related(package, part, f"{kind}s"):
        root = package.xml(notes)
        for note in root if root is not None else ():
            words = one_line(_text(note, _Document({}, {}), []))
            found[kind, attribute(note, "id") or ""] = words
    return found


def _child(element: etree._Element, name: str) -> etree._Element | None:
    return element.find("{*}" + name)


def _value(element: etree._Element, name: str) -> str | None:
    child = _child(element, name)
    return None if child is None else attribute(child, "val")


def _number(value: str | None, default: int) -> int:
    return int(value) if value is not None and value.isdecimal() and len(value) < 4 else default
