"""Accounts for a KV cache in which every slot has cells of its own: who holds how many, what idle slots keep.

Attention then reads the cells of its own sequence and no others. Prefixes are shared by copying: llama.cpp
copies all cells of a slot at once, so one is copied only when that saves computing a good part of them. An
idle slot keeps what its last sequence computed, for one that begins alike and takes the slot, or copies from
it. Touches no llama call. Owned by the engine thread.

Invariant: each slot is empty, kept or taken, and holds no more cells than a sequence may have.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass

from aion.engine.kv_cache import LEAST_SHARED, Prefix, common_prefix
from aion.engine.plan import Clear, Share

_COPIED_FOR_ONE_COMPUTED = 32
"""A token takes at least so many times as long to compute as its cell takes to be copied: 60 times on a model
of 6 MB, a thousand times on one of 4 GB."""


@dataclass(slots=True)
class _Held:
    """What a slot's cells are of: the first `n` of `tokens`, computed under the effect `key`."""

    tokens: list[int]
    key: Hashable
    n: int = 0


class KvStreams:
    """`n_slots` slots of `n_each` cells; with `keeps` idle ones keep what they hold. `shares` False: every
    sequence computes its own, whatever the others hold."""

    def __init__(self, n_each: int, n_slots: int, *, keeps: bool = True, shares: bool = True) -> None:
        self._n_each = n_each
        self._n_slots = n_slots
        self._keeps = keeps and shares
        self._shares = shares
        self._n_worth_copying = max(LEAST_SHARED, n_each // _COPIED_FOR_ONE_COMPUTED)
        self._taken: dict[int, _Held] = {}
        self._left: dict[int, _Held] = {}
        self._kept: OrderedDict[int, _Held] = OrderedDict()
        self._empty: list[int] = []
        self.forget()

    @property
    def n_free(self) -> int:
        """Cells that no running sequence holds."""
        return self._n_each * self._n_slots - sum(held.n for held in self._taken.values())

    @property
    def n_worth_sharing(self) -> int:
        """The shortest prefix of another slot that is worth a copy."""
        return self._n_worth_copying

    def acquire(self, tokens: list[int], key: Hashable) -> int:
        """A slot for a sequence with `tokens` (the list may grow) under the effect `key`: one that keeps a
        good beginning of it, an empty one, or the one whose content was of use the longest ago."""
        slot = self._best_idle(tokens, key)
        if slot in self._kept:
            self._left[slot] = self._kept.pop(slot)
        else:
            self._empty.remove(slot)
        self._taken[slot] = _Held(tokens, key)
        return slot

    def _best_idle(self, tokens: list[int], key: Hashable) -> int:
        """A kept slot is taken for its prefix only where no more of it is lost than used, nor, while another
        one is empty, more than a copy is worth."""
        found = [(n, slot) for slot, held in self._kept.items() if (n := _n_common(held, tokens, key))]
        n, slot = max(found, default=(0, -1))
        n_may_lose = min(n, self._n_worth_copying) if self._empty else n
        if n >= LEAST_SHARED and self._kept[slot].n - n <= n_may_lose:
            return slot
        return min(self._empty) if self._empty else next(iter(self._kept))

    def find(self, tokens: list[int], key: Hashable, but: int | None = None) -> Prefix | None:
        """The longest computed prefix that a sequence with `tokens` may share: what its own slot `but` keeps,
        unless another one holds so much more that copying pays. Its last token is left to compute."""
        if not self._shares:
            return None
        own = 0 if but is None or but not in self._left else _n_common(self._left[but], tokens, key)
        best = Prefix(but, own) if but is not None and own >= LEAST_SHARED else None
        n_least = (best.n_tokens if best else 0) + self._n_worth_copying
        for donor, held in (*self._taken.items(), *self._kept.items()):
            if donor != but and (n := _n_common(held, tokens, key)) >= n_least:
                best, n_least = Prefix(donor, n), n + 1
        return best

    def begin(self, slot: int, prefix: Prefix | None) -> list[Clear | Share]:
        """The sequence of `slot`, which has computed nothing, begins with `prefix`: what is to be done."""
        left = self._left.pop(slot, None)
        self._taken[slot].n = prefix.n_tokens if prefix else 0
        if prefix is None:
            return [Clear(slot)] if left else []
        if prefix.donor == slot:
            return [Clear(slot, prefix.n_tokens)]
        if prefix.donor in self._kept:
            self._kept.move_to_end(prefix.donor)
        return [Share(prefix.donor, slot, prefix.n_tokens)]

    def resize(self, slot: int, n_tokens: int) -> None:
        """`slot` has computed `n_tokens` tokens now, more or fewer than before."""
        self._taken[slot].n = n_tokens

    def n_held(self, slot: int) -> int:
        """Cells of `slot` in which something computed stands."""
        held = self._left.get(slot) or self._taken.get(slot) or self._kept.get(slot)
        return held.n if held else 0

    def release(self, slot: int) -> list[int]:
        """The sequence of `slot` has ended: keep what it computed. Returns the slots to be cleared."""
        held = self._taken.pop(slot)
        held = self._left.pop(slot, held)  # it never began
        if not self._keeps or held.n < LEAST_SHARED:
            self._empty.append(slot)
            return [slot]
        held.tokens = held.tokens[: held.n]
        self._kept[slot] = held
        return []

    def forget_kept(self) -> None:
        """What idle slots kept is lost."""
        self._empty += self._kept
        self._kept.clear()
        self._left.clear()

    def forget(self) -> None:
        """Everything is lost: the context was made anew. Nothing may be running."""
        self._taken.clear()
        self._left.clear()
        self._kept.clear()
        self._empty = list(range(self._n_slots))

    @property
    def is_whole(self) -> bool:
        """The invariant, for tests and shutdown."""
        slots = sorted([*self._taken, *self._kept, *self._empty])
        held = [*self._taken.values(), *self._kept.values(), *self._left.values()]
        fits = all(0 <= each.n <= self._n_each for each in held)
        return fits and slots == list(range(self._n_slots)) and self._left.keys() <= self._taken.keys()

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs."""
        return not self._taken

    # --- what a pool of cells has to ask, and slots with cells enough for any sequence need not ------

    def make_room(self, n_cells: int) -> Iterable[int]:  # noqa: ARG002
        """Nothing has to go: a sequence's cells are its own."""
        return ()

    def n_obtainable(self, without: Collection[int] = ()) -> int:
        """Cells that are free or would be if the slots `without` went."""
        return self.n_free + sum(self._taken[slot].n for slot in without)

    def n_lent(self, prefix: Prefix) -> int:  # noqa: ARG002
        """A copy takes nobody's cells."""
        return 0

    def evict(self, but: int | None = None) -> int:  # noqa: ARG002
        """Never asked: kept cells count as free."""
        raise AssertionError


def _n_common(held: _Held, tokens: list[int], key: Hashable) -> int:
    """How many computed tokens of `held` a sequence with `tokens` may share; 0 for too few to be of use."""
    n_most = min(held.n, len(tokens) - 1)
    if n_most < LEAST_SHARED or held.key != key or held.tokens[:LEAST_SHARED] != tokens[:LEAST_SHARED]:
        return 0
    return common_prefix(held.tokens, tokens, n_most)
