"""How large a step is that computes prompts: as the time it takes is divided among those who wait."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.engine.context import ContextShape
from aion.engine.pace import PrefillPace
from aion.engine.scheduler import Scheduler
from aion.engine.sequence import Sequence
from tests.engine.test_scheduler import compute, sequence_of


def pace_of(fixed_s: float, per_token_s: float) -> PrefillPace:
    pace = PrefillPace()
    for n in (64, 128, 256, 512):
        pace.observe(n, fixed_s + per_token_s * n)
    return pace


CPU, GPU = pace_of(0.005, 0.00135), pace_of(0.012, 0.00008)


def first_tokens(pace: PrefillPace | None, lengths: list[int]) -> tuple[list[int], list[list[int]]]:
    """How many tokens were computed when each sequence had its first one, all beginning at once; and the
    prompt tokens of each step."""
    scheduler = Scheduler(ContextShape(64_000, len(lengths), 0, 512), pace=pace)
    sequences = [sequence_of(n, 64) for n in lengths]
    for sequence in sequences:
        scheduler.add(sequence)
    scheduler.admit()
    n_computed, waits, steps = 0, dict[Sequence, int](), list[list[int]]()
    while len(waits) < len(sequences):
        work = scheduler.plan().work
        n_computed += sum(piece.n_tokens for piece in work)
        steps.append([piece.n_tokens for piece in work if not piece.sequence.n_completion])
        for piece in work:
            if piece.samples:
                waits.setdefault(piece.sequence, n_computed)
        compute(scheduler, work)
    return [waits[sequence] for sequence in sequences], steps


def test_on_a_cpu_a_prompt_that_is_done_does_not_wait_for_others() -> None:
    waits, steps = first_tokens(CPU, [160] * 8)
    assert steps[0] == [160]
    assert max(map(sum, steps)) <= 184
    together, _ = first_tokens(None, [160] * 8)
    assert sum(waits) < 0.85 * sum(together)
    assert max(waits) <= max(together) + 28


def test_on_a_gpu_a_step_is_full() -> None:
    waits, steps = first_tokens(GPU, [180] * 16)
    assert [sum(step) >= 500 for step in steps][:4] == [True] * 4
    assert len(steps) <= 7
    assert sorted(waits) == waits


def test_short_prompts_come_first() -> None:
    waits, _ = first_tokens(CPU, [1500, 40, 900, 100])
    assert sorted(waits) == [waits[1], waits[3], waits[2], waits[0]]


def test_short_ones_go_out_together() -> None:
    _, steps = first_tokens(CPU, [20] * 8)
    assert steps[0] == [20] * 4


@given(st.lists(st.integers(1, 300), max_size=8), st.integers(100, 600))
def test_later_prompts_overtake_by_no_more_than_its_own_length(earlier: list[int], length: int) -> None:
    """With every step a short one comes, and goes before the long one while that is so."""
    scheduler = Scheduler(ContextShape(64_000, 40, 0, 64), pace=CPU)
    waiting = sequence_of(length, 1)
    for sequence in (*(sequence_of(n, 1) for n in earlier), waiting):
        scheduler.add(sequence)
    later, n_overtaken = set[Sequence](), 0
    while not waiting.n_completion:
        scheduler.admit()
        work = scheduler.plan().work
        if not any(piece.sequence is waiting for piece in work):
            n_overtaken += sum(piece.n_tokens for piece in work if piece.sequence in later)
        compute(scheduler, work)
        for sequence in [s for s in scheduler.running if s.n_completion and s is not waiting]:
            scheduler.remove(sequence)
        later.add(sequence_of(60, 1))
        scheduler.add(max(later, key=lambda s: s.id))
    assert n_overtaken <= length + 64


@pytest.mark.parametrize(
    ("pace", "n_answers", "n_prompts", "n_tokens"),
    [
        (PrefillPace(), 1, 1, 32),
        (CPU, 1, 1, 184), (CPU, 7, 1, 184), (CPU, 1, 7, 184),
        (pace_of(0.06, 0.012), 4, 1, 32), (pace_of(0.06, 0.012), 1, 7, 100), (pace_of(0.06, 0.012), 2, 4, 64),
    ],
)  # fmt: skip
def test_more_are_computed_beside_answers_where_more_wait_for_their_first_token(
    pace: PrefillPace, n_answers: int, n_prompts: int, n_tokens: int
) -> None:
    assert pace.n_beside(n_answers, n_prompts) == pytest.approx(n_tokens, abs=6)


def test_small_steps_teach_nothing() -> None:
    pace = PrefillPace()
    pace.observe(31, 1.0)
    pace.observe(100, 0.0)
    assert pace.n_beside(1, 1) == 32
