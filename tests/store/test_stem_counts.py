from __future__ import annotations

from aion.store.connection import Store
from aion.store.documents import Documents
from aion.store.lexical import Lexical
from tests.rag.hashing import HashingEmbedder
from tests.rag.indexed import put


def test_stems_are_counted_by_chunk(store: Store) -> None:
    put(store, "a.md", ["tour tour noite", "tour castelo"], HashingEmbedder())
    found = Lexical(store).rarity("t", ["tour", "noit", "castel", "mongol", 'a"b', "OR"])
    assert found.n_chunks == 2
    assert found.counts == {"tour": 2, "noit": 1, "castel": 1, "mongol": 0, 'a"b': 0, "OR": 0}


def test_counts_follow_what_another_connection_writes(store: Store) -> None:
    lexical, embedder = Lexical(store), HashingEmbedder()
    put(store, "a.md", ["tour noite"], embedder)
    assert lexical.rarity("t", ["tour", "castel"]).counts == {"tour": 1, "castel": 0}
    with Store(store.path) as other:
        put(other, "b.md", ["tour castelo"], embedder)
        assert lexical.rarity("t", ["tour", "castel"]).counts == {"tour": 2, "castel": 1}
        Documents(other).delete("t", "a.md")
        put(other, "c.md", ["noite"], embedder)
    assert lexical.rarity("t", ["tour", "noit"]).counts == {"tour": 1, "noit": 1}


def test_tenants_are_counted_apart(store: Store) -> None:
    embedder = HashingEmbedder()
    put(store, "a.md", ["tour noite"], embedder)
    put(store, "a.md", ["tour tour", "tour noite"], embedder, tenant="u")
    lexical = Lexical(store)
    assert lexical.rarity("t", ["tour"]).counts == {"tour": 1}
    assert lexical.rarity("u", ["tour"]).counts == {"tour": 2}
    assert (lexical.rarity("v", ["tour"]).n_chunks, lexical.rarity("v", ["tour"]).counts) == (0, {"tour": 0})
