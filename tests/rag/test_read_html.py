from __future__ import annotations

import pytest

from aion.rag.read_html import read_html

PAGE = """<!DOCTYPE html><html><head><title>Pena - Sintra</title><style>p { color: red }</style></head>
<body><header><a href="/">Início</a></header><nav>Menu</nav>
<h1>Palácio da Pena</h1><p>Abre às <b>9h30</b>, <a href="https://x.pt/a_b">reserve</a> já.</p>
<!-- comentário --><script>alert(1)</script>
<h2>Preços</h2><ul><li>Adulto: 14 €</li><li>Criança: 12,50 €</li></ul>
<table><tr><th>Dia</th><th>Hora</th></tr><tr><td>segunda</td><td>9h30</td></tr></table>
<footer>Contactos</footer><noscript>ligue o JS</noscript><template>molde</template></body></html>"""


def test_what_is_around_the_text_goes() -> None:
    title, sections = read_html(PAGE)
    text = "\n".join(section.text for section in sections)
    assert title == "Palácio da Pena"
    for word in ("Início", "Menu", "color", "alert", "Contactos", "JS", "molde", "https", "comentário"):
        assert word not in text


def test_structure_is_kept() -> None:
    _, sections = read_html(PAGE)
    assert [section.headings for section in sections] == [
        ("Palácio da Pena",),
        ("Palácio da Pena", "Preços"),
    ]
    assert "9h30" in sections[0].text
    assert "- Adulto: 14 €\n- Criança: 12,50 €" in sections[1].text
    assert "| segunda | 9h30 |" in sections[1].text


def test_the_title_comes_from_the_head_or_from_a_dropped_header() -> None:
    assert read_html("<title>Só\n isto</title><p>um")[0] == "Só isto"
    assert read_html("<header><h1>Topo</h1></header><p>um")[0] == "Topo"
    assert read_html("<p>um")[0] is None


@pytest.mark.parametrize("text", ["", "<script>x</script>", "<body> &nbsp; </body>"])
def test_a_page_without_text_has_no_sections(text: str) -> None:
    assert read_html(text)[1] == ()


@pytest.mark.parametrize(
    "text", ["https://sintra.pt", "a < b & c > d", "<p>aberto<b>sem fim", "<?xml version='1.0'?><p>x"]
)
def test_strange_pages_are_read(text: str) -> None:
    assert read_html(text)[1]
