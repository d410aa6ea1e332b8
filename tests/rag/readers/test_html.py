from __future__ import annotations

import pytest

from aion.rag.readers.html import read, read_html
from aion.types import Section

PAGE = """<!DOCTYPE html><html><head><title>Pena - Sintra</title><style>p { color: red }</style></head>
<body><header><a href="/">Início</a></header><nav>Menu</nav>
<h1>Palácio da Pena</h1><p>Abre às <b>9h30</b>, <a href="https://x.pt/a_b">reserve</a> já.</p>
<!-- comentário --><script>alert(1)</script>
<h2>Preços</h2><ul><li>Adulto: 14 €</li><li>Criança: 12,50 €</li></ul>
<table><tr><th>Dia</th><th>Hora</th></tr><tr><td>segunda</td><td>9h30</td></tr></table>
<footer>Contactos</footer><noscript>ligue o JS</noscript><template>molde</template></body></html>"""


def parts(text: str) -> tuple[str | None, tuple[Section, ...]]:
    """The title and the sections of `text`."""
    content = read_html(text)
    return content.title, content.sections


def test_what_is_around_the_text_goes() -> None:
    title, sections = parts(PAGE)
    text = "\n".join(section.text for section in sections)
    assert title == "Palácio da Pena"
    for word in ("Início", "Menu", "color", "alert", "Contactos", "JS", "molde", "https", "comentário"):
        assert word not in text


def test_structure_is_kept() -> None:
    _, sections = parts(PAGE)
    assert [section.headings for section in sections] == [
        ("Palácio da Pena",),
        ("Palácio da Pena", "Preços"),
    ]
    assert "9h30" in sections[0].text
    assert "- Adulto: 14 €\n- Criança: 12,50 €" in sections[1].text
    assert "| segunda | 9h30 |" in sections[1].text


def test_the_title_comes_from_the_head_or_from_a_dropped_header() -> None:
    assert parts("<title>Só\n isto</title><p>um")[0] == "Só isto"
    assert parts("<header><h1>Topo</h1></header><p>um")[0] == "Topo"
    assert parts("<p>um")[0] is None


@pytest.mark.parametrize("text", ["", "<script>x</script>", "<body> &nbsp; </body>"])
def test_a_page_without_text_has_no_sections(text: str) -> None:
    assert parts(text)[1] == ()


@pytest.mark.parametrize(
    "text", ["https://sintra.pt", "a < b & c > d", "<p>aberto<b>sem fim", "<?xml version='1.0'?><p>x"]
)
def test_strange_pages_are_read(text: str) -> None:
    assert parts(text)[1]


def test_the_meta_gives_the_date_and_the_tags() -> None:
    page = (
        '<meta property="article:published_time" content="2023-05-01T10:00:00Z">'
        '<meta name=Keywords content="a, b">'
        '<meta property="article:tag" content="b"><meta property="article:tag" content="c"><p>um'
    )
    content = read_html(page)
    assert (content.date, content.tags) == ("2023-05-01", ("a", "b", "c"))
    changed = page + '<meta property="article:modified_time" content="2024-02-03">'
    assert read_html(changed).date == "2024-02-03"


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "iso8859-15", "cp1251"])
def test_the_encoding_a_page_declares_is_believed(encoding: str) -> None:
    text = "<p>São 5" if encoding != "cp1251" else "<p>Привет"
    data = f'<meta charset="{encoding}">{text}'.encode(encoding)
    assert read(data, "a.html").sections[0].text == text[3:]


def test_a_wrong_declaration_does_no_harm() -> None:
    assert read("<meta charset=latin-1><p>São".encode(), "a.html").sections[0].text == "São"
    assert read("<meta charset=nada><p>São".encode("cp1252"), "a.html").sections[0].text == "São"


def test_instructions_are_no_text() -> None:
    page = "<?xml version='1.0'?><!DOCTYPE html><?php echo 1 ?><p>um</p><!-- dois -->"
    assert [section.text for section in read_html(page).sections] == ["um"]


def texts(text: str) -> list[str]:
    return [section.text for section in read_html(text).sections]


def test_lists_keep_their_depth_and_numbers() -> None:
    page = "<p>Inclui:<ul><li>guia<ul><li>em português<li>em inglês</ul><li>almoço<p>com vinho</ul>"
    assert texts(page) == ["Inclui:\n\n- guia\n  - em português\n  - em inglês\n- almoço\n  com vinho"]
    assert texts("<ol><li>Reserve<li>Pague</ol><p>Fim.") == ["1. Reserve\n2. Pague\n\nFim."]


def test_lines_and_code_stay_as_they_are() -> None:
    assert texts("<p>Rua   X,\n12<br>Sintra") == ["Rua X, 12\nSintra"]
    assert texts("<pre>a:\n  b\n</pre><p>c") == ["```\na:\n  b\n```\n\nc"]


def test_a_cell_over_columns_moves_the_next_ones() -> None:
    page = "<table><tr><th>Dia<th>Hora<th>Preço<tr><td colspan=2>sábado<td>95 €</table>"
    assert texts(page)[0].endswith("| sábado |  | 95 € |")


def test_a_table_that_only_places_things_is_none() -> None:
    page = (
        "<table><tr><td><h2>Preços</h2><p>Por pessoa.<table><tr><td>adulto<td>95 €</table><td>Até já</table>"
    )
    (section,) = read_html(page).sections
    assert section == Section(("Preços",), "Por pessoa.\n\n| adulto | 95 € |\n| --- | --- |\n\nAté já", 2)
    long = "Muito texto. " * 100
    assert texts(f"<table><tr><td>Menu<td>{long}</table>") == [f"Menu\n\n{long.strip()}"]


def test_the_head_of_an_article_is_its_own() -> None:
    page = "<header>Topo</header><article><header><h1>Pena</h1><p>Em 1840.</header>Fim.</article>"
    (section,) = read_html(page).sections
    assert (section.headings, section.text) == (("Pena",), "Em 1840.\n\nFim.")


@pytest.mark.parametrize("tag", ["title", "script", "nav", "style", "iframe", "div", "a id='x'"])
def test_a_tag_that_closes_itself_swallows_nothing(tag: str) -> None:
    assert texts(f"<html><head><{tag}/></head><body><p>um</p></body></html>") == ["um"]


@pytest.mark.parametrize(
    ("page", "n_chars"),
    [
        ("<a " * 200_000, 0),
        ("<div>" * 200_000 + "Sintra", 6),
        ("<table><tr><td>" * 5_000 + "Sintra", 6),
        ("<ul><li>" * 20_000 + "Sintra", 40),
        ("<table><tr>" + "<td colspan=9007199254740991>Custa" * 50 + "</table>", 10_000),
        ("<p>O passeio <b>custa</b> 95 euros.</p>" * 20_000, 800_000),
    ],
)
def test_a_page_made_to_harm_is_read_at_once(page: str, n_chars: int) -> None:
    assert sum(map(len, texts(page))) <= n_chars
