from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aion.errors import StoreError
from aion.store.connection import Store
from aion.store.documents import Documents
from aion.store.lexical import Lexical
from aion.store.vectors import Vectors
from tests.store.rows import N_DIMS, full_text_tables, ids_by_table, put, unit


def test_a_document_is_listed_with_its_chunks(store: Store) -> None:
    document_id = put(store, "t", "a.md", ["um", "dois"])
    (row,) = Documents(store).list("t")
    assert (row.id, row.source, row.title, row.n_chunks, row.n_bytes) == (document_id, "a.md", "A.MD", 2, 10)
    assert Documents(store).count("t") == 1
    assert Documents(store).count_chunks("t") == 2


def test_replacing_keeps_the_document_id_and_no_old_chunk(store: Store) -> None:
    first = put(store, "t", "a.md", ["velho", "antigo"])
    before, *_ = ids_by_table(store)
    assert put(store, "t", "a.md", ["novo"]) == first
    after, *_ = ids_by_table(store)
    assert len(after) == 1
    assert not before & after
    assert Lexical(store).search("t", ["velho"], 5) == []


def test_find_hash_follows_the_content(store: Store) -> None:
    documents = Documents(store)
    assert documents.find_hash("t", "a.md") is None
    put(store, "t", "a.md", ["um"])
    assert documents.find_hash("t", "a.md") == "hash of ['um']"
    assert documents.delete("t", "a.md")
    assert documents.find_hash("t", "a.md") is None
    assert not documents.delete("t", "a.md")


def test_chunks_by_id_leaves_out_what_is_gone(store: Store) -> None:
    document_id = put(store, "t", "a.md", ["um"])
    (chunk_id,) = ids_by_table(store)[0]
    rows = Documents(store).chunks_by_id("t", [chunk_id, 999])
    assert rows.keys() == {chunk_id}
    row = rows[chunk_id]
    assert (row.document_id, row.source, row.text, row.line) == (document_id, "a.md", "um", 1)


def test_a_failure_half_way_leaves_the_old_document(store: Store) -> None:
    put(store, "t", "a.md", ["velho"])
    with pytest.raises(StoreError, match=r"5 dimensions .* 4"):  # refused after chunks and stems went in
        put(store, "t", "a.md", ["novo", "outro"], n_dims=N_DIMS + 1)
    assert Documents(store).find_hash("t", "a.md") == "hash of ['velho']"
    assert len(Lexical(store).search("t", ["velho"], 5)) == 1
    assert len(Vectors(store).nearest("t", "e", unit(5), 5)) == 1


def test_tenants_never_see_each_other(store: Store) -> None:
    put(store, "ana", "a.md", ["castelo"])
    put(store, "rui", "a.md", ["castelo"])
    documents = Documents(store)
    chunk_ids = ids_by_table(store)[0]
    for tenant in ("ana", "rui"):
        assert len(documents.list(tenant)) == len(documents.chunks_by_id(tenant, [*chunk_ids])) == 1
        assert len(Vectors(store).fetch(tenant, "e", [*chunk_ids])) == 1
        assert len(Vectors(store).nearest(tenant, "e", unit(1), 10)) == 1
        assert len(Lexical(store).search(tenant, ["castelo"], 10)) == 1
    assert documents.delete("ana", "a.md")
    assert documents.count("rui") == 1


@pytest.mark.parametrize(
    ("embedder", "stale"), [("old", ["b.md"]), ("new", ["a.md"]), ("x", ["a.md", "b.md"])]
)
def test_another_embedder_needs_vectors_of_its_own(store: Store, embedder: str, stale: list[str]) -> None:
    put(store, "t", "a.md", ["um"], embedder="old")
    put(store, "t", "b.md", ["um"], embedder="new", n_dims=7)
    put(store, "u", "c.md", ["um"], embedder="old")
    known = [Documents(store).known_by_source("t", source, embedder) for source in ("a.md", "b.md")]
    assert [each.source for each in known if each and each.is_stale] == stale


def test_tags_go_to_no_document_that_is_gone_or_anothers(store: Store) -> None:
    mine, others = put(store, "t", "a.md", ["um"]), put(store, "u", "b.md", ["um"])
    Documents(store).add_tags("t", [mine, others, 99], ["x"])
    with store.read() as db:
        assert db.execute("SELECT document_id, tenant FROM document_tags").fetchall() == [(mine, "t")]


SOURCES = st.sampled_from(["a.md", "b.md", "c.md"])
TEXTS = st.lists(st.sampled_from(["um", "dois", "quatro"]), min_size=1, max_size=4)
STEPS = st.lists(st.tuples(st.sampled_from(["t", "u"]), SOURCES, st.none() | TEXTS), max_size=12)


@settings(max_examples=25, deadline=None)
@given(STEPS)
def test_tables_agree_after_any_changes(steps: list[tuple[str, str, list[str] | None]]) -> None:
    kept: dict[tuple[str, str], list[str]] = {}
    with TemporaryDirectory() as folder, Store(Path(folder, "aion.db")) as store:
        put(store, "t", "z.md", ["sempre"])
        for tenant, source, texts in steps:
            if texts is None:
                existed = kept.pop((tenant, source), None) is not None
                assert Documents(store).delete(tenant, source) == existed
            else:
                kept[tenant, source] = texts
                put(store, tenant, source, texts)
        chunks, texts_, vectors = ids_by_table(store)
        assert chunks == texts_ == vectors
        assert len(chunks) == 1 + sum(map(len, kept.values()))
        assert _is_sound(store)


def _is_sound(store: Store) -> bool:
    with store.write() as db:
        for table in full_text_tables(db):
            db.execute(f"INSERT INTO {table} ({table}) VALUES ('integrity-check')")
        checks = [db.execute("PRAGMA integrity_check").get, db.execute("PRAGMA foreign_key_check").get]
    return json.dumps(checks) == '["ok", null]'
