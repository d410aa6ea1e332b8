from __future__ import annotations

import pytest

from aion.store import lexical
from aion.store.connection import Store
from aion.store.lexical import MAX_STEMS, Lexical
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


def test_tenants_have_statistics_of_their_own(store: Store) -> None:
    put(store, "t", "a.md", ["castelo mouros", "castelo pena", "praia"])
    alone = Lexical(store).search("t", ["castelo", "pena"], 5)
    put(store, "u", "b.md", ["pena " * 50] * 20)
    assert Lexical(store).search("t", ["castelo", "pena"], 5) == alone
    assert [n for n, _ in Lexical(store).search("u", ["castelo"], 5)] == []
    assert Lexical(store).search("v", ["castelo"], 5) == []


def test_of_too_many_stems_the_rarest_are_searched_for(store: Store) -> None:
    common = [f"comum{n}" for n in range(MAX_STEMS)]
    put(store, "t", "a.md", [" ".join(common)] * 30 + ["raro", "outro"])
    found = Lexical(store).search("t", [*common, "raro", *common], 1)
    assert [chunk_id for chunk_id, _ in found] == [31]


def test_many_chunks_are_not_searched_for_common_stems(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lexical, "_MANY_CHUNKS", 10)
    put(store, "t", "a.md", ["tour"] * 1200 + ["tour castelo", "tour pena", "tour mouros"])
    found = Lexical(store).search("t", ["tour", "castelo", "pena", "mouros"], 50)
    assert sorted(chunk_id for chunk_id, _ in found) == [1201, 1202, 1203]
    assert len(Lexical(store).search("t", ["tour", "castelo"], 50)) == 50


def test_languages_are_those_of_the_documents(store: Store) -> None:
    assert Lexical(store).languages("t") == ("pt",)
    put(store, "t", "a.md", ["um"])
    put(store, "t", "b.md", ["one"])
    assert Lexical(store).languages("t") == ("pt",)
    with store.write() as db:
        db.execute("UPDATE documents SET language = 'en' WHERE source = 'b.md'")
    assert Lexical(store).languages("t") == ("pt", "en")
    with store.write() as db:
        db.execute("UPDATE documents SET language = 'en'")
    assert Lexical(store).languages("t") == ("en",)
