from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aion.engine.detokenizer import Detokenizer

BYTES = st.one_of(st.text(alphabet="ab[1] \né漢🙂", max_size=40).map(str.encode), st.binary(max_size=40))
STOPS = st.lists(st.text(alphabet="ab[1] \né漢🙂", min_size=1, max_size=4), max_size=3)


def before_first_stop(text: str, stops: list[str]) -> str:
    """The definition, read a character at a time: the first stop complete, the longest of those."""
    for end in range(len(text) + 1):
        ending = [len(s) for s in stops if text[:end].endswith(s)]
        if ending:
            return text[: end - max(ending)]
    return text


def shown(pieces: list[bytes], stops: list[str]) -> str:
    detokenizer = Detokenizer(stops)
    return "".join(map(detokenizer.push, pieces)) + detokenizer.finish()


@given(data=BYTES, stops=STOPS, cuts=st.lists(st.integers(0, 40), max_size=12))
@example(data=b"abb", stops=["abc", "b"], cuts=[1, 2])
def test_any_split_gives_the_text_before_the_first_stop(
    data: bytes, stops: list[str], cuts: list[int]
) -> None:
    edges = [0, *sorted(min(c, len(data)) for c in cuts), len(data)]
    pieces = [data[a:b] for a, b in itertools.pairwise(edges)]
    assert shown(pieces, stops) == before_first_stop(data.decode("utf-8", "replace"), stops)


def test_a_character_split_over_tokens_comes_whole() -> None:
    detokenizer = Detokenizer()
    pieces = [detokenizer.push(bytes([b])) for b in "é🙂".encode()]
    assert pieces == ["", "é", "", "", "", "🙂"]


def test_a_broken_character_at_the_end_is_replaced() -> None:
    detokenizer = Detokenizer()
    assert detokenizer.push("é".encode()[:1]) == ""
    assert detokenizer.finish() == "\ufffd"


def test_what_may_begin_a_stop_waits_and_comes_when_it_does_not() -> None:
    detokenizer = Detokenizer(["\nFontes:"])
    assert detokenizer.push(b"fim\nFon") == "fim"
    assert detokenizer.push(b"do") == "\nFondo"
    assert detokenizer.push(b"\nFontes") == ""
    assert detokenizer.finish() == "\nFontes"


def test_nothing_comes_after_a_stop() -> None:
    detokenizer = Detokenizer(["###"])
    assert detokenizer.push(b"um#") == "um"
    assert detokenizer.push(b"##dois") == ""
    assert detokenizer.stopped
    assert detokenizer.push(b"tres") == detokenizer.finish() == ""


@pytest.mark.parametrize(
    ("pieces", "text"), [([b" ", b" a"], " a"), ([b"", b" a b"], "a b"), ([b"a b"], "a b")]
)
def test_one_leading_space_is_dropped_when_asked(pieces: list[bytes], text: str) -> None:
    detokenizer = Detokenizer(drop_leading_space=True)
    assert "".join(map(detokenizer.push, pieces)) + detokenizer.finish() == text


def test_an_empty_stop_stops_nothing() -> None:
    assert shown([b"abc"], [""]) == "abc"
