"""PowerPoint: a section a slide, its title as heading, its notes at the end. Works on the XML itself.

Texts come in the order of the file, which is the order in which a screen reader tells them. Macros and
charts are not read.
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from aion.rag.readers.content import Content, one_line
from aion.rag.readers.ooxml import main_part, properties, related, relations
from aion.rag.readers.package import Package, attribute, local
from aion.rag.readers.rows import table
from aion.types import Section

_TITLES = ("title", "ctrTitle")
_NO_WORDS = ("sldNum", "dt", "ftr", "hdr", "sldImg")  # placeholders of what is around a slide
_LISTS = ("body", "obj", "")


def read(data: bytes, name: str) -> Content:
    """A presentation. Raises DocumentError."""
    package = Package(data, name)
    part, root = main_part(package)
    known = relations(package, part)
    ids = [attribute_of_relation(slide) for slide in root.iterdescendants("{*}sldId")]
    slides = [known[slide].part for slide in ids if slide in known]
    sections = [_section(package, slide, number) for number, slide in enumerate(slides, 1)]
    found = tuple(section for section in sections if section is not None)
    about = properties(package)
    first = next((section.headings[0] for section in found if section.headings), None)
    return Content(about.title or first, found, about.date, about.tags)


def attribute_of_relation(slide: etree._Element) -> str:
    """`r:id`, beside which there is an `id` without a namespace."""
    return next((str(value) for key, value in slide.attrib.items() if key.endswith("}id")), "")


def _section(package: Package, part: str, number: int) -> Section | None:
    """A slide's title and words; None when it has none."""
    root = package.xml(part)
    if root is None:
        return None
    title, blocks = "", []
    for kind, shape in _shapes(root):
        if kind in _TITLES and not title:
            title = one_line(" ".join(_paragraphs(shape)))
        elif kind not in _NO_WORDS:
            blocks += _blocks(package, part, shape, is_list=kind in _LISTS)
    blocks += _notes(package, part)
    text = "\n\n".join(block for block in blocks if block.strip())
    return Section((title,) if title else (), text, 1, number) if title or text else None


def _shapes(element: etree._Element) -> Iterator[tuple[str | None, etree._Element]]:
    """The shapes with text, a table or a diagram, out of their groups; each with its kind of placeholder."""
    for child in element:
        kind = local(child)
        if kind == "sp":
            place = next(child.iterdescendants("{*}ph"), None)
            yield None if place is None else attribute(place, "type") or "", child
        elif kind == "graphicFrame":
            yield None, child
        elif kind in ("cSld", "spTree", "grpSp", "AlternateContent", "Choice"):
            yield from _shapes(child)


def _blocks(package: Package, part: str, shape: etree._Element, *, is_list: bool) -> list[str]:
    if local(shape) == "sp":
        lines = _paragraphs(shape)
        marked = is_list and len(lines) > 1
        return ["\n".join(f"- {line}" for line in lines)] if marked else lines
    tables = [table(_rows(found)) for found in shape.iterdescendants("{*}tbl")]
    diagrams = [
        "\n".join(f"- {line}" for line in _paragraphs(root))
        for found in shape.iterdescendants("{*}relIds")
        if (root := _diagram(package, part, attribute(found, "dm"))) is not None
    ]
    return tables + diagrams


def _diagram(package: Package, part: str, identity: str | None) -> etree._Element | None:
    found = relations(package, part).get(identity or "")
    return None if found is None else package.xml(found.part)


def _rows(found: etree._Element) -> list[list[str]]:
    return [
        [" ".join(_paragraphs(cell)) for cell in row if local(cell) == "tc"]
        for row in found
        if local(row) == "tr"
    ]


def _paragraphs(element: etree._Element) -> list[str]:
    """The paragraphs in `element` that have words."""
    texts = (one_line("".join(_runs(paragraph))) for paragraph in element.iterdescendants("{*}p"))
    return [text for text in texts if text]


def _runs(paragraph: etree._Element) -> Iterator[str]:
    for node in paragraph.iterdescendants("{*}t", "{*}br", "{*}tab"):
        yield (node.text or "") if local(node) == "t" else " "


def _notes(package: Package, part: str) -> list[str]:
    """What the speaker wrote under the slide."""
    blocks: list[str] = []
    for notes in related(package, part, "notesSlide"):
        root = package.xml(notes)
        for kind, shape in _shapes(root) if root is not None else ():
            if kind is not None and kind not in _NO_WORDS:
                blocks += _paragraphs(shape)
    return blocks
