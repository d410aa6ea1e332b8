"""Too few KV cells for all: the youngest gives way and goes on later, and its text has no seam."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as SequenceOf
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aion.engine.config import EngineConfig
from aion.engine.engine import Engine
from aion.engine.model import Model
from aion.engine.plan import AS_IT_COMES, Layout, Work
from aion.errors import EngineFailed
from aion.types import AdapterChoice, Delta, Priority, Sampling
from tests.engine.conftest import MakeEngine
from tests.engine.listening import GREEDY, Listener, ask, prompt_of
from tests.engine.lora import write_lora
from tests.engine.runners import ExactRunner, Steps
from tests.engine.test_speculation import EagerSpeculator

LONG = replace(GREEDY, max_new_tokens=70)
SAMPLINGS = {
    "greedy": LONG,
    "seeded": replace(LONG, temperature=1.0, top_p=0.95, seed=5),
    "penalties": replace(LONG, repetition_penalty=1.3, frequency_penalty=0.8, presence_penalty=0.4),
    "logprobs": replace(LONG, logprobs=2),
    "stop": replace(LONG, stop=("qu", "ção")),
}
PROMPTS = [prompt_of(30 + 3 * i, i) for i in range(4)]


def crowded(make_engine: MakeEngine, **options: object) -> Engine:
    """Four sequences of up to 128 tokens share 160 cells."""
    return make_engine(n_cells=160, n_batch=48, **options)  # type: ignore[arg-type]


def logprobs_of(listener: Listener) -> list[float]:
    deltas = (event for event in listener.events if isinstance(event, Delta))
    return [told.logprob for delta in deltas for told in delta.logprobs]


@pytest.mark.parametrize("n_kept", [0, 2])
@pytest.mark.parametrize("sampling", SAMPLINGS.values(), ids=SAMPLINGS)
def test_the_text_has_no_seam(make_engine: MakeEngine, sampling: Sampling, n_kept: int) -> None:
    roomy = make_engine(n_kept=0)
    expected = [ask(roomy, prompt, sampling) for prompt in PROMPTS]
    engine = crowded(make_engine, n_kept=n_kept)
    listeners = [ask(engine, prompt, sampling) for prompt in PROMPTS]
    assert [listener.text for listener in listeners] == [listener.text for listener in expected]
    assert [each.wait().usage.n_completion for each in listeners] == [
        each.wait().usage.n_completion for each in expected
    ]
    assert [n.wait().usage.n_cached for n in listeners] == [0] * 4
    for listener, wanted in zip(listeners, expected, strict=True):
        assert logprobs_of(listener) == pytest.approx(logprobs_of(wanted), abs=1e-3)
    assert engine.status().n_preempted > 0
    assert engine.is_idle_and_whole


def test_a_grammar_goes_on_where_it_was(make_engine: MakeEngine, tiny_path: Path) -> None:
    sampling = replace(LONG, grammar='root ::= ("ab" | "ba" | "c\\n"){70}')
    with closing(Model(tiny_path)) as model:
        roomy, engine = make_engine(model), crowded(make_engine, model=model)
        expected = [ask(roomy, prompt, sampling).text for prompt in PROMPTS]
        listeners = [ask(engine, prompt, sampling) for prompt in PROMPTS]
        assert [listener.text for listener in listeners] == expected
        assert engine.status().n_preempted > 0
        roomy.close()
        engine.close()


def test_guesses_take_no_cells_that_are_needed(
    make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [ask(make_engine(speculates=False), prompt, LONG).text for prompt in PROMPTS]
    monkeypatch.setattr("aion.engine.batcher.Speculator", EagerSpeculator)
    engine = crowded(make_engine)
    listeners = [ask(engine, prompt, LONG) for prompt in PROMPTS]
    assert [listener.text for listener in listeners] == expected
    assert engine.status().n_accepted > 0
    assert engine.is_idle_and_whole


def test_under_adapters_too(make_engine: MakeEngine, tmp_path: Path) -> None:
    choices: list[list[AdapterChoice]] = [[], [AdapterChoice("a")], [], [AdapterChoice("a")]]
    texts = []
    for n_cells in (None, 160):
        engine = make_engine(n_cells=n_cells, n_batch=48)
        engine.adapters.load("a", write_lora(tmp_path / f"{n_cells}.gguf", 1))
        listeners = [Listener() for _ in choices]
        for prompt, choice, listener in zip(PROMPTS, choices, listeners, strict=True):
            engine.submit(prompt, LONG, listener, choice)
        texts.append([listener.text for listener in listeners])
        assert (engine.status().n_preempted > 0) == (n_cells is not None)
    assert texts[0] == texts[1]


def test_the_cells_of_one_sequence_are_always_there(make_engine: MakeEngine) -> None:
    engine = make_engine(n_cells=1)
    assert ask(engine, prompt_of(60), replace(GREEDY, max_new_tokens=68)).wait().usage.n_completion == 68
    assert engine.status().n_preempted == 0


def test_more_run_at_once_than_longest_answers_would_let(make_engine: MakeEngine) -> None:
    steps = Steps()
    engine = make_engine(n_cells=256, runner_type=steps.runner_type())
    sampling = replace(GREEDY, max_new_tokens=100)
    first = ask(engine, prompt_of(8), sampling)
    steps.wait()
    others = [ask(engine, prompt_of(8, i), sampling) for i in range(1, 4)]
    steps.run_free()
    assert {listener.wait().reason for listener in (first, *others)} == {"length"}
    assert max(len(batch) for batch in steps.batches) == 4  # by their longest answers, two


def test_a_failed_step_costs_the_running_ones_and_not_who_was_preempted(make_engine: MakeEngine) -> None:
    expected = [ask(make_engine(), prompt, LONG).text for prompt in PROMPTS]
    failures = ["llama.cpp gave up."]

    class FailsAfterPreemption(ExactRunner):
        def decode(self, work: SequenceOf[Work], layout: Layout = AS_IT_COMES) -> list[int]:
            if engine.status().n_preempted and failures:
                raise EngineFailed(failures.pop())
            return super().decode(work, layout)

    engine = crowded(make_engine, runner_type=FailsAfterPreemption)
    listeners = [ask(engine, prompt, LONG) for prompt in PROMPTS]
    reasons = [listener.wait().reason for listener in listeners]
    assert set(reasons) == {"error", "length"}
    for listener, reason, text in zip(listeners, reasons, expected, strict=True):
        assert reason == "error" or listener.text == text
    assert [listener.n_finished for listener in listeners] == [1] * 4
    assert engine.is_idle_and_whole


@pytest.fixture(scope="module")
def small(tiny_model: Model) -> Iterator[Engine]:
    """Three slots and 80 cells for sequences of up to 64 tokens."""
    config = EngineConfig(64, 3, 1, n_batch=24, n_cells=80, n_kept=2)
    with closing(Engine(tiny_model, config, runner_type=ExactRunner)) as engine:
        yield engine


REQUESTS = st.lists(
    st.tuples(st.integers(1, 50), st.integers(1, 40), st.booleans(), st.sampled_from(["stays", "goes"])),
    min_size=1,
    max_size=8,
)


@settings(max_examples=20, deadline=None)
@given(requests=REQUESTS)
def test_every_sequence_ends_once_and_nothing_is_lost(
    small: Engine, requests: list[tuple[int, int, bool, str]]
) -> None:
    listeners = []
    for n_prompt, n_new, is_batch, fate in requests:
        listener = Listener()
        sampling = replace(GREEDY, max_new_tokens=n_new)
        priority: Priority = "batch" if is_batch else "interactive"
        sequence_id = small.submit(prompt_of(n_prompt), sampling, listener, priority=priority)
        if fate == "goes":
            small.abort(sequence_id)
        listeners.append(listener)
    for listener, (n_prompt, n_new, _, fate) in zip(listeners, requests, strict=True):
        finished = listener.wait()
        if fate == "stays":
            assert (finished.reason, finished.usage.n_completion) == ("length", min(n_new, 64 - n_prompt))
    assert [listener.n_finished for listener in listeners] == [1] * len(requests)
    assert small.is_idle_and_whole
