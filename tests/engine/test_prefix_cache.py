"""Shared and kept prefixes on a real context: the same text, token for token, with less computed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from aion.engine.engine import Engine
from aion.types import AdapterChoice
from tests.engine.conftest import MakeEngine
from tests.engine.listening import GREEDY, Listener, ask, prompt_of
from tests.engine.lora import write_lora
from tests.engine.runners import Steps

SYSTEM = prompt_of(60, 9)


def prompts(n: int) -> list[list[int]]:
    """Prompts with a common beginning of 60 tokens."""
    return [[*SYSTEM, *prompt_of(10 + seed, seed)[1:]] for seed in range(n)]


def texts_of(engine: Engine, asked: list[list[int]]) -> list[str]:
    return [ask(engine, prompt).text for prompt in asked]


def test_cached_answers_equal_uncached_ones(make_engine: MakeEngine) -> None:
    uncached = texts_of(make_engine(n_kept=0), prompts(6))
    engine = make_engine(n_kept=4)
    assert texts_of(engine, prompts(6)) == uncached
    together = [ask(engine, prompt) for prompt in prompts(6)]
    assert [listener.text for listener in together] == uncached
    assert together[0].wait().usage.n_cached >= 60
    assert engine.is_idle_and_whole


def test_a_shared_prefix_is_computed_once(make_engine: MakeEngine) -> None:
    steps = Steps()
    engine = make_engine(runner_type=steps.runner_type(), n_kept=0, n_batch=128)
    listeners = [ask(engine, prompt) for prompt in prompts(4)]
    steps.run_free()
    for listener in listeners:
        listener.wait()
    prefill = [n for batch in steps.batches for _, n in batch if n > 1]
    assert sum(prefill) < 60 + sum(len(p) - 59 for p in prompts(4))


def test_a_conversation_computes_only_what_is_new(make_engine: MakeEngine) -> None:
    steps = Steps()
    engine = make_engine(runner_type=steps.runner_type(), n_kept=2)
    steps.run_free()
    first = prompt_of(40)
    ask(engine, first).wait()
    n_before = len(steps.batches)
    second = [*first, *prompt_of(9, 3)[1:]]
    usage = ask(engine, second).wait().usage
    assert usage.n_cached == 40
    assert steps.batches[n_before] == [(40, 8)]


def test_prefixes_of_another_adapter_or_scale_are_not_used(make_engine: MakeEngine, tmp_path: Path) -> None:
    choices = [(), (AdapterChoice("a"),), (AdapterChoice("a", 0.5),)]
    runs = []
    for n_kept in (0, 8):
        engine = make_engine(n_kept=n_kept)
        engine.adapters.load("a", write_lora(tmp_path / f"{n_kept}.gguf", 1))
        found = []
        for choice in (*choices, *choices):
            listener = Listener()
            engine.submit(prompt_of(50), GREEDY, listener, choice)
            found.append((listener.text, listener.wait().usage.n_cached))
        runs.append(found)
    assert [text for text, _ in runs[0]] == [text for text, _ in runs[1]]
    assert [n for _, n in runs[1]] == [0, 0, 0, 49, 49, 49]


def test_an_aborted_prompt_leaves_a_good_prefix(make_engine: MakeEngine) -> None:
    steps = Steps()
    engine = make_engine(runner_type=steps.runner_type(), n_kept=2, n_batch=32)
    expected = ask(make_engine(n_kept=0), prompt_of(100)).text
    listener = Listener()
    sequence_id = engine.submit(prompt_of(100), GREEDY, listener)
    steps.wait()
    engine.abort(sequence_id)
    steps.run_free()
    assert listener.wait().reason == "abort"
    again = ask(engine, prompt_of(100))
    assert again.text == expected
    assert again.wait().usage.n_cached == 32


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40), st.integers(1, 20)), min_size=2, max_size=12)
)
def test_any_company_any_history_the_same_text(
    make_shared: tuple[Engine, Engine], requests: list[tuple[int, int, int]]
) -> None:
    cached, plain = make_shared
    asked = [
        ([*prompt_of(40, family)[: 41 - cut or 1], *prompt_of(5, cut)], replace(GREEDY, max_new_tokens=n))
        for family, cut, n in requests
    ]
    together = [ask(cached, prompt, sampling) for prompt, sampling in asked]
    assert [listener.text for listener in together] == [ask(plain, p, s).text for p, s in asked]
    assert cached.is_idle_and_whole
