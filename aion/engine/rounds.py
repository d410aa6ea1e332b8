"""Which slots are computed together, where each has its own cells. Plain numbers, no llama call.

llama.cpp computes slots together when their numbers follow each other, once through the weights for all, and
reads as many cells of each as the longest of them holds. So one long sequence is better computed apart from
many short ones, and a gap of one slot is better filled.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping

from aion.engine.plan import Filler, Layout

_CELLS_STEP = 256  # llama.cpp reads no fewer, nor a part of so many


def layout_of(
    lengths: Mapping[int, int],
    single: Collection[int],
    n_held: Callable[[int], int],
    n_round_cells: int,
    n_gap: int,
) -> Layout:
    """For a batch with tokens of the slots in `lengths`, each the cells it then holds; those in `single` have
    one token in it. `n_held` says how many cells another slot holds. Going through the weights takes as long
    as reading `n_round_cells` cells (0: nobody knows), or as computing `n_gap` tokens more."""
    order: list[int] = []
    fillers: list[Filler] = []
    for slots in reversed(rounds(lengths, n_round_cells)):  # what follows a number has gone before it
        longest = max(lengths[slot] for slot in slots)
        filled = _fillers(slots, single, n_held, longest, n_gap)
        fillers += filled
        order += sorted([*slots, *(filler.slot for filler in filled)])
    return Layout(tuple(order), tuple(fillers))


def rounds(lengths: Mapping[int, int], n_round_cells: int) -> list[list[int]]:
    """The slots in ascending order, cut where that is cheapest: a round takes `n_round_cells`, and for each
    of its slots the cells of its longest."""
    slots = sorted(lengths)
    cells = [-(-lengths[slot] // _CELLS_STEP) * _CELLS_STEP for slot in slots]
    if not n_round_cells or len(slots) * max(cells, default=0) - sum(cells) <= n_round_cells:
        return [slots] if slots else []
    best: list[tuple[int, int]] = [
        (0, 0)
    ]  # of the first so many slots: the cost, and where the last round begins
    for end in range(1, len(slots) + 1):
        longest, choices = 0, []
        for start in range(end - 1, -1, -1):
            longest = max(longest, cells[start])
            choices.append((best[start][0] + n_round_cells + (end - start) * longest, start))
        best.append(min(choices))
    found, end = [], len(slots)
    while end:
        start = best[end][1]
        found.append(slots[start:end])
        end = start
    return found[::-1]


def _fillers(
    slots: list[int], single: Collection[int], n_held: Callable[[int], int], n_longest: int, n_most: int
) -> list[Filler]:
    """A token for each slot that lies between `slots`, where no more than `n_most` lie side by side and none
    holds more cells than their longest. Only one token of each slot is then computed together, so that one
    beside the gap must have no more, or nothing is saved."""
    found: list[Filler] = []
    for before, after in itertools.pairwise(slots):
        if after - before - 1 <= n_most and (before in single or after in single):
            gap = [Filler(slot, n_held(slot)) for slot in range(before + 1, after)]
            found += gap if all(filler.n_past < n_longest for filler in gap) else []
    return found
