"""Accounts for a KV cache whose cells all slots share: who holds which, which prefixes are kept.

Every slot (a llama.cpp sequence id) holds cells, one a computed token. Two slots that share a prefix
hold the same cells, as llama.cpp does with a unified cache, so nothing is copied. A finished sequence
leaves its cells behind as a kept prefix; the least recently used goes when room is needed. Touches no
llama call. Owned by the engine thread.

Invariant: each cell is free or held by at least one slot, and a slot holds as many cells as it has
computed tokens.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass, field

from aion.engine.plan import Clear, Share

LEAST_SHARED = 8


@dataclass(slots=True)
class _Held:
    tokens: list[int]
    key: Hashable
    cells: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Prefix:
    """The first `n_tokens` tokens that the slot `donor` has computed."""

    donor: int
    n_tokens: int


class KvCache:
    """Cells and slots for `n_running` sequences at a time and `n_kept` prefixes of former ones."""

    def __init__(self, n_cells: int, n_running: int, n_kept: int = 0, *, shares: bool = True) -> None:
        """`shares` False: every sequence computes its own, whatever the others hold."""
        self._n_cells = n_cells
        self._n_slots = n_running + n_kept
        self._n_kept = n_kept
        self._shares = shares
        self._held: dict[int, _Held] = {}
        self._kept: OrderedDict[int, None] = OrderedDict()
        self.forget()

    @property
    def n_free(self) -> int:
        """Cells nobody holds."""
        return len(self._free_cells)

    @property
    def n_worth_sharing(self) -> int:
        """The shortest prefix of another slot that is worth sharing."""
        return LEAST_SHARED

    def acquire(self, tokens: list[int], key: Hashable) -> int:
        """A slot for a sequence with `tokens` (the list may grow) under the effect `key`."""
        slot = self._free_slots.pop()
        self._held[slot] = _Held(tokens, key)
        return slot

    def make_room(self, n_cells: int) -> list[int]:
        """Let kept prefixes go, oldest first, until `n_cells` are free; the slots to be cleared."""
        cleared = []
        while self.n_free < n_cells and self._kept:
            cleared.append(self.evict())
        return cleared

    def n_obtainable(self, without: Collection[int] = ()) -> int:
        """Cells that are free or would be if the kept prefixes and the slots `without` went."""
        staying = (held.cells for slot, held in self._held.items() if slot not in {*self._kept, *without})
        return self._n_cells - len(set().union(*staying))

    def find(self, tokens: list[int], key: Hashable, but: int | None = None) -> Prefix | None:
        """The longest computed prefix that a sequence with `tokens` may share, of any slot `but` its own; its
        last token is left to compute, for the logits. None when there is none worth it."""
        best: Prefix | None = None
        if not self._shares:
            return best
        for donor, held in self._held.items():
            if donor != but and held.key == key:
                n = common_prefix(held.tokens, tokens, min(len(held.cells), len(tokens) - 1))
                if n >= LEAST_SHARED and (best is None or n > best.n_tokens):
                    best = Prefix(donor, n)
        return best

    def n_lent(self, prefix: Prefix) -> int:
        """Cells of `prefix` that only a kept one holds: whoever shares them takes them from those that are
        obtainable."""
        if prefix.donor not in self._kept:
            return 0
        return sum(self._refs[cell] == 1 for cell in self._held[prefix.donor].cells[: prefix.n_tokens])

    def begin(self, slot: int, prefix: Prefix | None) -> list[Clear | Share]:
        """The sequence of `slot`, which holds nothing, begins with `prefix`: it holds those cells too. What
        is to be done for that."""
        if prefix is None:
            return []
        cells = self._held[prefix.donor].cells[: prefix.n_tokens]
        for cell in cells:
            self._refs[cell] += 1
        self._held[slot].cells = cells
        if prefix.donor in self._kept:
            self._kept.move_to_end(prefix.donor)
        return [Share(prefix.donor, slot, prefix.n_tokens)]

    def resize(self, slot: int, n_tokens: int) -> None:
        """`slot` has computed `n_tokens` tokens now, more or fewer than before."""
        cells = self._held[slot].cells
        while len(cells) < n_tokens:
            cell = self._free_cells.pop()
            self._refs[cell] = 1
            cells.append(cell)
        self._release_cells(cells[n_tokens:])
        del cells[n_tokens:]

    def n_held(self, slot: int) -> int:
        return len(self._held[slot].cells)

    def release(self, slot: int) -> list[int]:
        """The sequence of `slot` has ended: keep what it computed as a prefix for others, unless another
        one holds the same already. Returns the slots to be cleared."""
        if not self._is_worth_keeping(slot):
            return [self._drop(slot)]
        held = self._held[slot]
        held.tokens = held.tokens[: len(held.cells)]
        covered = [other for other in self._kept if self._covers(slot, other)]
        cleared = [self._drop(other) for other in covered]
        self._kept[slot] = None
        while len(self._kept) > self._n_kept:
            cleared.append(self.evict())
        return cleared

    def forget_kept(self) -> None:
        """The kept prefixes are lost."""
        for slot in list(self._kept):
            self._drop(slot)

    def forget(self) -> None:
        """Everything is lost: the context was made anew. Nothing may be running."""
        self._refs = [0] * self._n_cells
        self._free_cells = list(range(self._n_cells - 1, -1, -1))
        self._free_slots = list(range(self._n_slots - 1, -1, -1))
        self._held.clear()
        self._kept.clear()

    @property
    def is_whole(self) -> bool:
        """The invariant, for tests and shutdown: no cell and no slot is lost or held twice."""
        refs = [0] * self._n_cells
        for held in self._held.values():
            for cell in held.cells:
                refs[cell] += 1
        free = {cell for cell, n in enumerate(refs) if n == 0}
        slots = sorted([*self._free_slots, *self._held])
        cells = sorted(self._free_cells)
        return refs == self._refs and cells == sorted(free) and slots == list(range(self._n_slots))

    @property
    def is_idle(self) -> bool:
        """Whether only kept prefixes hold anything."""
        return len(self._held) == len(self._kept)

    def _is_worth_keeping(self, slot: int) -> bool:
        if not self._n_kept or self.n_held(slot) < LEAST_SHARED:
            return False
        return not any(self._covers(other, slot) for other in self._kept)

    def _covers(self, slot: int, other: int) -> bool:
        """Whether what `other` computed is a prefix of what `slot` did."""
        mine, its = self._held[slot], self._held[other]
        n = len(its.cells)
        return mine.key == its.key and len(mine.cells) >= n and mine.tokens[:n] == its.tokens[:n]

    def evict(self, but: int | None = None) -> int:
        """Let the oldest kept prefix go, that of slot `but` last of all; the slot to be cleared."""
        return self._drop(next((slot for slot in self._kept if slot != but), next(iter(self._kept))))

    def _drop(self, slot: int) -> int:
        self._release_cells(self._held.pop(slot).cells)
        self._kept.pop(slot, None)
        self._free_slots.append(slot)
        return slot

    def _release_cells(self, cells: Iterable[int]) -> None:
        for cell in cells:
            self._refs[cell] -= 1
            if self._refs[cell] == 0:
                self._free_cells.append(cell)


def common_prefix(a: list[int], b: list[int], n_most: int) -> int:
    """Length of the longest common prefix of two token lists, at most `n_most`."""
    low, high = 0, min(len(a), len(b), n_most)
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
