"""The scheduler alone, with sequences that nobody computes."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from aion.engine.adapter import NO_EFFECT, Effect
from aion.engine.context import ContextShape
from aion.engine.detokenizer import Detokenizer
from aion.engine.pace import PrefillPace
from aion.engine.plan import Work
from aion.engine.scheduler import Scheduler
from aion.engine.sequence import Sequence
from aion.types import Sampling
from tests.engine.test_speculation import EagerSpeculator

_numbers = itertools.count()
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 40), st.integers(1, 24), st.integers(0, 3)),
        st.tuples(st.just("step"), st.just(0), st.just(0), st.just(0)),
        st.tuples(st.just("abort"), st.integers(0, 50), st.just(0), st.just(0)),
    ),
    max_size=60,
)


@dataclass(frozen=True)
class SomeEffect(Effect):
    """As if an adapter were applied."""

    @property
    def key(self) -> tuple[tuple[str, float], ...]:
        return (("hash", 1.0),)


def sequence_of(n_prompt: int, max_new_tokens: int = 8, *, prefix: int = 0) -> Sequence:
    """A prompt that has `prefix` tokens in common with the others, and no more."""
    sampling = Sampling(max_new_tokens=max_new_tokens)
    prompt = [5] * min(prefix, n_prompt) + [1000 + next(_numbers)] * (n_prompt - prefix)
    return Sequence(prompt, sampling, lambda _event: None, Detokenizer())


def compute(scheduler: Scheduler, work: list[Work]) -> None:
    """What runner and sampler would do."""
    for piece in work:
        scheduler.computed(piece.sequence, piece.end)
        if piece.samples:
            piece.sequence.tokens.append(7)


def step(scheduler: Scheduler, n_batch: int) -> list[Sequence]:
    """One step of an engine; returns the sequences that came to their end."""
    scheduler.admit()
    eldest = min(scheduler.running, key=lambda s: (s.is_batch, s.id), default=None)
    work = scheduler.plan().work
    assert sum(piece.n_tokens for piece in work) <= n_batch
    assert bool(work) == bool(scheduler.running)
    assert eldest is None or eldest in scheduler.running
    compute(scheduler, work)
    ended = [s for s in scheduler.running if s.n_completion >= s.sampling.max_new_tokens]
    for sequence in ended:
        scheduler.remove(sequence)
    return ended


def step_sizes(scheduler: Scheduler) -> list[int]:
    """Take a step; how many tokens each piece had."""
    scheduler.admit()
    work = scheduler.plan().work
    compute(scheduler, work)
    return sizes(work)


def sizes(work: list[Work]) -> list[int]:
    return [piece.end - piece.start for piece in work]


def test_decode_tokens_come_first_and_prefill_takes_the_rest() -> None:
    scheduler = Scheduler(ContextShape(300, 3, 0, 10))
    first, second, third = sequence_of(25), sequence_of(4), sequence_of(30)
    for sequence in (first, second):
        scheduler.add(sequence)
    step(scheduler, 10)
    step(scheduler, 10)
    step(scheduler, 10)  # 25 prompt tokens in three chunks, then the 4 of the second
    scheduler.add(third)
    scheduler.admit()
    work = scheduler.plan().work
    assert [piece.sequence for piece in work] == [first, second, third]
    assert sizes(work) == [1, 1, 8]
    assert [piece.samples for piece in work] == [True, True, False]


def test_a_younger_decoding_sequence_comes_before_an_older_prefill() -> None:
    scheduler = Scheduler(ContextShape(300, 2, 0, 8))
    short, long = sequence_of(2), sequence_of(100)
    scheduler.add(long)
    scheduler.add(short)
    scheduler.admit()
    compute(scheduler, [Work(short, 0, 2, True)])
    assert [piece.sequence for piece in scheduler.plan().work] == [short, long]


def test_a_long_prompt_never_starves_decoding_sequences() -> None:
    scheduler = Scheduler(ContextShape(2000, 2, 0, 16))
    talking = sequence_of(2, max_new_tokens=60)
    scheduler.add(talking)
    step(scheduler, 16)
    scheduler.add(sequence_of(500))
    for n in range(2, 30):
        step(scheduler, 16)
        assert talking.n_completion == n


def test_beside_running_answers_a_prompt_is_computed_at_a_pace() -> None:
    pace = PrefillPace()
    scheduler = Scheduler(ContextShape(2000, 2, 0, 512), pace=pace)
    pace.observe(400, 2.0)
    talking = sequence_of(2, max_new_tokens=60)
    scheduler.add(talking)
    step(scheduler, 512)
    scheduler.add(sequence_of(600))
    scheduler.admit()
    assert sizes(scheduler.plan().work) == [1, 50]
    scheduler.remove(talking)
    assert sizes(scheduler.plan().work) == [512]


def test_a_prompt_under_another_effect_does_not_hold_up_answers() -> None:
    pace = PrefillPace()
    scheduler = Scheduler(ContextShape(4000, 2, 0, 512), pace=pace)
    pace.observe(400, 2.0)
    talking, reading = sequence_of(2, max_new_tokens=60), sequence_of(1000)
    reading.effect = SomeEffect()
    scheduler.add(talking)
    step(scheduler, 512)
    scheduler.add(reading)
    for _ in range(8):
        before = talking.n_completion
        assert max(step_sizes(scheduler) + step_sizes(scheduler)) <= 50
        assert talking.n_completion > before


def test_the_logits_of_a_prompt_are_wanted_at_its_end_only() -> None:
    scheduler = Scheduler(ContextShape(100, 1, 0, 10))
    scheduler.add(sequence_of(20))
    scheduler.admit()
    seen = []
    for _ in range(3):
        work = scheduler.plan().work
        seen.append((work[0].start, work[0].end, work[0].samples))
        compute(scheduler, work)
    assert seen == [(0, 10, False), (10, 20, True), (20, 21, True)]


def test_nobody_overtakes_the_first_in_the_queue() -> None:
    scheduler = Scheduler(ContextShape(50, 3, 0, 16))
    running, big, small = sequence_of(20, 10), sequence_of(30, 10), sequence_of(1, 1)
    for sequence in (running, big, small):
        scheduler.add(sequence)
    assert scheduler.admit() == [running]
    scheduler.remove(running)
    assert scheduler.admit() == [big, small]


def test_a_waiting_sequence_leaves_without_a_slot() -> None:
    scheduler = Scheduler(ContextShape(100, 1, 0, 16))
    running, waiting = sequence_of(5), sequence_of(5)
    scheduler.add(running)
    scheduler.add(waiting)
    scheduler.admit()
    scheduler.remove(waiting)
    assert (scheduler.running, len(scheduler.waiting)) == ([running], 0)
    scheduler.remove(running)
    assert scheduler.is_idle_and_whole


def assert_all_is_conserved(
    scheduler: Scheduler, operations: list[tuple[str, int, int, int]], n_slots: int, n_batch: int
) -> None:
    """After each of `operations`; and in the end all come to theirs."""
    live: list[Sequence] = []
    for kind, a, b, traits in operations:
        if kind == "add":
            live.append(sequence_of(a, b, prefix=min(a, 15)))
            live[-1].priority = "batch" if traits & 1 else "interactive"
            live[-1].effect = SomeEffect() if traits & 2 else NO_EFFECT
            scheduler.add(live[-1])
        elif kind == "step":
            ended = step(scheduler, n_batch)
            live = [s for s in live if s not in ended]
        elif live:
            scheduler.remove(live.pop(a % len(live)))
        slots = [s.slot for s in scheduler.running]
        assert len(set(slots)) == len(slots) <= n_slots
        assert all(s.slot is None for s in scheduler.waiting)
        assert {*scheduler.running, *scheduler.waiting} == set(live)
        assert scheduler.is_whole
    for _ in range(200 * (len(live) + 1)):
        if not scheduler.has_work:
            break
        step(scheduler, n_batch)
    assert scheduler.is_idle_and_whole


@given(
    operations=OPERATIONS,
    n_slots=st.integers(1, 5),
    n_batch=st.integers(5, 40),
    n_kept=st.integers(0, 4),
    n_cells=st.integers(64, 320),
)
def test_slots_and_cells_are_conserved_and_all_come_to_their_end(
    operations: list[tuple[str, int, int, int]], n_slots: int, n_batch: int, n_kept: int, n_cells: int
) -> None:
    scheduler = Scheduler(ContextShape(n_cells, n_slots, n_kept, n_batch), EagerSpeculator(), PrefillPace())
    assert_all_is_conserved(scheduler, operations, n_slots, n_batch)


def run_alone(scheduler: Scheduler, sequence: Sequence) -> None:
    scheduler.add(sequence)
    while scheduler.has_work:
        step(scheduler, 64)


def test_a_kept_prefix_serves_the_next() -> None:
    scheduler = Scheduler(ContextShape(200, 1, 2, 64))
    first, second = sequence_of(40, prefix=30), sequence_of(50, prefix=30)
    run_alone(scheduler, first)
    scheduler.add(second)
    scheduler.admit()
    plan = scheduler.plan()
    assert [(share.n_tokens, share.slot == second.slot) for share in plan.shares] == [(30, True)]
    assert [(piece.start, piece.end) for piece in plan.work] == [(30, 50)]
    assert (first.n_cached, second.n_cached) == (0, 30)


def test_a_conversation_goes_on_where_it_was() -> None:
    scheduler = Scheduler(ContextShape(200, 1, 2, 64))
    first = sequence_of(20)
    run_alone(scheduler, first)
    after = Sequence([*first.tokens, 3, 4], Sampling(max_new_tokens=8), lambda _event: None, Detokenizer())
    scheduler.add(after)
    scheduler.admit()
    assert scheduler.plan().work[0].start == after.n_cached == len(first.tokens) - 1


def test_the_last_token_of_a_prompt_is_always_computed() -> None:
    scheduler = Scheduler(ContextShape(200, 1, 2, 64))
    run_alone(scheduler, sequence_of(30, prefix=30))
    scheduler.add(sequence_of(30, prefix=30))
    scheduler.admit()
    [work] = scheduler.plan().work
    assert (work.start, work.end, work.samples) == (29, 30, True)


def test_sequences_that_arrive_together_compute_their_prefix_once() -> None:
    scheduler = Scheduler(ContextShape(2000, 4, 0, 64))
    sequences = [sequence_of(150, prefix=100) for _ in range(4)]
    for sequence in sequences:
        scheduler.add(sequence)
    n_computed = 0
    scheduler.admit()
    while not all(s.n_completion for s in sequences):
        plan = scheduler.plan()
        n_computed += sum(sizes(plan.work))
        compute(scheduler, plan.work)
    assert n_computed < 100 + 4 * 50 + 60
    assert sum(s.n_cached for s in sequences) == 3 * 100


def test_another_effect_shares_nothing() -> None:
    scheduler = Scheduler(ContextShape(200, 1, 2, 64))
    run_alone(scheduler, sequence_of(40, prefix=30))
    other = sequence_of(40, prefix=30)
    other.effect = SomeEffect()
    run_alone(scheduler, other)
    assert other.n_cached == 0


def test_kept_prefixes_go_when_room_is_needed_the_oldest_first() -> None:
    scheduler = Scheduler(ContextShape(100, 1, 3, 100))
    old, new = sequence_of(30, 2), sequence_of(30, 2)
    for sequence in (old, new, sequence_of(36, 2)):
        run_alone(scheduler, sequence)
    again = Sequence(list(new.prompt), Sampling(max_new_tokens=1), lambda _event: None, Detokenizer())
    run_alone(scheduler, again)
    assert again.n_cached == 29
    forgotten = Sequence(list(old.prompt), Sampling(max_new_tokens=1), lambda _event: None, Detokenizer())
    run_alone(scheduler, forgotten)
    assert forgotten.n_cached == 0
    assert scheduler.is_idle_and_whole


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 24)), max_size=20), st.integers(1, 4))
def test_sequences_are_admitted_in_order_of_arrival(requests: list[tuple[int, int]], n_slots: int) -> None:
    scheduler = Scheduler(ContextShape(64 * n_slots, n_slots, 0, 16))
    sequences = [sequence_of(*request) for request in requests]
    for sequence in sequences:
        scheduler.add(sequence)
    admitted: list[Sequence] = []
    while scheduler.has_work:
        admitted += scheduler.admit()
        step(scheduler, 16)
    assert admitted == sequences


def test_who_finds_no_place_costs_no_kept_prefix() -> None:
    scheduler = Scheduler(ContextShape(n_cells=110, n_running=2, n_kept=4, n_batch=100))
    for prefix in (20, 0):
        kept = sequence_of(26, 1, prefix=prefix)
        scheduler.add(kept)
        assert step(scheduler, 100) == [kept]
    running, waiting = sequence_of(20, 60), sequence_of(30, 60, prefix=20)
    scheduler.add(running)
    step(scheduler, 100)
    scheduler.add(waiting)
    for _ in range(3):
        step(scheduler, 100)
    assert waiting.slot is None
    assert len(scheduler._cache._kept) == 2
    scheduler.remove(running)
    step(scheduler, 100)
    assert waiting.n_cached == 20
