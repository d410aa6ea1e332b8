from __future__ import annotations

from email.message import EmailMessage

import pytest

from aion.errors import DocumentError
from aion.rag.readers.eml import read
from aion.types import Section


def message(body: str, subtype: str = "plain", charset: str = "utf-8") -> EmailMessage:
    mail = EmailMessage()
    mail["Subject"] = "Preços de março"
    mail["From"] = "João <joao@exemplo.pt>"
    mail["To"] = "ana@exemplo.pt"
    mail["Date"] = "Wed, 31 Jan 2024 23:30:00 +0000"
    mail.set_content(body, subtype=subtype, charset=charset)
    return mail


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1"])
def test_a_mail_has_people_a_subject_a_day_and_a_body(charset: str) -> None:
    content = read(bytes(message("Não há lugares à terça.", charset=charset)), "a.eml")
    assert (content.title, content.date) == ("Preços de março", "2024-01-31")
    assert [section.text for section in content.sections] == [
        "From: João <joao@exemplo.pt>\nTo: ana@exemplo.pt",
        "Não há lugares à terça.",
    ]


def test_html_is_read_where_there_is_no_plain_text() -> None:
    html = read(bytes(message("<h1>Olá</h1><p>um</p>", subtype="html")), "a.eml")
    assert html.sections[1] == Section(("Olá",), "um", 2)
    both = message("simples")
    both.add_alternative("<p>com marcas</p>", subtype="html")
    assert [part.text for part in read(bytes(both), "a.eml").sections[1:]] == ["simples"]


def test_an_empty_plain_text_does_not_hide_the_html() -> None:
    mail = message(" ")
    mail.add_alternative("<p>Custa 95 €.</p>", subtype="html")
    assert [part.text for part in read(bytes(mail), "a.eml").sections[1:]] == ["Custa 95 €."]


@pytest.mark.parametrize("charset", ["latin-1", "utf-8"])
def test_letters_that_stand_bare_in_headers_are_read(charset: str) -> None:
    mail = "From: João <a@b.pt>\nSubject: Preço do passeio\n à Pena =?utf-8?Q?=C3=A9?=\n\nSim.\n"
    content = read(mail.encode(charset), "a.eml")
    assert content.title == "Preço do passeio à Pena é"
    assert content.sections[0].text == "From: João <a@b.pt>"


def test_a_euro_in_what_is_called_latin_1_is_one() -> None:
    head = b"From: a@b.pt\nContent-Type: text/plain; charset=iso-8859-1\n"
    data = head + b"Content-Transfer-Encoding: quoted-printable\n\nCusta 95 =80, at=E9 =E0 v=E9s=\npera.\n"
    assert read(data, "a.eml").sections[1].text == "Custa 95 €, até à véspera."


def test_attachments_are_named_and_texts_among_them_read() -> None:
    mail = message("Segue.")
    mail.add_attachment("tour;preço\nPena;35\n", subtype="csv", filename="preços.csv")
    mail.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="foto.png")
    sections = read(bytes(mail), "a.eml").sections
    assert sections[2].text == "Attachments: preços.csv, foto.png"
    assert sections[3] == Section(("preços.csv",), "tour: Pena; preço: 35", 1)
    assert len(sections) == 4


def test_an_unnamed_encoding_is_found() -> None:
    data = b"From: a@b.pt\nSubject: x\n\nN\xe3o h\xe1 excurs\xf5es.\n"
    assert read(data, "a.eml").sections[1].text == "Não há excursões."


def test_what_is_no_mail_is_refused() -> None:
    with pytest.raises(DocumentError, match=r"a\.eml is no e-mail"):
        read(b"apenas texto", "a.eml")
