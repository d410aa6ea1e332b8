from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from subprocess import run
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aion.store import vector_tables
from aion.store.connection import Store
from aion.store.mirror import ByteMirror, ExactMirror
from aion.store.vectors import MAX_K, Vectors
from tests.store.rows import unit

N_DIMS = 24


def insert(store: Store, tenant: str, ids: list[int]) -> None:
    with store.write() as db:
        vectors = np.stack([unit(chunk_id, N_DIMS) for chunk_id in ids])
        vector_tables.insert(db, tenant, "e", ids, vectors)


def delete(store: Store, tenant: str, ids: list[int]) -> None:
    with store.write() as db:
        vector_tables.delete(db, tenant, ids)


def copied(store: Store, memory_bytes: int = 2**20) -> Vectors:
    vectors = Vectors(store, memory_bytes)
    vectors.warm("t", "e")
    return vectors


def brute_force(ids: set[int], query: int, k: int) -> list[int]:
    cosines = {chunk_id: float(unit(chunk_id, N_DIMS) @ unit(query, N_DIMS)) for chunk_id in ids}
    return sorted(ids, key=lambda chunk_id: -cosines[chunk_id])[:k]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.sets(st.integers(1, 400), min_size=1, max_size=60)), max_size=6),
    st.integers(1, MAX_K),
    st.sampled_from([2**20, 60]),
)
def test_a_copy_follows_every_change(changes: list[tuple[bool, set[int]]], k: int, memory_bytes: int) -> None:
    """KNN of the copy equals brute force over what is in the file, whatever was added or deleted."""
    with TemporaryDirectory() as folder, Store(Path(folder, "aion.db")) as store:
        insert(store, "t", [1000, 1001])
        insert(store, "u", [2000])
        there = {1000, 1001}
        vectors = copied(store, memory_bytes)  # 60 bytes hold the two vectors there are in bytes only
        for is_added, ids in changes:
            if is_added and ids - there:
                insert(store, "t", sorted(ids - there))
                there |= ids
            elif not is_added and ids & there:
                delete(store, "t", sorted(ids & there))
                there -= ids
            found = vectors.nearest("t", "e", unit(5000, N_DIMS), k)
            assert [chunk_id for chunk_id, _ in found] == brute_force(there, 5000, k)
        assert vectors.fetch("t", "e", [*there, 9999]).keys() == there
        assert all(np.allclose(v, unit(i, N_DIMS)) for i, v in vectors.fetch("t", "e", [*there]).items())


def test_what_another_process_writes_is_seen(store: Store) -> None:
    insert(store, "t", [1, 2, 3])
    vectors = copied(store)
    script = (
        "import sys; from pathlib import Path; from aion.store.connection import Store;"
        "from tests.store.test_mirrors import insert, delete\n"
        "with Store(Path(sys.argv[1])) as s: insert(s, 't', [7]); delete(s, 't', [2])"
    )
    run([sys.executable, "-c", script, str(store.path)], check=True, cwd=Path(__file__).parents[2])
    found = [chunk_id for chunk_id, _ in vectors.nearest("t", "e", unit(7, N_DIMS), 10)]
    assert found == brute_force({1, 3, 7}, 7, 10)


def test_who_is_too_far_behind_reads_all_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_tables, "MAX_LOG", 3)
    insert(store, "t", [1, 2])
    vectors = copied(store)
    for chunk_id in range(10, 30, 2):
        insert(store, "t", [chunk_id])
    expected = brute_force({1, 2, *range(10, 30, 2)}, 14, 5)
    for _ in range(2):
        assert [n for n, _ in vectors.nearest("t", "e", unit(14, N_DIMS), 5)] == expected
        vectors.warm("t", "e")


def test_the_table_of_another_embedder_with_the_same_number_is_another_one(store: Store) -> None:
    insert(store, "t", [1, 2])
    vectors = copied(store)
    with store.write() as db:
        db.execute("DROP TABLE vectors_1")
        db.execute("DELETE FROM embedders")
    time.sleep(0.002)
    insert(store, "t", [3])
    assert [n for n, _ in vectors.nearest("t", "e", unit(1, N_DIMS), 5)] == [3]


def test_the_first_search_reads_the_file_and_has_it_copied(store: Store) -> None:
    insert(store, "t", [*range(1, 500)])
    vectors = Vectors(store)
    expected = brute_force(set(range(1, 500)), 77, 9)
    for _ in range(3):
        assert [n for n, _ in vectors.nearest("t", "e", unit(77, N_DIMS), 9)] == expected
        for thread in threading.enumerate():
            if thread.name == "vector-copy":
                thread.join()


@pytest.mark.parametrize(("memory_bytes", "kind"), [(2**21, ExactMirror), (110_000, ByteMirror), (9, None)])
def test_less_memory_finds_the_same(store: Store, memory_bytes: int, kind: type | None) -> None:
    """Of vectors in tight clusters, whose cosines differ by less than bytes can tell."""
    rng = np.random.default_rng(0)
    centers = rng.standard_normal((20, 64))
    stored = (centers[rng.integers(0, 20, 1500)] + 0.02 * rng.standard_normal((1500, 64))).astype(np.float32)
    stored /= np.linalg.norm(stored, axis=1, keepdims=True)
    with store.write() as db:
        vector_tables.insert(db, "t", "e", range(1, 1501), stored)
    vectors = copied(store, memory_bytes)
    assert [type(copy.mirror) for copy in vectors._mirrors._copies.values()] == [kind] * (kind is not None)
    for seed in range(20):
        query = unit(seed, 64)
        found = vectors.nearest("t", "e", query, 24)
        exact = np.sort(stored @ query)[::-1][:24]
        assert [cosine for _, cosine in found] == pytest.approx(exact, abs=1e-5)
        assert [float(stored[n - 1] @ query) for n, _ in found] == pytest.approx(exact, abs=1e-5)
    assert vectors.fetch("t", "e", [1, 9999]).keys() == {1}


def test_copies_keep_to_their_memory(store: Store) -> None:
    for n, tenant in enumerate("tuv"):
        insert(store, tenant, [10 * n + 1, 10 * n + 2])
    one = 4096 * N_DIMS * 4 + 50_000
    vectors = Vectors(store, memory_bytes=2 * one)
    for tenant in "tuv":
        vectors.warm(tenant, "e")
    assert [tenant for _, tenant in vectors._mirrors._copies] == ["u", "v"]
