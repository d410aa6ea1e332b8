from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aion.answer.citing.citations import Citation, CitationFilter

BRACKETS = st.text(alphabet="a [[]]0123\n.,", max_size=40)
PIECES = [
    "[1]", "[9]", "[1, 2]", "[2-9]", "[ 2 ]", "【1】", "【3†source】", "[", "]", "(", ")", "`", "```", "\n",
    "\n\n", " ", "  ", ", ", ".", " e ", "Fontes:", "Sources", "**", "- ", "guia.md", "Custa", "9", "{", "[1",
    "é 45 €",
]  # fmt: skip
MARKDOWN = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)


def filtered(text: str, n_passages: int = 2, cuts: list[int] | None = None) -> CitationFilter:
    """The filter after the text, in one piece or cut into several."""
    citations = CitationFilter(n_passages)
    edges = [0, *sorted(min(c, len(text)) for c in cuts or []), len(text)]
    out = "".join(citations.push(text[a:b]) for a, b in itertools.pairwise(edges))
    out += citations.finish()
    assert citations.shown == out
    return citations


@given(
    text=BRACKETS | MARKDOWN, n_passages=st.integers(0, 30), cuts=st.lists(st.integers(0, 90), max_size=12)
)
@example(text="a [99] b, c , d", n_passages=1, cuts=[6])
@example(text="a.\n\nFontes: [1] b\n\nc", n_passages=1, cuts=[9, 12])
def test_any_split_shows_the_same(text: str, n_passages: int, cuts: list[int]) -> None:
    whole, cut = filtered(text, n_passages), filtered(text, n_passages, cuts)
    assert (whole.shown, whole.citations) == (cut.shown, cut.citations)
    assert whole.listed == cut.listed


@given(text=BRACKETS, n_passages=st.integers(0, 30))
@example(text="[1[99]2]", n_passages=3)
@example(text="[1 [99]2]", n_passages=3)
@example(text="[[9]1]", n_passages=3)
def test_no_unknown_number_is_ever_shown(text: str, n_passages: int) -> None:
    citations = filtered(text, n_passages)
    numbers = [int(n) for n in re.findall(r"\[(\d{1,3})\]", citations.shown)]
    assert all(1 <= n <= n_passages for n in numbers)
    assert citations.cited == list(dict.fromkeys(numbers))


@given(text=MARKDOWN, n_passages=st.integers(0, 5))
def test_offsets_are_those_of_the_text_shown(text: str, n_passages: int) -> None:
    citations = filtered(text, n_passages)
    ends = [0]
    for citation in citations.citations:
        assert citations.shown[citation.start : citation.end] == f"[{citation.n}]"
        assert citation.start >= ends[-1]
        assert 1 <= citation.n <= n_passages
        ends.append(citation.end)


@given(words=st.lists(st.sampled_from(["Custa", "45 €", "[9]", "[1]", "[8, 9]", "(ver [9])"]), min_size=1))
def test_what_is_dropped_leaves_no_blanks(words: list[str]) -> None:
    shown = filtered(" ".join(words) + ".", 1).shown
    assert "  " not in shown
    assert " ." not in shown
    assert " ," not in shown
    assert "(  " not in shown


@given(text=st.text(alphabet="ab \n.,()-é1", max_size=40))
def test_text_without_brackets_passes_whole(text: str) -> None:
    assert filtered(text).shown == text.strip()


