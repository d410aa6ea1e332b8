"""OpenDocument texts (LibreOffice Writer): headings, lists, tables, notes; neither deletions nor comments."""

from __future__ import annotations

from dataclasses import dataclass, field

from lxml import etree

from aion.errors import DocumentError
from aion.rag.readers.content import Content, day_of, one_line, split_tags
from aion.rag.readers.outline import Outline
from aion.rag.readers.package import Package, attribute, local, protected
from aion.rag.readers.rows import table

_LEFT_OUT = {
    "annotation",
    "annotation-end",
    "note-citation",
    "tracked-changes",
    "table-of-content",
    "alphabetical-index",
    "sequence-decls",
    "forms",
    "title",
    "desc",
}
_MAX_REPEATED = 50  # a cell may say that it stands for a million like it


@dataclass(slots=True)
class _Document:
    outline: Outline = field(default_factory=Outline)
    title: str | None = None
    title_styles: frozenset[str] = frozenset({"Title"})
    was_item: bool = False


def read(data: bytes, name: str) -> Content:
    """An OpenDocument text. Raises DocumentError."""
    package = Package(data, name)
    if b"encryption-data" in (package.bytes("META-INF/manifest.xml") or b""):
        raise protected(name)
    root = package.xml("content.xml")
    body = None if root is None else next(_named(root, "text"), None)
    if root is None or body is None:
        raise DocumentError(f"{name} has no text document in it; save it anew as .odt.")
    document = _Document(title_styles=_title_styles(root))
    for child in body:
        _walk(child, document, 0)
    return _content(document, _meta(package))


def _content(document: _Document, meta: dict[str, list[str]]) -> Content:
    sections = document.outline.sections()
    known = next(iter(meta.get("title", [])), None)
    dates = map(day_of, [*meta.get("date", []), *meta.get("creation-date", [])])
    return Content(
        document.title or known or document.outline.first_heading,
        sections,
        next(filter(None, dates), None),
        tuple(tag for words in meta.get("keyword", []) for tag in split_tags(words)),
    )


def _walk(element: etree._Element, document: _Document, depth: int) -> None:
    """Add `element`, a block or what is around blocks, to the outline; `depth` counts the lists around it."""
    kind = local(element)
    if kind in ("h", "p"):
        _add_paragraph(element, document, depth)
    elif kind == "list":
        for item in element:
            for child in item:
                _walk(child, document, depth + 1)
    elif kind == "table":
        document.outline.block(table(_rows(element)))
        document.was_item = False
    elif kind and kind not in _LEFT_OUT:
        for child in element:
            _walk(child, document, depth)


def _add_paragraph(element: etree._Element, document: _Document, depth: int) -> None:
    boxes: list[etree._Element] = []
    text = _text(element, boxes)
    is_item = depth > 0 and local(element) == "p" and bool(text.strip())
    if local(element) == "h":
        level = attribute(element, "outline-level") or "1"
        document.outline.heading(int(level) if level.isdecimal() else 1, text)
    elif document.title is None and text.strip() and _style(element) in document.title_styles:
        document.title = one_line(text)
    elif is_item:
        document.outline.block("  " * (depth - 1) + "- " + one_line(text), follows=document.was_item)
    else:
        document.outline.block(text)
    document.was_item = is_item
    for box in boxes:
        _walk(box, document, 0)


def _text(element: etree._Element, boxes: list[etree._Element]) -> str:
    """The words in `element`, notes in parentheses; text boxes in it are put into `boxes`."""
    pieces = [_words(element.text)]
    for child in element:
        kind = local(child)
        if kind == "s":
            count = attribute(child, "c") or "1"
            pieces.append(" " * min(int(count) if count.isdecimal() else 1, _MAX_REPEATED))
        elif kind in ("tab", "line-break"):
            pieces.append("\t" if kind == "tab" else "\n")
        elif kind == "note":
            pieces.append(f" ({one_line(_text(child, boxes))})")
        elif kind == "text-box":
            boxes.append(child)
        elif kind not in _LEFT_OUT:
            pieces.append(_text(child, boxes))
        pieces.append(_words(child.tail))
    return "".join(pieces)


def _words(text: str | None) -> str:
    """Text of the XML, where white space of any length is one space."""
    if not text:
        return ""
    words = " ".join(text.split())
    before, after = " " if text[0].isspace() else "", " " if text[-1].isspace() else ""
    return f"{before}{words}{after}" if words else before


def _rows(element: etree._Element) -> list[list[str]]:
    rows: list[list[str]] = []
    for child in element:
        if local(child) == "table-row":
            rows += [_cells(child)] * _repeated(child, "number-rows-repeated")
        elif local(child) in ("table-header-rows", "table-row-group", "table-rows"):
            rows += _rows(child)
    return rows


def _cells(row: etree._Element) -> list[str]:
    cells: list[str] = []
    for cell in row:
        if local(cell) in ("table-cell", "covered-table-cell"):
            cells += [_cell(cell)] * _repeated(cell, "number-columns-repeated")
    return cells


def _cell(cell: etree._Element) -> str:
    """All words of a cell; its lists, tables and text boxes flat."""
    boxes: list[etree._Element] = []
    words = [_cell(child) if local(child) not in ("p", "h") else _text(child, boxes) for child in cell]
    return " ".join([*words, *map(_cell, boxes)])


def _repeated(element: etree._Element, name: str) -> int:
    count = attribute(element, name) or "1"
    return min(int(count), _MAX_REPEATED) if count.isdecimal() and len(count) < 10 else 1


def _title_styles(root: etree._Element) -> frozenset[str]:
    """The names of styles that are Title or made from it."""
    made = {
        attribute(style, "name") or ""
        for styles in _named(root, "automatic-styles")
        for style in styles
        if attribute(style, "parent-style-name") == "Title"
    }
    return frozenset({"Title", *made})


def _style(element: etree._Element) -> str:
    return attribute(element, "style-name") or ""


def _meta(package: Package) -> dict[str, list[str]]:
    root = package.xml("meta.xml")
    found: dict[str, list[str]] = {}
    for meta in _named(root, "meta") if root is not None else ():
        for element in meta:
            found.setdefault(local(element), []).append(element.text or "")
    return found


def _named(root: etree._Element, name: str) -> etree._ElementIterator:
    """The elements of that local name, the root itself apart."""
    return (element for element in root.iterdescendants("{*}" + name))
