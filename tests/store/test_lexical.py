from __future__ import annotations

import pytest

from aion.store.connection import Store
from aion.store.lexical import Lexical
from tests.store.rows import put


def test_any_stem_is_enough_and_more_rank_higher(store: Store) -> None:
    put(store, "t", "a.md", ["castelo mouros", "castelo pena", "praia"])
    found = Lexical(store).search("t", ["castelo", "mouros", "sintra"], 5)
    assert [chunk_id for chunk_id, _ in found] == [1, 2]
    assert found[0][1] > found[1][1] > 0


def test_no_stems_find_nothing(store: Store) -> None:
    put(store, "t", "a.md", ["castelo"])
    assert Lexical(store).search("t", [], 5) == []


@pytest.mark.parametrize(
    "stem",
    ['"', "*", "castelo*", "NEAR(", "AND", "NOT", "title:castelo", "^castelo", '" OR "castelo', ")", "-", ""],
)
def test_operators_are_only_words(store: Store, stem: str) -> None:
    put(store, "t", "a.md", ["castelo and not near"])
    Lexical(store).search("t", [stem, "nada"], 5)
    found = Lexical(store).search("t", [stem, "castelo"], 5)
    assert [chunk_id for chunk_id, _ in found] == [1]


def test_stems_beyond_ascii_match_as_they_are(store: Store) -> None:
    put(store, "t", "a.md", ["ação 東京", "acao"])
    assert [n for n, _ in Lexical(store).search("t", ["ação"], 5)] == [1]
    assert [n for n, _ in Lexical(store).search("t", ["東京"], 5)] == [1]


def test_ten_thousand_stems_are_searched(store: Store) -> None:
    put(store, "t", "a.md", ["castelo"])
    stems = [f"palavra{n}" for n in range(10_000)] + ["castelo"]
    assert [chunk_id for chunk_id, _ in Lexical(store).search("t", stems, 5)] == [1]
