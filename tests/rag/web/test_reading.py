from __future__ import annotations

import pytest

from aion.errors import DocumentError
from aion.rag.readers.registry import WEBPAGE
from aion.rag.web.client import Response
from aion.rag.web.reading import kind_of, text_of_page
from tests.rag.readers.pdf_file import lines, pdf
from tests.rag.web.conftest import Web
from tests.rag.web.site import Answer
from tests.rag.web.test_crawl import FIRST, SECOND, reasons

OFFICE = "application/vnd.openxmlformats-officedocument"


def response(url: str, kind: str, data: bytes = b"") -> Response:
    return Response(url, 200, {"content-type": kind} if kind else {}, data)


@pytest.mark.parametrize(
    ("url", "kind", "data", "reader"),
    [
        ("https://a.pt/", "text/html; charset=utf-8", b"", WEBPAGE),
        ("https://a.pt/x.pdf", "Text/HTML", b"", WEBPAGE),
        ("https://a.pt/", "application/xhtml+xml", b"", WEBPAGE),
        ("https://a.pt/x", "application/pdf", b"", ".pdf"),
        ("https://a.pt/x.pdf", "application/octet-stream", b"", ".pdf"),
        ("https://a.pt/x", "application/octet-stream", b"%PDF-1.7", ".pdf"),
        ("https://a.pt/notas.md", "text/plain", b"", ".md"),
        ("https://a.pt/pagina.html", "text/plain", b"", ".html"),
        ("https://a.pt/notas", "text/plain", b"", ".txt"),
        ("https://a.pt/notas", "", b" \n<!DOCTYPE html><html>", WEBPAGE),
        ("https://a.pt/a.csv?x=1.pdf", "", b"", ".csv"),
        ("https://a.pt/x", f"{OFFICE}.wordprocessingml.document", b"", ".docx"),
    ],
)  # fmt: skip
def test_the_reader_is_chosen_by_the_type_then_the_name(
    url: str, kind: str, data: bytes, reader: str
) -> None:
    assert kind_of(response(url, kind, data)) == reader


@pytest.mark.parametrize(
    ("kind", "reason"), [("image/png", "image/png is nothing AION reads"), ("", "does not say")]
)
def test_what_nothing_reads_is_told(kind: str, reason: str) -> None:
    with pytest.raises(DocumentError, match=reason):
        kind_of(response("https://a.pt/x", kind, b"\x89PNG"))


@pytest.mark.parametrize(
    ("told", "head", "encoding"),
    [
        ("text/html; charset=ISO-8859-1", "", "cp1252"),
        ("text/html", '<meta charset="windows-1252">', "cp1252"),
        ("text/html", "", "cp1252"),
        ("text/html; charset=iso-8859-1", "", "utf-8"),
        ("text/html; charset=nonsense", "", "utf-8"),
        ("text/html", "", "utf-16"),
    ],
)
def test_portuguese_comes_through_in_any_encoding(told: str, head: str, encoding: str) -> None:
    text = f"<html><head>{head}</head><body>Preços à “mão”: 95 € até São João</body></html>"
    assert text_of_page(response("https://a.pt/", told, text.encode(encoding))).lstrip("\ufeff") == text


def test_binary_data_is_no_page() -> None:
    with pytest.raises(DocumentError, match="is no text"):
        text_of_page(response("https://a.pt/", "text/html", b"\0\1\2" * 100))


def test_a_latin_1_page_is_a_document(web: Web) -> None:
    body = f"<html><head><title>Preços</title></head><body><p>{SECOND}</p></body></html>".encode("latin-1")
    web.site.answers["/"] = Answer(body, headers={"Content-Type": "text/html"})
    web.crawl(depth=0)
    document = web.documents.by_location[web.site.url()]
    assert document.title == "Preços"
    assert SECOND in document.sections[0].text


def test_files_go_through_their_readers(web: Web) -> None:
    web.site.page("/", FIRST, links=("/guia.pdf", "/notas", "/foto.png", "/dados?id=1"))
    headers = {"Content-Type": "application/pdf", "Last-Modified": "Tue, 03 Mar 2026 10:00:00 GMT"}
    web.site.answers["/guia.pdf"] = Answer(pdf([lines("Guia de Sintra\nA Pena abre cedo.")]), headers=headers)
    web.site.text("/notas", "# Notas\n\nO castelo fecha às 18h30.\n", "text/markdown")
    web.site.answers["/dados?id=1"] = Answer(b"\x89PNG", headers={"Content-Type": "image/png"})
    summary = web.crawl()
    assert web.paths == ["/", "/guia.pdf", "/notas"]
    guide = web.documents.by_location[web.site.url("/guia.pdf")]
    assert (guide.source, guide.date, guide.sections[0].page) == (web.site.url("/guia.pdf"), "2026-03-03", 1)
    assert web.documents.by_location[web.site.url("/notas")].title == "Notas"
    assert "image/png is nothing AION reads" in reasons(summary.skipped)
    assert "/foto.png" not in web.site.asked


@pytest.mark.parametrize("told", ["soon", "2020 Nov 10:00:00 Nov 99999999999999999999"])
def test_a_date_that_is_none_does_no_harm(web: Web, told: str) -> None:
    web.site.answers["/"] = Answer(b"Texto.", headers={"Content-Type": "text/plain", "Last-Modified": told})
    assert web.crawl(depth=0).added == 1
    assert web.documents.by_location[web.site.url()].date is None


def test_a_damaged_file_is_told_and_the_rest_goes_on(web: Web) -> None:
    web.site.page("/", FIRST, links=("/guia.pdf",))
    web.site.answers["/guia.pdf"] = Answer(b"%PDF-1.4 broken", headers={"Content-Type": "application/pdf"})
    summary = web.crawl()
    assert web.paths == ["/"]
    assert "/guia.pdf" in reasons(summary.skipped)


def test_too_large_a_page_is_left_out(web: Web) -> None:
    web.site.page("/", FIRST * 100)
    assert "bytes of HTML and the limit is 1,000" in reasons(web.crawl(max_page_bytes=1000, depth=0).failed)
