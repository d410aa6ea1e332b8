"""Sequences with KV cells of their own, on a real context: the same text as with cells they share."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as SequenceOf
from contextlib import closing
from dataclasses import replace
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aion.engine.config import EngineConfig
from aion.engine.context import ContextOptions, ContextShape, flash_attention_of
from aion.engine.engine import Engine
from aion.engine.kv_streams import KvStreams
from aion.engine.library import lib
from aion.engine.model import Model
from aion.engine.plan import AS_IT_COMES, Layout, Work
from aion.engine.sequence import Sequence
from aion.engine.speculation import Speculator
from aion.engine.step_cost import StepCost
from aion.errors import EngineFailed
from tests.engine.conftest import MakeEngine
from tests.engine.listening import GREEDY, Listener, ask, prompt_of
from tests.engine.runners import ExactRunner, Steps, failing_once
from tests.engine.test_speculation import EagerSpeculator

SYSTEM = prompt_of(60, 9)
PROMPTS = [prompt_of(n, seed) for seed, n in enumerate([1, 5, 40, 3, 77, 20, 9, 60])]


class WitnessRunner(ExactRunner):
    """Before it computes, what is told of a slot must be what llama.cpp holds there."""

    n_fillers = 0
    orders: ClassVar[list[tuple[int, ...]]] = []

    def decode(self, work: SequenceOf[Work], layout: Layout = AS_IT_COMES) -> list[int]:
        memory = lib.llama_get_memory(self.context)
        told = {piece.sequence.slot: piece.start for piece in work}
        told |= {filler.slot: filler.n_past for filler in layout.fillers}
        held = {slot: lib.llama_memory_seq_pos_max(memory, slot) + 1 for slot in told}
        assert held == told
        WitnessRunner.n_fillers += len(layout.fillers)
        WitnessRunner.orders.append(layout.order)
        return super().decode(work, layout)


@pytest.fixture
def apart(make_engine: MakeEngine) -> Engine:
    return make_engine(apart=True, n_batch=32, runner_type=WitnessRunner)


def test_together_as_alone_as_with_shared_cells(make_engine: MakeEngine, apart: Engine) -> None:
    shared = make_engine(n_batch=32)
    expected = [ask(shared, prompt).text for prompt in PROMPTS]
    assert [ask(apart, prompt).text for prompt in PROMPTS] == expected
    together = [ask(apart, prompt) for prompt in PROMPTS]
    assert [listener.text for listener in together] == expected
    assert apart.is_idle_and_whole


def test_a_copied_prefix_is_as_good_as_a_computed_one(make_engine: MakeEngine, apart: Engine) -> None:
    prompts = [[*SYSTEM, *prompt_of(10 + seed, seed)[1:]] for seed in range(4)]
    plain = make_engine(n_kept=0)
    expected = [ask(plain, prompt).text for prompt in prompts]
    listeners = [ask(apart, prompt) for prompt in prompts]
    assert [listener.text for listener in listeners] == expected
    assert [listener.wait().usage.n_cached for listener in listeners] == [0, 60, 60, 60]


def test_a_conversation_goes_on_in_its_slot(make_engine: MakeEngine) -> None:
    steps = Steps()
    engine = make_engine(apart=True, runner_type=steps.runner_type())
    steps.run_free()
    first = prompt_of(40)
    ask(engine, first).wait()
    n_before = len(steps.batches)
    usage = ask(engine, [*first, *prompt_of(9, 3)[1:]]).wait().usage
    assert (usage.n_cached, steps.batches[n_before]) == (40, [(40, 8)])


def test_every_idle_slot_keeps_what_it_computed(make_engine: MakeEngine) -> None:
    engine = make_engine(apart=True, n_parallel=3, n_kept=1)
    prompts = [prompt_of(40, seed) for seed in range(3)]
    for prompt in prompts:
        ask(engine, prompt).wait()
    again = [ask(engine, [*prompt, 5]).wait().usage.n_cached for prompt in prompts]
    assert again == [40, 40, 40]


def test_guesses_of_unequal_lengths_change_no_text(
    make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampling = replace(GREEDY, max_new_tokens=40)
    expected = [ask(make_engine(speculates=False), prompt, sampling).text for prompt in PROMPTS]
    monkeypatch.setattr("aion.engine.batcher.Speculator", EagerSpeculator)
    engine = make_engine(apart=True, runner_type=WitnessRunner)
    listeners = [ask(engine, prompt, sampling) for prompt in PROMPTS]
    assert [listener.text for listener in listeners] == expected
    assert engine.status().n_accepted > 0


class CheapTokens(Speculator):
    """Has learnt that a token more costs little, and guesses none."""

    def __init__(self) -> None:
        super().__init__()
        self.cost = _Flat()

    def draft(self, sequence: Sequence, n_batched: int) -> list[int]:  # noqa: ARG002
        return []


class _Flat(StepCost):
    def line(self) -> tuple[float, float]:
        return 1.0, 0.1


def test_a_gap_between_running_slots_is_filled_and_leaves_no_trace(
    make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aion.engine.batcher.Speculator", CheapTokens)
    engine = make_engine(apart=True, runner_type=WitnessRunner)
    WitnessRunner.n_fillers = 0
    lengths = [40, 4, 40]
    expected = [
        ask(make_engine(), prompt_of(20, k), replace(GREEDY, max_new_tokens=n)).text
        for k, n in enumerate(lengths)
    ]
    listeners = [
        ask(engine, prompt_of(20, k), replace(GREEDY, max_new_tokens=n)) for k, n in enumerate(lengths)
    ]
    assert [listener.text for listener in listeners] == expected
    assert WitnessRunner.n_fillers > 0
    again = ask(engine, [*prompt_of(20, 1), 5], replace(GREEDY, max_new_tokens=4))
    assert again.wait().usage.n_cached == 20


def test_a_long_sequence_is_computed_apart_from_short_ones(make_engine: MakeEngine) -> None:
    engine = make_engine(apart=True, n_ctx=512, n_parallel=6, runner_type=WitnessRunner)
    WitnessRunner.orders.clear()
    prompts = [prompt_of(n, n) for n in (480, 20, 21, 22, 23, 24)]
    expected = [ask(make_engine(n_ctx=512), prompt).text for prompt in prompts]
    assert [listener.text for listener in [ask(engine, prompt) for prompt in prompts]] == expected
    assert any(list(order) != sorted(order) for order in WitnessRunner.orders)


def test_after_a_failed_step_nothing_old_is_used(make_engine: MakeEngine) -> None:
    expected = ask(make_engine(), prompt_of(40)).text
    engine = make_engine(apart=True, runner_type=failing_once(EngineFailed("llama.cpp gave up.")))
    assert ask(engine, prompt_of(40)).wait().reason == "error"
    after = ask(engine, prompt_of(40))
    assert (after.text, after.wait().usage.n_cached) == (expected, 0)
    assert engine.is_idle_and_whole


def test_what_is_lost_is_found_when_nothing_runs(make_engine: MakeEngine) -> None:
    steps = Steps()
    engine = make_engine(apart=True, runner_type=steps.runner_type())
    first = ask(engine, prompt_of(40))
    steps.wait()
    cache = engine._batcher._scheduler._cache
    assert isinstance(cache, KvStreams)
    cache._empty.pop()
    steps.run_free()
    first.wait()
    after = ask(engine, prompt_of(40))
    assert (after.text, after.wait().usage.n_cached) == (first.text, 0)
    assert engine.is_idle_and_whole


def test_a_sequence_has_its_whole_context(make_engine: MakeEngine) -> None:
    engine = make_engine(apart=True, n_parallel=2)
    listeners = [ask(engine, prompt_of(60, k), replace(GREEDY, max_new_tokens=68)) for k in range(3)]
    assert [listener.wait().usage.n_completion for listener in listeners] == [68] * 3
    assert engine.status().n_preempted == 0


@pytest.mark.parametrize(
    ("kv_type", "apart", "asked", "expected"),
    [
        ("f16", True, "auto", "off"),
        ("q8_0", True, "auto", "auto"),
        ("f16", False, "auto", "auto"),
        ("f16", True, "on", "on"),
    ],
)
def test_what_auto_means_for_flash_attention(kv_type: str, apart: bool, asked: str, expected: str) -> None:
    shape = ContextShape(512, 2, apart=apart)
    options = ContextOptions(kv_type, asked)  # type: ignore[arg-type]
    assert flash_attention_of(shape, options) == expected


@pytest.fixture(scope="module")
def small(tiny_model: Model) -> Iterator[tuple[Engine, Engine]]:
    """Three slots apart, and an engine that keeps nothing."""
    config = EngineConfig(64, 3, 1, n_batch=24, apart=True)
    plain = EngineConfig(64, 1, 1, n_kept=0)
    with (
        closing(Engine(tiny_model, config, runner_type=WitnessRunner)) as engine,
        closing(Engine(tiny_model, plain, runner_type=ExactRunner)) as alone,
    ):
        yield engine, alone


REQUESTS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 50), st.integers(1, 30), st.booleans(), st.booleans()),
    min_size=1,
    max_size=8,
)


@settings(max_examples=20, deadline=None)
@given(requests=REQUESTS)
def test_any_company_any_history_the_same_text(
    small: tuple[Engine, Engine], requests: list[tuple[int, int, int, bool, bool]]
) -> None:
    engine, alone = small
    asked = []
    for family, n_prompt, n_new, is_batch, goes in requests:
        prompt, sampling = prompt_of(n_prompt, family), replace(GREEDY, max_new_tokens=n_new)
        listener = Listener()
        number = engine.submit(prompt, sampling, listener, priority="batch" if is_batch else "interactive")
        if goes:
            engine.abort(number)
        asked.append((listener, prompt, sampling, goes))
    for listener, prompt, sampling, goes in asked:
        assert goes or listener.text == ask(alone, prompt, sampling).text
        assert listener.wait().reason in ("length", "abort")
    assert [listener.n_finished for listener, *_ in asked] == [1] * len(asked)
    assert engine.is_idle_and_whole
