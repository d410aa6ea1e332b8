from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aion.store.connection import Store
from aion.store.lexical import Lexical
from aion.store.places import Places
from aion.store.vectors import Vectors
from aion.types import Filters
from tests.store.rows import put, unit


def describe(store: Store, source: str, date: str | None, *tags: str, tenant: str = "t") -> None:
    """Give a stored document its date and tags."""
    with store.write() as db:
        mine = (source, tenant)
        document_id = db.execute("SELECT id FROM documents WHERE source = ? AND tenant = ?", mine).get
        db.execute("UPDATE documents SET date = ? WHERE id = ?", (date, document_id))
        for tag in tags:
            db.execute(
                "INSERT INTO document_tags (document_id, tenant, tag) VALUES (?, ?, ?)",
                (document_id, tenant, tag),
            )


@pytest.fixture
def library(store: Store) -> Store:
    for source, date, tags in (
        ("guia/sintra.md", "2026-01-31", ["sintra", "2026"]),
        ("guia/cascais.md", "2026-02-01T10:00:00Z", ["cascais", "2026"]),
        ("outro/sintra.md", None, ["sintra"]),
    ):
        put(store, "t", source, [f"castelo {source.replace('/', ' ')}"])
        describe(store, source, date, *tags)
    put(store, "u", "guia/alheio.md", ["castelo alheio"])
    describe(store, "guia/alheio.md", "2026-01-31", "sintra", tenant="u")
    return store


@pytest.mark.parametrize(
    ("filters", "sources"),
    [
        (Filters(), {"guia/sintra.md", "guia/cascais.md", "outro/sintra.md"}),
        (Filters(source="guia/sintra.md"), {"guia/sintra.md"}),
        (Filters(source="guia"), set()),
        (Filters(path_prefix="guia/"), {"guia/sintra.md", "guia/cascais.md"}),
        (Filters(path_prefix="guia/%"), set()),
        (Filters(date_from="2026-01-31"), {"guia/sintra.md", "guia/cascais.md"}),
        (Filters(date_to="2026-01-31"), {"guia/sintra.md"}),
        (Filters(date_from="2026-02-01", date_to="2026-02-01"), {"guia/cascais.md"}),
        (Filters(tags=("sintra",)), {"guia/sintra.md", "outro/sintra.md"}),
        (Filters(tags=("sintra", "2026")), {"guia/sintra.md"}),
        (Filters(tags=("nada",)), set()),
        (Filters(path_prefix="guia/", tags=("cascais",), date_from="2026"), {"guia/cascais.md"}),
    ],
)
def test_both_searches_find_what_passes(library: Store, filters: Filters, sources: set[str]) -> None:
    places = Places(library)
    by_words = [chunk_id for chunk_id, _ in Lexical(library).search("t", ["castelo"], 10, filters)]
    assert {place.source for place in places.find("t", by_words, filters).values()} == sources
    for vectors in (Vectors(library, memory_bytes=0), Vectors(library), Vectors(library, memory_bytes=1)):
        vectors.warm("t", "e")
        nearest = [chunk_id for chunk_id, _ in vectors.nearest("t", "e", unit(1), 10, filters)]
        assert sorted(nearest) == sorted(by_words)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 50), st.integers(1, 20))
def test_filters_cost_no_results(seed: int, n: int, k: int) -> None:
    with TemporaryDirectory() as folder, Store(Path(folder, "aion.db")) as store:
        wanted = [f"{'x' if i % 3 else 'y'}/{i}" for i in range(n)]
        for i, source in enumerate(wanted):
            put(store, "t", source, ["castelo " + "a" * ((seed + i) % 97)])
        passing = sum(source.startswith("y/") for source in wanted)
        filters = Filters(path_prefix="y/")
        assert len(Lexical(store).search("t", ["castelo"], k, filters)) == min(k, passing)
        everything = Vectors(store, memory_bytes=0)
        copied = Vectors(store)
        copied.warm("t", "e")
        expected = everything.nearest("t", "e", unit(seed), k, filters)
        assert len(expected) == min(k, passing)
        assert [cosine for _, cosine in copied.nearest("t", "e", unit(seed), k, filters)] == pytest.approx(
            [cosine for _, cosine in expected], abs=1e-5
        )


def test_a_chunk_belongs_to_every_document_with_a_twin_of_it(store: Store) -> None:
    first = put(store, "t", "a.md", ["castelo"])
    second = put(store, "t", "b.md", ["outro texto"])
    with store.write() as db:
        db.execute("UPDATE chunks SET text = '', twin_of = 1 WHERE document_id = ?", (second,))
    filters = Filters(source="b.md")
    assert [chunk_id for chunk_id, _ in Lexical(store).search("t", ["castelo"], 5, filters)] == [1]
    vectors = Vectors(store)
    assert [chunk_id for chunk_id, _ in vectors.nearest("t", "e", unit(7), 5, filters)] == [1]
    shown = Places(store).find("t", [1], filters)[1]
    assert (shown.id, shown.document_id, shown.source, shown.text) == (2, second, "b.md", "castelo")
    assert Places(store).find("t", [1])[1].document_id == first
    assert Places(store).find("u", [1]) == {}
    assert np.allclose(vectors.fetch("t", "e", [1])[1], unit(7))
