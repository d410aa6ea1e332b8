from __future__ import annotations

import re

import pytest

from aion.errors import DocumentError
from aion.rag.readers.sandbox import Sandbox
from aion.rag.readers.webpage import read

URL = "https://sintra.pt/precos"
PAGE = """<!doctype html><html lang="pt"><head><title>Preços | Sintra Tours</title>
<meta property="og:title" content="Preços dos passeios">
<meta property="article:modified_time" content="2026-05-03T10:00:00+01:00"></head><body>
<header><nav><ul><li><a href="/">Início</a></li><li><a href="/tours">Passeios</a></li></ul></nav></header>
<div class="cookie-banner">Usamos cookies para melhorar a sua experiência.</div>
<main><h1>Preços dos passeios</h1>
<p>O passeio de dia inteiro custa 95 € por adulto e inclui o almoço. Crianças até 12 anos pagam 45 €.</p>
<h2>Tabela</h2><table><tr><th>Passeio</th><th>Adulto</th></tr><tr><td>Full-day</td><td>95 €</td></tr></table>
<h2>O que inclui</h2><ul><li>Transporte</li><li>Guia em português</li></ul>
<h3>Horários</h3><p>Saímos às 9h30 de 14/02/2019 em diante.</p></main>
<footer>© 2026 Sintra Tours. Todos os direitos reservados.</footer></body></html>"""


def test_the_main_text_keeps_its_headings_lists_and_tables() -> None:
    content = read(PAGE.encode(), URL)
    parts = {part.headings[-1]: part.text for part in content.sections}
    assert (content.title, content.date, content.tags) == ("Preços dos passeios", "2026-05-03", ())
    assert list(parts) == ["Preços dos passeios", "Tabela", "O que inclui", "Horários"]
    assert "| Full-day | 95 € |" in parts["Tabela"]
    assert parts["O que inclui"] == "- Transporte\n- Guia em português"
    for around in ("cookies", "Início", "direitos"):
        assert around not in str(content)


def test_a_date_in_the_text_is_not_the_page_s() -> None:
    undated = re.sub(r'<meta property="article.*?>', "", PAGE)
    assert read(undated.encode(), URL).date is None


def test_where_little_is_found_all_that_is_no_menu_is_taken() -> None:
    items = "".join(
        f"<div class='nav-card'><a href='/{n}'>Passeio número {n}: 55 €</a></div>" for n in range(9)
    )
    content = read(f"<html><body><div id='sidebar'>{items}</div></body></html>".encode(), URL)
    assert "Passeio número 8: 55 €" in "".join(part.text for part in content.sections)


@pytest.mark.parametrize(
    "page",
    [
        "<p>A Pena abre às 9h30.</p>",
        "A Pena abre às 9h30.",
        '<?xml version="1.0" encoding="iso-8859-1"?><p>A Pena abre às 9h30.</p>',
    ],
)
def test_a_piece_of_a_page_is_read(page: str) -> None:
    assert [part.text for part in read(page.encode(), URL).sections] == ["A Pena abre às 9h30."]


def test_a_page_that_is_a_program_says_so() -> None:
    page = "<html><body><div id=app></div><script>render()</script></body></html>"
    with pytest.raises(DocumentError, match="has no text of its own; where JavaScript makes a page"):
        read(page.encode(), URL)


def test_a_very_large_page_is_read_whole() -> None:
    page = "<title>Preços</title><nav>Menu</nav>" + "<p>O passeio de dia inteiro custa 95 euros.</p>" * 65_000
    content = read(page.encode(), URL)
    assert (content.title, len(content.sections)) == ("Preços", 1)
    assert content.sections[0].text.count("95 euros") == 65_000
    assert "Menu" not in content.sections[0].text


@pytest.mark.parametrize(
    "page",
    ["<div>" * 50_000 + "Sintra", "<table><tr><td colspan=9007199254740991>Custa 95 euros</td></tr></table>",
     "<p>" + "&#x0;\ufffe" * 1000 + "<p>Sintra", "<a " * 100_000],
)  # fmt: skip
def test_a_page_made_to_harm_is_read_or_refused(page: str) -> None:
    with Sandbox(timeout_s=20, n_children=1) as sandbox:
        try:
            told = str(sandbox.read("webpage", page.encode(), URL).sections)
        except DocumentError as error:
            told = error.message
    assert "Sintra" in told or "Custa 95 euros" in told or told.startswith(URL)
