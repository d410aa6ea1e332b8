"""Memory for rows of logits: as many as a step can want, and no batch wants more."""

from __future__ import annotations

from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.engine.context import ContextShape, shape_of
from aion.engine.gate import ComputeGate
from aion.engine.library import listening
from aion.engine.model import Model
from aion.engine.plan import Work
from aion.engine.runner import Runner
from aion.engine.scheduler import Scheduler
from tests.engine.conftest import MakeEngine
from tests.engine.listening import ask, prompt_of
from tests.engine.test_preemption import LONG
from tests.engine.test_scheduler import compute, sequence_of
from tests.engine.test_speculation import EagerSpeculator


@pytest.mark.parametrize(
    ("n_parallel", "n_kept", "n_outputs"), [(1, 0, 17), (1, 20, 21), (4, 8, 68), (8, 8, 136), (64, 8, 192)]
)
def test_rows_are_those_of_sequences_and_guesses(n_parallel: int, n_kept: int, n_outputs: int) -> None:
    assert shape_of(1024, n_parallel, n_kept=n_kept).n_outputs == n_outputs


def test_a_batch_is_never_all_guesses() -> None:
    assert ContextShape(1000, 4, 0, 6).n_guesses == 2
    assert ContextShape(1000, 8, 0, 4).n_guesses == 0


@given(n_slots=st.integers(1, 40), n_batch=st.integers(1, 600), n_cells=st.integers(100, 4000))
def test_no_plan_wants_more_rows_than_there_are(n_slots: int, n_batch: int, n_cells: int) -> None:
    shape = ContextShape(n_cells, n_slots, 0, n_batch)
    scheduler = Scheduler(shape, EagerSpeculator())
    for _ in range(n_slots):
        sequence = sequence_of(4, 40)
        sequence.tokens[:] = sequence.prompt[:] = [3, 4, 3, 4]
        scheduler.add(sequence)
    for _ in range(12):
        scheduler.admit()
        work = scheduler.plan().work
        assert sum(piece.n_logits for piece in work) <= shape.n_outputs
        assert sum(piece.n_tokens for piece in work) <= n_batch
        compute(scheduler, work)


def test_llama_cpp_is_told(make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aion.engine.batcher.Speculator", EagerSpeculator)
    lines: list[str] = []
    with listening(lines.append):
        engine = make_engine(n_parallel=3)
    assert any(line.split()[1:] == ["n_outputs_max", "=", "51"] for line in lines)
    listeners = [ask(engine, prompt_of(20, i), LONG) for i in range(3)]
    assert [listener.wait().reason for listener in listeners] == ["length"] * 3


def test_a_batch_that_wants_more_is_stopped_before_llama_cpp_ends_the_process(tiny_model: Model) -> None:
    shape = ContextShape(256, 2, 0, 64)
    work = []
    for slot in range(2):
        sequence = sequence_of(4)
        sequence.slot = slot
        work.append(Work(sequence, 0, 4, samples=True, draft=(5,) * 20))
    with closing(Runner(tiny_model, shape, 1, ComputeGate())) as runner, pytest.raises(AssertionError):
        runner.decode(work)
