"""Slots with cells of their own: which one a sequence gets, what it keeps, when a prefix is copied."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aion.engine.adapter import NO_EFFECT
from aion.engine.context import ContextShape
from aion.engine.kv_cache import Prefix
from aion.engine.kv_streams import KvStreams
from aion.engine.pace import PrefillPace
from aion.engine.plan import Clear, Share
from aion.engine.scheduler import Scheduler
from tests.engine.test_scheduler import (
    OPERATIONS,
    SomeEffect,
    assert_all_is_conserved,
)
from tests.engine.test_speculation import EagerSpeculator

KEY = NO_EFFECT.key
A, B = list(range(100, 160)), list(range(200, 260))


def ended(cache: KvStreams, tokens: list[int]) -> int:
    """The slot in which a sequence was computed whole and came to its end."""
    slot = cache.acquire(tokens, KEY)
    cache.begin(slot, cache.find(tokens, KEY, slot))
    cache.resize(slot, len(tokens))
    cache.release(slot)
    return slot


def test_who_begins_alike_takes_the_slot_and_nothing_is_copied() -> None:
    cache = KvStreams(256, 3)
    ended(cache, A)
    kept = ended(cache, B)
    slot = cache.acquire([*B, 1, 2], KEY)
    prefix = cache.find([*B, 1, 2], KEY, slot)
    assert (slot, prefix) == (kept, Prefix(kept, 60))
    assert cache.begin(slot, prefix) == [Clear(kept, 60)]


def test_a_slot_is_not_taken_for_a_small_part_of_what_it_keeps() -> None:
    cache = KvStreams(256, 3)
    kept = ended(cache, A)
    tokens = [*A[:20], *B]
    slot = cache.acquire(tokens, KEY)
    assert slot != kept
    prefix = cache.find(tokens, KEY, slot)
    assert prefix == Prefix(kept, 20)
    assert cache.begin(slot, prefix) == [Share(kept, slot, 20)]
    assert cache.n_held(kept) == 60


def test_what_another_may_come_back_for_is_not_lost_while_a_slot_is_empty() -> None:
    cache = KvStreams(256, 2)
    kept = ended(cache, A)
    tokens = [*A[:40], *B]
    slot = cache.acquire(tokens, KEY)
    assert slot != kept
    assert cache.begin(slot, cache.find(tokens, KEY, slot)) == [Share(kept, slot, 40)]
    assert cache.acquire([*A[:40], 9], KEY) == kept  # none is empty any more


def test_a_short_prefix_is_not_worth_a_copy_of_all_cells() -> None:
    cache = KvStreams(32 * 40, 2)
    first = cache.acquire(A, KEY)
    cache.begin(first, None)
    cache.resize(first, 60)
    slot = cache.acquire([*A[:39], 1], KEY)
    assert cache.find([*A[:39], 1], KEY, slot) is None
    assert cache.find([*A[:40], 1], KEY, slot) == Prefix(first, 40)


def test_what_was_of_use_the_longest_ago_goes_first() -> None:
    cache = KvStreams(256, 2)
    older, younger = ended(cache, A), ended(cache, B)
    slot = cache.acquire([9] * 30, KEY)
    assert slot == older != younger
    assert cache.begin(slot, cache.find([9] * 30, KEY, slot)) == [Clear(slot)]


def test_who_leaves_before_it_began_leaves_what_was_kept() -> None:
    cache = KvStreams(256, 1)
    slot = ended(cache, A)
    cache.acquire([9] * 30, KEY)
    assert (cache.release(slot), cache.n_held(slot)) == ([], 60)
    assert cache.acquire([*A, 1], KEY) == slot
    assert cache.find([*A, 1], KEY, slot) == Prefix(slot, 60)


def test_another_effect_shares_nothing() -> None:
    cache = KvStreams(256, 1)
    slot = ended(cache, A)
    other = SomeEffect().key
    assert cache.acquire([*A, 1], other) == slot
    assert cache.find([*A, 1], other, slot) is None


def test_without_keeping_an_ended_slot_is_cleared() -> None:
    cache = KvStreams(256, 1, keeps=False)
    slot = cache.acquire(A, KEY)
    cache.begin(slot, None)
    cache.resize(slot, 60)
    assert cache.release(slot) == [slot]
    assert cache.is_idle
    assert cache.is_whole


@given(operations=OPERATIONS, n_slots=st.integers(1, 5), n_batch=st.integers(5, 40), n_kept=st.integers(0, 4))
def test_slots_are_conserved_and_all_come_to_their_end(
    operations: list[tuple[str, int, int, int]], n_slots: int, n_batch: int, n_kept: int
) -> None:
    shape = ContextShape(256 * n_slots, n_slots, n_kept, n_batch, apart=True)
    scheduler = Scheduler(shape, EagerSpeculator(), PrefillPace())
    assert_all_is_conserved(scheduler, operations, n_slots, n_batch)
