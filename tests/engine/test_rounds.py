"""Which slots are computed together, and which gaps are filled."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.engine.plan import Filler, Layout
from aion.engine.rounds import layout_of, rounds

LENGTHS = st.dictionaries(st.integers(0, 12), st.integers(1, 3000), min_size=1, max_size=7)


def cost(found: list[list[int]], lengths: dict[int, int], n_round_cells: int) -> int:
    """As llama.cpp reads: steps of 256 cells, as many of each slot as its longest holds."""
    return sum(n_round_cells + len(r) * max(-(-lengths[s] // 256) * 256 for s in r) for r in found)


@given(lengths=LENGTHS, n_round_cells=st.integers(1, 4000))
def test_no_other_cut_is_cheaper(lengths: dict[int, int], n_round_cells: int) -> None:
    slots = sorted(lengths)
    found = rounds(lengths, n_round_cells)
    assert list(itertools.chain(*found)) == slots
    least = cost(found, lengths, n_round_cells)
    for n in range(len(slots)):
        for at in itertools.combinations(range(1, len(slots)), n):
            cuts = [slots[a:b] for a, b in itertools.pairwise((0, *at, len(slots)))]
            assert least <= cost(cuts, lengths, n_round_cells)


def test_one_long_sequence_is_computed_apart_and_first_come_the_last_slots() -> None:
    lengths = {0: 100, 1: 100, 2: 1800, 3: 100, 4: 100, 5: 100}
    assert rounds(lengths, 1000) == [[0, 1], [2], [3, 4, 5]]
    assert layout_of(lengths, lengths, lambda _: 0, 1000, 0).order == (3, 4, 5, 2, 0, 1)
    assert layout_of(lengths, lengths, lambda _: 0, 0, 0).order == (0, 1, 2, 3, 4, 5)


@pytest.mark.parametrize(
    ("slots", "n_longest", "n_gap", "filled"),
    [
        ([0, 2], 61, 1, [1]),
        ([0, 2], 60, 1, []),  # a neighbour that holds more would make all read as far
        ([0, 2], 61, 0, []),
        ([0, 4], 61, 2, []),
        ([4, 0], 61, 3, [1, 2, 3]),
        ([0, 1], 61, 3, []),
    ],
)
def test_gaps_are_filled_where_that_is_cheap(
    slots: list[int], n_longest: int, n_gap: int, filled: list[int]
) -> None:
    held = {1: 60}
    found = layout_of(dict.fromkeys(slots, n_longest), slots, lambda slot: held.get(slot, 0), 0, n_gap)
    fillers = tuple(Filler(slot, held.get(slot, 0)) for slot in filled)
    assert found == Layout(tuple(sorted([*slots, *filled])), fillers)


@pytest.mark.parametrize(("single", "n_filled"), [((0, 2), 1), ((0,), 1), ((2,), 1), ((), 0)])
def test_a_gap_between_pieces_of_prompts_is_left(single: tuple[int, ...], n_filled: int) -> None:
    """Filled, one token of each slot is computed together, and the rest of the prompts apart all the same."""
    found = layout_of({0: 200, 2: 100}, single, lambda _: 0, 0, 9)
    assert len(found.fillers) == n_filled