@pytest.mark.parametrize(
    ("text", "out"),
    [
        ("Custa 45 euros [1].", "Custa 45 euros [1]."),
        ("Custa 45 euros [9].", "Custa 45 euros."),
        ("Custa [9] 45 euros", "Custa 45 euros"),
        ("[9] Custa", "Custa"),
        ("Fim [1][9][2]", "Fim [1][2]"),
        ("Em [2024] abriu [0]", "Em [2024] abriu"),
        ("um\n- [9] dois\n[9]\n", "um\n- dois"),
        ("um\n\n[9]\n\ndois", "um\n\ndois"),
        ("[] [a] [-1] [x]", "[] [a] [-1] [x]"),
        ("a [1], [9] e [2].", "a [1] e [2]."),
        ("a [9], [8] e [7]; fim", "a; fim"),
        ("a [9] e depois", "a e depois"),
        ("a ([9]) b", "a b"),
        ("a (ver [1]) (b)", "a (ver [1]) (b)"),
        ("a[9]b", "a b"),
        ("veja [Palácio](http://a.pt) [1]", "veja [Palácio](http://a.pt) [1]"),
        ("(1) Entre. (2) Saia.", "(1) Entre. (2) Saia."),
        ("cortado [1", "cortado"),
        ("aberto [", "aberto ["),
        ("Custa **[9]** 45 €", "Custa 45 €"),
        ("Custa (*[9]*).", "Custa."),
        ("**Custa 45 € [9]**", "**Custa 45 €**"),
        ("É [9] **caro**", "É **caro**"),
        ("**[1]** e **[9]**.", "**[1]** e."),
    ],
)
def test_unknown_numbers_leave_no_trace(text: str, out: str) -> None:
    assert filtered(text).shown == out


@pytest.mark.parametrize(
    ("text", "out"),
    [
        ("a [1, 2].", "a [1][2]."),
        ("a [1; 2 e 9]", "a [1][2]"),
        ("a [1-3]", "a [1][2]"),
        ("a [2–1]", "a [1][2]"),
        ("a [ 1 ]", "a [1]"),
        ("a [^2]", "a [2]"),
        ("a [01]", "a [1]"),
        ("a [1, 1]", "a [1]"),
        ("a [Fonte 1]", "a [1]"),
        ("a [passages 1 and 2]", "a [1][2]"),
        ("a 【1】 b", "a [1] b"),
        ("a 【2†source】【9†source】.", "a [2]."),
        ("a 【4:0†guia.pdf】.", "a."),
        ("a ［１］", "a [1]"),
        ("a [cite: 1, 2]", "a [1][2]"),
        ("a [citation:1][citation:9]", "a [1]"),
        ("a 【não】", "a 【não】"),
    ],
)
def test_all_ways_to_cite_become_one(text: str, out: str) -> None:
    assert filtered(text).shown == out


@pytest.mark.parametrize(
    "text",
    [
        "use `a[9]` aqui",
        "```python\nx = a[9]\n```",
        "```\n[9]\n```\nfim [1]",
        "~~~~\n~~~\n[9]\n~~~~",
        '{"precos": [9, 1]}',
        '[{"n": [9]}]',
    ],
)
def test_code_and_data_are_left_alone(text: str) -> None:
    assert filtered(text).shown == text


@pytest.mark.parametrize(
    "text",
    ["Horário [9-17] todos os dias.", "Notas de [1-10] ou [0-9].", "O intervalo [0, 1].", "- [ ] a\n- [x] b"],
)
def test_hours_and_intervals_are_no_citations(text: str) -> None:
    assert filtered(text).shown == text


def test_in_code_nothing_is_cited() -> None:
    assert filtered("`a[1]` e [2]").citations == (Citation(2, 9, 12),)
    assert filtered("um ` só [9] e [1]").shown == "um ` só [1]"


def test_offsets_count_code_points() -> None:
    assert filtered("Pão 🍞 é [1]").citations == (Citation(1, 8, 11),)


def test_text_comes_as_soon_as_it_cannot_be_a_citation() -> None:
    citations = CitationFilter(2)
    assert citations.push("Custa 45 ") == "Custa 45"
    assert citations.push("euros [") == " euros"
    assert citations.push("1") == ""
    assert citations.push("]. E") == " [1]. E"
    assert citations.push(" [Ca") == " [Ca"
    assert citations.cited == [1]
