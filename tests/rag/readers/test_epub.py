from __future__ import annotations

import io
import zipfile

import pytest

from aion.errors import DocumentError
from aion.rag.readers.epub import read

CONTAINER = '<container><rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
OPF = """<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata>
<dc:title>Os Maias</dc:title><dc:date>1888-06-01</dc:date><dc:subject>romance</dc:subject></metadata>
<manifest>
<item id="n" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="b" href="text/dois.xhtml" media-type="application/xhtml+xml"/>
<item id="a" href="text/cap%20um.xhtml" media-type="application/xhtml+xml"/>
<item id="c" href="capa.png" media-type="image/png"/></manifest>
<spine><itemref idref="n"/><itemref idref="c"/><itemref idref="a"/><itemref idref="b"/>
<itemref idref="z"/></spine></package>"""


def epub(**parts: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as book:
        book.writestr("mimetype", "application/epub+zip")
        book.writestr("META-INF/container.xml", CONTAINER)
        book.writestr("OEBPS/book.opf", OPF)
        book.writestr("OEBPS/nav.xhtml", "<p>índice</p>")
        book.writestr("OEBPS/text/dois.xhtml", "<h1>II</h1><p>Segundo.</p>")
        book.writestr(
            "OEBPS/text/cap um.xhtml", "<?xml version='1.0'?><html><h1>I</h1><p>Primeiro.</p></html>"
        )
        for name, text in parts.items():
            book.writestr(name, text)
    return file.getvalue()


def test_chapters_come_in_the_order_of_the_spine() -> None:
    content = read(epub(), "a.epub")
    assert (content.title, content.date, content.tags) == ("Os Maias", "1888-06-01", ("romance",))
    assert [(section.headings, section.text) for section in content.sections] == [
        (("I",), "Primeiro."),
        (("II",), "Segundo."),
    ]


def test_a_locked_book_is_refused_and_one_with_scrambled_fonts_is_not() -> None:
    method = '<encryption><EncryptionMethod Algorithm="{}"/></encryption>'
    locked = {"META-INF/encryption.xml": method.format("http://www.w3.org/2001/04/xmlenc#aes256-cbc")}
    with pytest.raises(DocumentError, match=r"a\.epub is locked by its seller"):
        read(epub(**locked), "a.epub")
    fonts = {"META-INF/encryption.xml": method.format("http://www.idpf.org/2008/embedding")}
    assert read(epub(**fonts), "a.epub").sections


def test_a_zip_without_a_book_is_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as package:
        package.writestr("a.txt", "x")
    with pytest.raises(DocumentError, match="has no book in it"):
        read(file.getvalue(), "a.epub")
