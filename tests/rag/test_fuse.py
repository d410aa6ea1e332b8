from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.rag.fuse import fuse, mmr
from aion.types import Vectors
from tests.store.rows import unit

SCORES = st.dictionaries(st.integers(1, 20), st.floats(0.1, 30), max_size=10)
COSINES = st.dictionaries(st.integers(1, 20), st.floats(-1, 1), max_size=10)


def test_the_formula() -> None:
    fused = fuse({1: 8.0, 2: 4.0}, {1: 0.2, 3: 0.6, 4: 0.4}, 0.25)
    assert fused == pytest.approx({1: 0.75, 2: 0.375, 3: 0.25, 4: 0.125})
    assert [*fused] == [1, 2, 3, 4]


def test_one_side_alone_keeps_its_order() -> None:
    assert [*fuse({}, {1: 0.1, 2: 0.9}, 0.5)] == [2, 1]
    assert [*fuse({1: 3.0, 2: 9.0}, {}, 0.5)] == [2, 1]
    assert fuse({}, {}, 0.5) == {}
    assert fuse({}, {7: 0.3}, 0.5) == {7: 0.5}


@given(SCORES, COSINES, st.floats(0, 1))
def test_scores_are_of_all_ids_and_within_0_and_1(
    lexical: dict[int, float], dense: dict[int, float], weight: float
) -> None:
    fused = fuse(lexical, dense, weight)
    assert fused.keys() == lexical.keys() | dense.keys()
    assert all(0 <= score <= 1 + 1e-9 for score in fused.values())
    assert [*fused.values()] == sorted(fused.values(), reverse=True)


@given(COSINES, st.integers(0, 12), st.floats(0, 1))
def test_mmr_gives_distinct_ids_the_most_relevant_first(
    relevance: dict[int, float], k: int, lam: float
) -> None:
    chosen = [*islice(mmr(relevance, {id_: unit(id_) for id_ in relevance if id_ % 5}, lam), k)]
    assert len(chosen) == len({*chosen}) == min(k, len(relevance))
    assert {*chosen} <= relevance.keys()
    if chosen:
        assert relevance[chosen[0]] == max(relevance.values())


@given(COSINES, st.integers(1, 12))
def test_lambda_1_is_relevance_alone(relevance: dict[int, float], k: int) -> None:
    chosen = islice(mmr(relevance, {id_: unit(id_) for id_ in relevance}, 1.0), k)
    assert [relevance[id_] for id_ in chosen] == sorted(relevance.values(), reverse=True)[:k]


def test_a_copy_comes_after_something_new() -> None:
    east, north = np.eye(2, dtype=np.float32)
    vectors: dict[int, Vectors] = {1: east, 2: east, 3: north}
    assert [*mmr({1: 1.0, 2: 0.9, 3: 0.5}, vectors, 0.7)] == [1, 3, 2]
    assert [*mmr({1: 1.0, 2: 0.9, 3: 0.5}, {}, 0.7)] == [1, 2, 3]
