from __future__ import annotations

import io
import zipfile

import pytest

from aion.errors import DocumentError
from aion.rag.readers.odt import read
from aion.types import Section

NAMESPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for name in ("office", "text", "table", "draw", "meta", "style", "manifest")
)


def odt(text: str, meta: str = "", styles: str = "", manifest: str = "") -> bytes:
    """An OpenDocument text as LibreOffice lays it out."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.text", zipfile.ZIP_STORED)
        package.writestr(
            "content.xml",
            f"<office:document-content {NAMESPACES}>"
            f"<office:automatic-styles>{styles}</office:automatic-styles>"
            f"<office:body><office:text>{text}</office:text></office:body></office:document-content>",
        )
        package.writestr(
            "meta.xml",
            f'<office:document-meta {NAMESPACES} xmlns:dc="http://purl.org/dc/elements/1.1/">'
            f"<office:meta>{meta}</office:meta></office:document-meta>",
        )
        package.writestr(
            "META-INF/manifest.xml", f"<manifest:manifest {NAMESPACES}>{manifest}</manifest:manifest>"
        )
    return file.getvalue()


def test_headings_lists_and_tables_keep_their_structure() -> None:
    cell = "<table:table-cell><text:p>{}</text:p></table:table-cell>"
    rows = "".join(
        f"<table:table-row>{cell.format(one)}{cell.format(two)}</table:table-row>"
        for one, two in (("Dia", "Hora"), ("sábado", "9h"))
    )
    content = read(
        odt(
            '<text:p text:style-name="P1">Guia</text:p><text:h text:outline-level="1">Pena</text:h>'
            "<text:p>Abre  às\n<text:s text:c='2'/><text:span>9h30</text:span><text:line-break/>já"
            "<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>no verão</text:p>"
            "</text:note-body></text:note>.</text:p><text:h text:outline-level='2'>Preços</text:h>"
            "<text:list><text:list-item><text:p>um</text:p><text:list><text:list-item><text:p>dois</text:p>"
            f"</text:list-item></text:list></text:list-item></text:list><table:table>{rows}</table:table>",
            meta="<dc:date>2024-01-31T10:00:00</dc:date><meta:keyword>a</meta:keyword><meta:keyword>b</meta:keyword>",
            styles='<style:style style:name="P1" style:parent-style-name="Title"/>',
        ),
        "a.odt",
    )
    assert (content.title, content.date, content.tags) == ("Guia", "2024-01-31", ("a", "b"))
    assert [(section.headings, section.text) for section in content.sections] == [
        (("Pena",), "Abre às   9h30\njá (no verão)."),
        (("Pena", "Preços"), "- um\n  - dois\n\n| Dia | Hora |\n| --- | --- |\n| sábado | 9h |"),
    ]


def test_what_was_deleted_and_what_is_made_up_is_left_out() -> None:
    text = (
        "<text:tracked-changes><text:p>apagado</text:p></text:tracked-changes>"
        "<text:table-of-content><text:p>índice</text:p></text:table-of-content>"
        "<text:section><text:p>fica<office:annotation><text:p>nota</text:p></office:annotation></text:p></text:section>"
    )
    assert read(odt(text), "a.odt").sections == (Section((), "fica", 1),)


def test_a_cell_that_stands_for_a_million_does_not_become_a_million() -> None:
    cell = '<table:table-cell table:number-columns-repeated="999999"><text:p>x</text:p></table:table-cell>'
    row = f'<table:table-row table:number-rows-repeated="999999">{cell}</table:table-row>'
    (section,) = read(odt(f"<table:table>{row}</table:table>"), "a.odt").sections
    assert len(section.text) < 50_000


def test_a_protected_text_is_refused() -> None:
    with pytest.raises(DocumentError, match=r"a\.odt is protected by a password; save it without"):
        read(odt("<text:p>x</text:p>", manifest="<manifest:encryption-data/>"), "a.odt")
