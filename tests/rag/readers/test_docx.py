from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import datetime

import docx
import pytest
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from aion.errors import DocumentError
from aion.rag.readers.docx import read
from aion.types import Section


def saved(document: docx.document.Document) -> bytes:
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def body(xml: str) -> bytes:
    """A document whose body is `xml` and the section properties."""
    document = docx.Document()
    element = parse_xml(f"<w:body {nsdecls('w')}>{xml}</w:body>")
    for child in reversed(list(element)):
        document.element.body.insert(0, child)
    return saved(document)


def texts(data: bytes) -> list[str]:
    return [section.text for section in read(data, "a.docx").sections]


def test_headings_lists_and_tables_keep_their_structure() -> None:
    document = docx.Document()
    document.add_heading("Guia de Sintra", 0)
    document.add_heading("Palácio da Pena", 1)
    document.add_paragraph("Abre às 9h30.")
    document.add_heading("Preços", 2)
    document.add_paragraph("Adulto", style="List Bullet")
    document.add_paragraph("Criança", style="List Bullet")
    table = document.add_table(2, 2)
    for cell, text in zip(table._cells, ["Dia", "Hora", "segunda", "9h|30"], strict=True):
        cell.text = text
    content = read(saved(document), "a.docx")
    assert content.title == "Guia de Sintra"
    assert content.sections == (
        Section(("Palácio da Pena",), "Abre às 9h30.", 2),
        Section(
            ("Palácio da Pena", "Preços"),
            "- Adulto\n- Criança\n\n| Dia | Hora |\n| --- | --- |\n| segunda | 9h\\|30 |",
            4,
        ),
    )


def test_the_properties_give_title_date_and_tags() -> None:
    document = docx.Document()
    document.add_paragraph("texto")
    properties = document.core_properties
    properties.title, properties.keywords = "Tarifário", "Sintra; preços, Sintra"
    properties.modified = datetime(2024, 1, 31, 12)  # noqa: DTZ001
    content = read(saved(document), "a.docx")
    assert (content.title, content.date, content.tags) == ("Tarifário", "2024-01-31", ("Sintra", "preços"))


def test_insertions_and_content_controls_are_read_and_deletions_are_not() -> None:
    data = body(
        "<w:p><w:r><w:t>Custa </w:t></w:r><w:del><w:r><w:delText>30</w:delText></w:r></w:del>"
        "<w:ins><w:r><w:t>35</w:t></w:r></w:ins><w:r><w:t> euros</w:t></w:r></w:p>"
        "<w:sdt><w:sdtContent><w:p><w:r><w:t>No controlo</w:t></w:r></w:p></w:sdtContent></w:sdt>"
        "<w:tbl><w:tr><w:sdt><w:sdtContent><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc></w:sdtContent></w:sdt>"
        "<w:tc><w:tbl><w:tr><w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc></w:tr></w:tbl><w:p/></w:tc></w:tr></w:tbl>"
    )
    assert texts(data) == ["Custa 35 euros\n\nNo controlo\n\n| a | b |\n| --- | --- |"]


def test_a_text_box_is_read_once() -> None:
    box = "<w:txbxContent><w:p><w:r><w:t>Na caixa</w:t></w:r></w:p></w:txbxContent>"
    mc = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    data = body(
        f"<w:p><w:r><w:t>Fora</w:t></w:r><w:r><mc:AlternateContent {mc}>"
        f"<mc:Choice Requires='wps'>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback>"
        "</mc:AlternateContent></w:r></w:p>"
    )
    assert texts(data) == ["Fora\n\nNa caixa"]


def test_a_style_made_from_a_heading_is_one() -> None:
    document = docx.Document()
    style = document.styles.add_style("Capítulo", WD_STYLE_TYPE.PARAGRAPH)
    style.base_style = document.styles["Heading 1"]
    document.add_paragraph("Como chegar", style=style)
    document.add_paragraph("De comboio.")
    assert read(saved(document), "a.docx").sections == (Section(("Como chegar",), "De comboio.", 2),)


def test_styles_based_on_each_other_end() -> None:
    document = docx.Document()
    styles = [document.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH) for name in "ab"]
    styles[0].base_style, styles[1].base_style = styles[1], styles[0]
    document.add_paragraph("texto", style=styles[0])
    assert texts(saved(document)) == ["texto"]


def changed(data: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    """The same package with one part's bytes changed."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if name == part else old.read(name))
    return file.getvalue()


def test_entities_are_refused() -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aa">]><a>&a;</a>'
    data = changed(body("<w:p/>"), "word/document.xml", lambda _: bomb)
    with pytest.raises(DocumentError, match=r"a\.docx defines XML entities"):
        read(data, "a.docx")


def test_the_strict_form_is_read() -> None:
    transitional = b"http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    strict = b"http://purl.oclc.org/ooxml/wordprocessingml/main"
    data = changed(
        body("<w:p><w:r><w:t>Olá</w:t></w:r></w:p>"),
        "word/document.xml",
        lambda xml: xml.replace(transitional, strict),
    )
    assert texts(data) == ["Olá"]
