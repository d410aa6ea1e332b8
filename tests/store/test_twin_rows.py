"""Twins in the tables: whatever is added, changed and deleted, each text is there once and none is lost."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aion.store.chunk_rows import Piece, VectorsMissing
from aion.store.connection import Store
from aion.store.document_writes import Prepared
from aion.store.documents import Documents
from aion.types import Chunk, LoadedDocument
from tests.store.rows import ids_by_table, unit

WORDS = ["castelo", "preço", "Preço!", "tour", "jardim"]  # the second and third are twins


def prepared(source: str, texts: list[str], *, is_embedded: bool = True) -> Prepared:
    document = LoadedDocument(source, "T", (), f"hash of {texts}", 1, location=f"/{source}")
    pieces = (
        Piece(
            Chunk("T", text, n + 1),
            ("t", text),
            text.lower().strip("!").encode(),
            unit(len(text)) if is_embedded else None,
        )
        for n, text in enumerate(texts)
    )
    return Prepared(document, tuple(pieces))


def texts_of(store: Store, tenant: str, source: str) -> list[str]:
    """A document's words in order, wherever they are kept."""
    with store.read() as db:
        rows = db.execute(
            "SELECT chunks.id FROM chunks JOIN documents ON documents.id = document_id "
            "WHERE documents.tenant = ? AND source = ? ORDER BY position",
            (tenant, source),
        )
        ids = [chunk_id for (chunk_id,) in rows]
    found = Documents(store).chunks_by_id(tenant, ids)
    return [found[chunk_id].text.lower().strip("!") for chunk_id in ids]


def check(store: Store, kept: dict[tuple[str, str], list[str]]) -> None:
    """All that must hold between the tables when `kept` is what was put in."""
    for (tenant, source), texts in kept.items():
        assert texts_of(store, tenant, source) == [text.lower().strip("!") for text in texts]
        listed = {row.source: row.n_chunks for row in Documents(store).list(tenant)}
        assert listed[source] == len(texts)
    with store.read() as db:
        rows: list[Any] = db.execute(
            "SELECT id, tenant, text_hash FROM chunks WHERE twin_of IS NULL"
        ).fetchall()
        loose = db.execute(
            """
            SELECT count(*) FROM chunks AS twin JOIN chunks AS first ON first.id = twin.twin_of
            WHERE twin.text <> '' OR first.twin_of IS NOT NULL
                OR first.text_hash <> twin.text_hash OR first.tenant <> twin.tenant
            """
        ).get
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    words = {(tenant, text.lower().strip("!")) for (tenant, _), texts in kept.items() for text in texts}
    assert sorted((tenant, key.decode()) for _, tenant, key in rows) == sorted(words)
    assert loose == 0
    if kept:
        _, stems, vectors = ids_by_table(store)
        assert stems == vectors == {row_id for row_id, *_ in rows}


TEXTS = st.lists(st.sampled_from(WORDS), max_size=5)  # empty: to be deleted
STEPS = st.lists(st.tuples(st.sampled_from(["a", "b", "c", "d"]), TEXTS), min_size=1, max_size=3)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["t", "t", "t", "u"]), STEPS), max_size=10))
def test_every_text_is_there_once_and_none_is_lost(
    transactions: list[tuple[str, list[tuple[str, list[str]]]]],
) -> None:
    kept: dict[tuple[str, str], list[str]] = {}
    with TemporaryDirectory() as folder, Store(Path(folder, "aion.db")) as store:
        documents = Documents(store)
        for tenant, steps in transactions:
            documents.store(tenant, [prepared(source, texts) for source, texts in steps if texts], "e")
            kept |= {(tenant, source): texts for source, texts in steps if texts}
            for source in (source for source, texts in steps if not texts):
                assert documents.delete(tenant, source) == (kept.pop((tenant, source), None) is not None)
            check(store, kept)


def test_what_stays_keeps_its_row(store: Store) -> None:
    documents = Documents(store)
    documents.store("t", [prepared("a", ["castelo", "preço"])], "e")
    castle, price = sorted(ids_by_table(store)[0])
    documents.store("t", [prepared("a", ["tour", "castelo"], is_embedded=True)], "e")
    assert castle in ids_by_table(store)[0]
    assert price not in ids_by_table(store)[0]
    check(store, {("t", "a"): ["tour", "castelo"]})


def test_the_place_of_a_twin_is_taken_with_its_line_and_page(store: Store) -> None:
    documents = Documents(store)
    documents.store("t", [prepared("a", ["castelo"])], "e")
    later = prepared("b", ["tour", "castelo"])
    documents.store("t", [later], "e")
    (chunk_id,) = {row for row in ids_by_table(store)[1] if row == min(ids_by_table(store)[1])}
    assert documents.delete("t", "a")
    row = documents.chunks_by_id("t", [chunk_id])[chunk_id]
    assert (row.source, row.position, row.line, row.text) == ("b", 1, 2, "castelo")


def test_a_twin_whose_first_has_gone_asks_for_a_vector(store: Store) -> None:
    documents = Documents(store)
    with pytest.raises(VectorsMissing) as missing:
        documents.store("t", [prepared("a", ["castelo", "tour"], is_embedded=False)], "e")
    assert missing.value.hashes == {b"castelo", b"tour"}
    assert documents.count("t") == 0
    documents.store("t", [prepared("a", ["castelo", "tour"])], "e")
    documents.store("t", [prepared("b", ["castelo"], is_embedded=False)], "e")
    check(store, {("t", "a"): ["castelo", "tour"], ("t", "b"): ["castelo"]})


def test_a_twin_brings_the_vector_its_first_lacks(store: Store) -> None:
    documents = Documents(store)
    documents.store("t", [prepared("a", ["castelo"], is_embedded=False)], None)
    assert [known.is_stale for known in documents.known("t", "/a", "e")] == [True]
    documents.store("t", [prepared("b", ["castelo"])], "e")
    assert [known.is_stale for known in documents.known("t", "/", "e")] == [False, False]
    check(store, {("t", "a"): ["castelo"], ("t", "b"): ["castelo"]})


def test_what_is_stored_as_it_is_is_left_alone(store: Store) -> None:
    documents = Documents(store)
    (first,) = documents.store("t", [prepared("a", ["castelo"])], "e")
    (again,) = documents.store("t", [prepared("a", ["castelo"])], "e")
    assert (first.outcome, again.outcome, again.id) == ("added", "unchanged", first.id)
