"""An abort reaches into a computation: the batch is given up, and nobody else notices."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as SequenceOf
from dataclasses import replace

from aion.engine.interrupt import Interrupt
from aion.engine.plan import AS_IT_COMES, Layout, Work
from aion.engine.runner import Interrupted
from tests.engine.conftest import MakeEngine
from tests.engine.listening import GREEDY, Listener, ask, prompt_of
from tests.engine.runners import ExactRunner

LONG = replace(GREEDY, max_new_tokens=40)


class Outcomes:
    """Aborts sequence `victim` while llama.cpp is about to compute a long piece of it."""

    def __init__(self) -> None:
        self.victim = 0
        self.abort: Callable[[int], None] = lambda _sequence_id: None
        self.interrupted: list[int] = []

    def runner_type(self) -> type[ExactRunner]:
        outcomes = self

        class AbortingRunner(ExactRunner):
            def decode(self, work: SequenceOf[Work], layout: Layout = AS_IT_COMES) -> list[int]:
                for piece in work:
                    if piece.sequence.id == outcomes.victim and piece.end - piece.start > 16:
                        outcomes.abort(outcomes.victim)
                try:
                    return super().decode(work, layout)
                except Interrupted:
                    outcomes.interrupted.append(sum(piece.n_tokens for piece in work))
                    raise

        return AbortingRunner


def test_an_abort_stops_the_computation_of_a_prompt(make_engine: MakeEngine) -> None:
    outcomes = Outcomes()
    expected = ask(make_engine(), prompt_of(30), LONG).text
    engine = make_engine(runner_type=outcomes.runner_type())
    outcomes.abort = engine.abort
    beside, victim = Listener(), Listener()
    engine.submit(prompt_of(30), LONG, beside)
    beside.wait_for_text()
    outcomes.victim = engine.submit(prompt_of(80, 5), LONG, victim)
    assert (victim.wait().reason, victim.text) == ("abort", "")
    assert beside.text == expected
    assert len(outcomes.interrupted) == 1
    assert outcomes.interrupted[0] > 16
    assert ask(engine, prompt_of(80, 5), LONG).wait().usage.n_cached == 0
    assert engine.is_idle_and_whole


def test_a_flag_of_before_stops_nothing(make_engine: MakeEngine) -> None:
    engine = make_engine()
    engine._batcher._runner.interrupt.set()
    assert ask(engine, prompt_of(40), LONG).wait().reason == "length"


def test_a_flag_is_set_and_cleared() -> None:
    flag = Interrupt()
    assert not flag.is_set
    flag.set()
    assert flag.is_set
    flag.clear()
    assert not flag.is_set
