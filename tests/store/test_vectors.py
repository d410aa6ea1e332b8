from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aion.errors import StoreError
from aion.store import vector_tables
from aion.store.connection import Store
from aion.store.vectors import MAX_K, Vectors
from tests.store.rows import put, unit


def test_an_embedder_never_used_finds_nothing(store: Store) -> None:
    assert Vectors(store).nearest("t", "e", unit(1), 5) == []
    assert Vectors(store).fetch("t", "e", [1, 2]) == {}


def test_fetch_returns_what_was_stored(store: Store) -> None:
    put(store, "t", "a.md", ["um", "dois"])
    found = Vectors(store).fetch("t", "e", [1, 2, 3])
    assert found.keys() == {1, 2}
    np.testing.assert_array_equal(found[2], unit(len("dois")))


def test_a_query_of_another_width_is_refused(store: Store) -> None:
    put(store, "t", "a.md", ["um"])
    with pytest.raises(StoreError, match="'e' gives 9 dimensions and the store has 4"):
        Vectors(store).nearest("t", "e", unit(1, 9), 5)


@pytest.mark.parametrize("k", [0, MAX_K + 1])
def test_k_has_limits(store: Store, k: int) -> None:
    with pytest.raises(ValueError, match=f"k={k}"):
        Vectors(store).nearest("t", "e", unit(1), k)


def test_opposite_and_equal_vectors_have_cosines_of_minus_one_and_one(store: Store) -> None:
    with store.write() as db:
        vector_tables.insert(db, "t", "e", [1, 2], np.array([[1, 0], [-1, 0]], dtype=np.float32))
    found = Vectors(store).nearest("t", "e", np.array([1, 0], dtype=np.float32), 2)
    assert found == [(1, 1.0), (2, -1.0)]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 300), st.integers(1, MAX_K), st.integers(2, 24))
def test_nearest_equals_brute_force(seed: int, n: int, k: int, n_dims: int) -> None:
    stored = np.stack([unit(seed + i, n_dims) for i in range(n)])
    query = unit(seed + n, n_dims)
    tenants = ["t" if i % 3 else "u" for i in range(n)]
    with TemporaryDirectory() as folder, Store(Path(folder, "aion.db")) as store:
        with store.write() as db:
            for i, tenant in enumerate(tenants):
                vector_tables.insert(db, tenant, "e", [i + 1], stored[i : i + 1])
        found = Vectors(store).nearest("t", "e", query, k)
    cosines = {i + 1: float(stored[i] @ query) for i in range(n) if tenants[i] == "t"}
    expected = sorted(cosines.values(), reverse=True)[:k]
    assert [cosine for _, cosine in found] == pytest.approx(expected, abs=1e-5)
    assert [cosines[chunk_id] for chunk_id, _ in found] == pytest.approx(expected, abs=1e-5)
