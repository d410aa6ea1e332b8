from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from aion.rag.index import fill_vectors, rebuild_texts, rebuild_vectors
from aion.rag.index_check import Problem, check
from aion.store.connection import Store
from aion.store.index import Index
from aion.store.integrity import Integrity
from aion.store.vectors import Vectors
from tests.rag.hashing import HashingEmbedder
from tests.rag.indexed import put, texts

EMBEDDER = HashingEmbedder("e", 16)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "aion.db") as opened:
        put(opened, "a.md", texts(300), EMBEDDER)
        put(opened, "b.md", texts(40, first=270), EMBEDDER)
        put(opened, "c.md", ["!!! ???", "Só isto aqui"], EMBEDDER, tenant="u")
        yield opened


def problems(store: Store, embedder: str = "e") -> list[Problem]:
    return check(Index(store), Integrity(store), Vectors(store, memory_bytes=0), embedder, lambda _: None)


def damaged(store: Store, sql: str, *values: object) -> list[str]:
    with store.write() as db:
        db.execute("PRAGMA defer_foreign_keys = ON")
        db.execute(sql, values)
    return [f"{problem.subject}: {problem.text}" for problem in problems(store) if not problem.is_note]


def test_a_store_as_it_should_be_has_no_problem(store: Store) -> None:
    assert problems(store) == []


def test_an_empty_store_has_no_problem(tmp_path: Path) -> None:
    with Store(tmp_path / "empty.db") as empty:
        assert problems(empty) == []


def test_what_others_write_meanwhile_is_no_problem(store: Store) -> None:
    def write(part: str) -> None:
        with Store(store.path) as other:
            put(other, "a.md", texts(20, first=len(part) * 100), EMBEDDER)

    assert check(Index(store), Integrity(store), Vectors(store, memory_bytes=0), "e", write) == []
    assert problems(store) == []


def test_a_rebuild_that_was_begun_is_a_note(store: Store) -> None:
    index = Index(store)
    index.add_new_stems("t", index.without_new_stems("t", 5), [("", "a")] * 5)
    (note,) = problems(store)
    assert (note.subject, note.is_note) == ("rebuild", True)
    rebuild_texts(index, lambda *_: None)
    assert [problem.subject for problem in problems(store)] == ["full text"]  # it went on with "a"


def test_missing_and_unused_vectors_are_notes(store: Store) -> None:
    (note,) = problems(store, "new")
    assert note.is_note
    assert "312 chunks have no vector of new" in note.text
    fill_vectors(Index(store), HashingEmbedder("new", 8), "new", lambda *_: None)
    (note,) = problems(store, "new")
    assert note.is_note
    assert "vectors of e are not used" in note.text


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("DELETE FROM lexical_1 WHERE rowid = 7", "full text: 1 chunks are not in the index"),
        ("INSERT INTO lexical_1 (rowid, title, text) VALUES (9999, '', 'a')", "full text: 1 rows of chunks"),
        ("DELETE FROM chunks WHERE id = 5", "vectors: 1 vectors of e for chunks"),
        ("UPDATE chunks SET text = 'outro' WHERE id = 5", "5 for one, have stems of another text"),
        ("UPDATE chunks SET text = 'meu' WHERE twin_of IS NOT NULL", "rows: 30 twins with a text"),
        ("UPDATE chunks SET text_hash = x'00' WHERE id = 271", "rows: 1 twins that point at no chunk"),
        ("UPDATE chunks SET tenant = 'x' WHERE id = 3", "rows: 1 chunks of another tenant"),
    ],
)
def test_rows_that_do_not_belong_are_named(store: Store, sql: str, said: str) -> None:
    assert any(said in problem for problem in damaged(store, sql))


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 2.0])
def test_vectors_that_are_no_directions_are_named(store: Store, value: float) -> None:
    blob = np.full(16, value, np.float32).tobytes()
    found = damaged(store, "UPDATE vectors_1 SET embedding = ? WHERE rowid = 9", blob)
    assert any("1 vectors of e are not finite or not of length 1" in problem for problem in found)


def test_neighbours_that_brute_force_would_not_find_are_named(store: Store) -> None:
    # vec0 marks the places of a chunk of vectors that are in use; without the marks it passes them over.
    found = damaged(
        store, "UPDATE vectors_1_chunks SET validity = zeroblob(length(validity)) WHERE chunk_id = 1"
    )
    assert any("found other neighbours than brute force" in problem for problem in found)


def test_a_rebuild_mends_what_was_wrong(store: Store) -> None:
    index = Index(store)
    assert damaged(store, "UPDATE lexical_1_data SET block = x'00' WHERE id > 10")
    rebuild_texts(index, lambda *_: None)
    assert problems(store) == []
    assert damaged(store, "UPDATE vectors_1_vector_chunks00 SET vectors = zeroblob(length(vectors))")
    rebuild_vectors(index, EMBEDDER, lambda *_: None)
    assert problems(store) == []
