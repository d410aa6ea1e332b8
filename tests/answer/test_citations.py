from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aion.answer.citations import CitationFilter

TEXT = st.text(alphabet="a [[]]0123\n.,", max_size=40)


def shown(text: str, n_passages: int, cuts: list[int] | None = None) -> tuple[str, list[int]]:
    """What comes out of the filter, and what it says was cited."""
    citations = CitationFilter(n_passages)
    edges = [0, *sorted(min(c, len(text)) for c in cuts or []), len(text)]
    out = "".join(citations.push(text[a:b]) for a, b in itertools.pairwise(edges))
    out += citations.finish()
    assert citations.shown == out
    return out, citations.cited


@given(text=TEXT, n_passages=st.integers(0, 30), cuts=st.lists(st.integers(0, 40), max_size=12))
@example(text="a [99] b, c , d", n_passages=1, cuts=[6])
def test_any_split_shows_the_same(text: str, n_passages: int, cuts: list[int]) -> None:
    assert shown(text, n_passages, cuts) == shown(text, n_passages)


@given(text=TEXT, n_passages=st.integers(0, 30))
@example(text="[1[99]2]", n_passages=3)
@example(text="[1 [99]2]", n_passages=3)
def test_no_unknown_number_is_ever_shown(text: str, n_passages: int) -> None:
    out, cited = shown(text, n_passages)
    numbers = [int(n) for n in re.findall(r"\[(\d{1,3})\]", out)]
    assert all(1 <= n <= n_passages for n in numbers)
    assert cited == list(dict.fromkeys(numbers))


@given(text=TEXT)
def test_text_without_unknown_numbers_passes_whole(text: str) -> None:
    unknown = [n for n in re.findall(r"\[(\d{1,3})\]", text) if int(n) == 0]
    if not unknown:
        assert shown(text, 999)[0] == text.strip()


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
        (" sobra [1", "sobra [1"),
        ("[] [a] [-1]", "[] [a] [-1]"),
    ],
)
def test_examples(text: str, out: str) -> None:
    assert shown(text, 2)[0] == out


def test_text_comes_as_soon_as_it_cannot_be_a_citation() -> None:
    citations = CitationFilter(2)
    assert citations.push("Custa 45 ") == "Custa 45"
    assert citations.push("euros [") == " euros"
    assert citations.push("1") == ""
    assert citations.push("]. E") == " [1]. E"
    assert citations.cited == [1]
