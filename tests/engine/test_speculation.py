"""Guessed tokens: the same text with and without, fewer steps where answers copy, none where they do not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.engine.detokenizer import Detokenizer
from aion.engine.lookup import Acceptance, PromptLookup
from aion.engine.sequence import Sequence
from aion.engine.speculation import Speculator
from aion.engine.step_cost import StepCost
from aion.types import AdapterChoice, Sampling
from tests.engine.conftest import MakeEngine
from tests.engine.listening import GREEDY, Listener, ask, prompt_of
from tests.engine.lora import write_lora

LONG = replace(GREEDY, max_new_tokens=60)


def naive_proposal(tokens: list[int], n_most: int) -> list[int]:
    for size in (4, 3, 2):
        for at in range(len(tokens) - 1, size - 1, -1):
            if tokens[at - size : at] == tokens[-size:]:
                return (tokens[at:] * n_most)[:n_most]
    return []


@given(st.lists(st.integers(0, 3), max_size=60), st.integers(1, 8))
def test_a_proposal_follows_the_latest_longest_match(tokens: list[int], n_most: int) -> None:
    grown = PromptLookup()
    for n in range(len(tokens)):
        grown.propose(tokens[:n], 1)
    assert grown.propose(tokens, n_most) == naive_proposal(tokens, n_most)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_the_text_is_the_same_with_and_without(make_engine: MakeEngine, temperature: float) -> None:
    sampling = replace(LONG, temperature=temperature, seed=5, top_p=0.95)
    prompts = [prompt_of(n, n) * 2 for n in (6, 11, 30)]
    plain = make_engine(speculates=False)
    engine = make_engine()
    expected = [ask(plain, prompt, sampling).text for prompt in prompts]
    assert [ask(engine, prompt, sampling).text for prompt in prompts] == expected
    together = [ask(engine, prompt, sampling) for prompt in prompts]
    assert [listener.text for listener in together] == expected
    status = engine.status()
    assert status.n_drafted >= status.n_accepted
    assert engine.is_idle_and_whole


class EagerSpeculator(Speculator):
    """Guesses eight tokens whether it pays or not."""

    def _best_length(self, acceptance: Acceptance, n_batched: int) -> int:  # noqa: ARG002
        return 8


def test_right_guesses_save_steps_and_wrong_ones_leave_nothing(
    make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aion.engine.batcher.Speculator", EagerSpeculator)
    engine, plain = make_engine(), make_engine(speculates=False)
    sampling = replace(LONG, repetition_penalty=1.0, max_new_tokens=90)
    prompts = [prompt_of(20, seed) for seed in range(6)]
    assert [ask(engine, p, sampling).text for p in prompts] == [ask(plain, p, sampling).text for p in prompts]
    guessed, stepped = engine.status(), plain.status()
    assert guessed.n_accepted > 0
    assert guessed.n_steps == stepped.n_steps - guessed.n_accepted
    assert guessed.n_drafted > guessed.n_accepted
    assert engine.is_idle_and_whole


@pytest.mark.parametrize("stop", ["a", "e", "o"])
def test_a_stop_within_guesses_stops(
    make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch, stop: str
) -> None:
    plain = make_engine(speculates=False)
    monkeypatch.setattr("aion.engine.batcher.Speculator", EagerSpeculator)
    engine = make_engine()
    for seed in range(4):
        sampling = replace(LONG, stop=(stop,))
        expected, got = (ask(e, prompt_of(25, seed), sampling) for e in (plain, engine))
        assert got.text == expected.text
        assert got.wait().reason == expected.wait().reason
    follow = ask(engine, prompt_of(25, 0), LONG)
    assert follow.text == ask(plain, prompt_of(25, 0), LONG).text
    assert engine.is_idle_and_whole


def test_guesses_hold_under_an_adapter(
    make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plain = make_engine(speculates=False)
    monkeypatch.setattr("aion.engine.batcher.Speculator", EagerSpeculator)
    engine = make_engine()
    texts = []
    for e in (plain, engine):
        e.adapters.load("a", write_lora(tmp_path / f"{id(e)}.gguf", 1))
        listener = Listener()
        e.submit(prompt_of(30), LONG, listener, [AdapterChoice("a")])
        texts.append(listener.text)
    assert texts[0] == texts[1]


def test_cost_is_learnt_from_steps() -> None:
    cost = StepCost()
    for n in (1, 2, 4, 8, 1, 16, 3):
        cost.observe(n, 0.010 + 0.002 * n)
    assert cost.seconds(5) == pytest.approx(0.020, rel=0.01)
    assert cost.seconds(12) == pytest.approx(0.034, rel=0.01)


def sequence_with(rate: float) -> Sequence:
    sequence = Sequence([1, 2, 3, 4] * 10, Sampling(max_new_tokens=64), lambda _e: None, Detokenizer())
    sequence.acceptance.rate = rate
    return sequence


@pytest.mark.parametrize(
    ("per_token", "rate", "least", "most"),
    [(0.0001, 0.9, 8, 16), (0.0001, 0.5, 2, 4), (0.01, 0.3, 0, 0), (0.001, 0.02, 0, 0)],
)
def test_guesses_are_as_long_as_they_pay(per_token: float, rate: float, least: int, most: int) -> None:
    speculator = Speculator()
    for n in range(1, 17):
        speculator.cost.observe(n, 0.01 + per_token * n)
    assert least <= len(speculator.draft(sequence_with(rate), 1)) <= most


def test_after_giving_up_it_is_tried_again() -> None:
    speculator, sequence = Speculator(), sequence_with(0.01)
    for n in range(1, 17):
        speculator.cost.observe(n, 0.01 * n)
    lengths = [len(speculator.draft(sequence, 1)) for _ in range(40)]
    assert (sum(lengths[:31]), max(lengths)) == (0, 1)


@given(st.floats(0.0, 1.0), st.lists(st.tuples(st.integers(1, 16), st.integers(0, 16)), max_size=30))
def test_the_rate_stays_a_probability(first: float, outcomes: list[tuple[int, int]]) -> None:
    acceptance = Acceptance(first)
    for n_drafted, n_right in outcomes:
        acceptance.learn(n_drafted, min(n_drafted, n_right))
        assert 0.0 <= acceptance.rate <= 1.0
