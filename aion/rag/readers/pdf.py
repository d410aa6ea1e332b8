"""PDF through PDFium: pages, headings by their size, paragraphs; refuses what is locked or only pictures."""

from __future__ import annotations

import pypdfium2
from pypdfium2 import raw

from aion.errors import DocumentError
from aion.rag.readers.content import Content, day_of, split_tags
from aion.rag.readers.ooxml import own_title
from aion.rag.readers.outline import Outline
from aion.rag.readers.package import protected
from aion.rag.readers.pdf_lines import Line, lines_of, without_running
from aion.rag.readers.pdf_paragraphs import Paragraph, paragraphs

_MARKER_BYTES = 1024  # the specification's readers accept something before %PDF


def read(data: bytes, name: str) -> Content:
    """A PDF; each section is of one page. Raises DocumentError."""
    document = _opened(data, name)
    pages = without_running([_lines(document, index) for index in range(len(document))])
    pictures = [index for index, page in enumerate(pages) if not page and _has_picture(document, index)]
    if not any(pages):
        raise _no_text(name, are_pictures=bool(pictures))
    about = document.get_metadata_dict(skip_empty=True)
    found = paragraphs(pages)
    return Content(
        title=own_title(about.get("Title")) or _first_heading(found),
        sections=_outlined(found).sections(),
        date=day_of(about.get("ModDate")) or day_of(about.get("CreationDate")),
        tags=split_tags(about.get("Keywords", "")),
        note=_unread(len(pictures), len(pages)),
    )


def _opened(data: bytes, name: str) -> pypdfium2.PdfDocument:
    if b"%PDF" not in data[:_MARKER_BYTES]:
        raise DocumentError(f"{name} is no PDF although it is named .pdf; save it anew.")
    try:
        return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code == raw.FPDF_ERR_PASSWORD:
            raise protected(name) from error
        raise


def _lines(document: pypdfium2.PdfDocument, index: int) -> list[Line]:
    page = document[index]
    try:
        return lines_of(page)
    finally:
        page.close()


def _has_picture(document: pypdfium2.PdfDocument, index: int) -> bool:
    page = document[index]
    try:
        return any(page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=3))
    finally:
        page.close()


def _no_text(name: str, *, are_pictures: bool) -> DocumentError:
    if are_pictures:
        return DocumentError(
            f"{name} has no text, only pictures: it needs OCR (ocrmypdf, say) before AION can read it."
        )
    return DocumentError(f"{name} has no text; add some or leave it out.")


def _unread(n_pictures: int, n_pages: int) -> str:
    """The note on pages that are pictures without text, as a scan among others is."""
    if n_pictures == 0:
        return ""
    what = "is only a picture" if n_pictures == 1 else "are only pictures"
    return f"{n_pictures} of {n_pages} pages {what} and not read; OCR (ocrmypdf, say) makes text of them."


def _first_heading(found: list[Paragraph]) -> str | None:
    """The largest heading of the first page that has words."""
    first = [part for part in found if part.level is not None and part.page == found[0].page]
    return min(first, key=lambda part: part.level or 0).text if first else None


def _outlined(found: list[Paragraph]) -> Outline:
    outline, page, was_item = Outline(), 0, False
    for part in found:
        if part.page != page:
            page = part.page
            outline.page(page)
        if part.level is not None:
            outline.heading(part.level, part.text)
        else:
            is_item = part.text.startswith("- ")
            outline.block(part.text, follows=is_item and was_item)
            was_item = is_item
    return outline
