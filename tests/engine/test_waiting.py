"""Interactive work before batch work, and batch work not for ever behind it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aion.engine.context import ContextShape
from aion.engine.scheduler import Scheduler
from aion.engine.sequence import Sequence
from aion.engine.waiting import WaitingLine
from tests.engine.conftest import MakeEngine
from tests.engine.listening import Listener, ask, prompt_of
from tests.engine.runners import Steps
from tests.engine.test_deadlines import LONG
from tests.engine.test_scheduler import compute, sequence_of, step


def batch_of(n_prompt: int, max_new_tokens: int = 8) -> Sequence:
    sequence = sequence_of(n_prompt, max_new_tokens)
    sequence.priority = "batch"
    return sequence


def order_of(line: WaitingLine) -> list[Sequence]:
    order = []
    while (first := line.first) is not None:
        line.take(first)
        order.append(first)
    return order


def test_interactive_first_each_in_order_of_arrival() -> None:
    line = WaitingLine()
    sequences = [batch_of(1), sequence_of(1), batch_of(1), sequence_of(1)]
    for sequence in sequences:
        line.add(sequence)
    assert order_of(line) == [sequences[i] for i in (1, 3, 0, 2)]
    assert len(line) == 0


def test_batch_work_gets_every_ninth_place_and_keeps_it() -> None:
    line = WaitingLine()
    batch, interactive = [batch_of(1) for _ in range(2)], [sequence_of(1) for _ in range(20)]
    for sequence in (*batch, *interactive):
        line.add(sequence)
    order = order_of(line)
    assert [order.index(sequence) for sequence in batch] == [8, 17]
    assert not any(sequence.is_batch for sequence in batch)


def test_who_was_preempted_is_the_first_of_its_kind() -> None:
    line = WaitingLine()
    waiting, preempted, batch = sequence_of(1), sequence_of(1), batch_of(1)
    line.add(waiting)
    line.add_first(batch)
    line.add_first(preempted)
    assert list(line) == [preempted, waiting, batch]


@given(st.lists(st.sampled_from(["interactive", "batch", "take"]), max_size=80))
def test_nobody_is_lost_and_nobody_starves(moves: list[str]) -> None:
    line, added, taken, n_before = WaitingLine(), list[Sequence](), list[Sequence](), 0
    for move in moves:
        if move != "take":
            added.append(batch_of(1) if move == "batch" else sequence_of(1))
            line.add(added[-1])
        elif (first := line.first) is not None:
            batch_waits = any(sequence.is_batch for sequence in line)
            n_before = n_before + 1 if batch_waits and not first.is_batch else 0
            assert n_before <= 8
            line.take(first)
            taken.append(first)
    assert {*taken, *line} == set(added)
    assert len(taken) + len(line) == len(added)


def test_interactive_work_takes_the_slot_of_the_youngest_batch_work() -> None:
    scheduler = Scheduler(ContextShape(400, 2, 2, 64))
    old, young, asked = batch_of(30, 40), batch_of(30, 40), sequence_of(20)
    for sequence in (old, young):
        scheduler.add(sequence)
    for _ in range(3):
        step(scheduler, 64)
    scheduler.add(asked)
    assert scheduler.admit() == [asked]
    assert (scheduler.running, list(scheduler.waiting)) == ([old, asked], [young])
    while asked in scheduler.running:
        step(scheduler, 64)
    [share] = scheduler.plan().shares if scheduler.admit() == [young] else []
    assert share.n_tokens >= 30  # its cells were not needed, so they are there still
    assert young.n_cached == 0


def test_batch_work_takes_nobodys_slot() -> None:
    scheduler = Scheduler(ContextShape(400, 1, 0, 64))
    running, waiting = sequence_of(30), batch_of(30)
    scheduler.add(running)
    step(scheduler, 64)
    scheduler.add(waiting)
    assert scheduler.admit() == []
    assert scheduler.running == [running]


def test_interactive_prompts_are_computed_first() -> None:
    scheduler = Scheduler(ContextShape(400, 2, 0, 64))
    batch, asked = batch_of(60), sequence_of(60)
    scheduler.add(batch)
    scheduler.admit()
    compute(scheduler, [])
    scheduler.add(asked)
    scheduler.admit()
    assert [(piece.sequence, piece.n_tokens) for piece in scheduler.plan().work] == [(asked, 60), (batch, 4)]


def test_an_engine_lets_interactive_work_pass(make_engine: MakeEngine) -> None:
    expected = ask(make_engine(), prompt_of(5), LONG).text
    steps, batch = Steps(), Listener()
    engine = make_engine(n_parallel=1, runner_type=steps.runner_type())
    engine.submit(prompt_of(5), LONG, batch, priority="batch")
    steps.wait()
    interactive = ask(engine, prompt_of(6), LONG)
    steps.run_free()
    assert interactive.wait().reason == batch.wait().reason == "length"
    assert batch.text == expected
    assert engine.status().n_preempted == 1
    assert engine.is_idle_and_whole
