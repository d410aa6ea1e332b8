"""What the samplers do to real logits, against the definition in numpy; seeds, ends and damaged weights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aion.engine.model import Model
from aion.engine.sampler import Sampler
from aion.errors import InvalidRequest
from aion.types import Delta, Sampling
from tests.engine.conftest import MakeEngine
from tests.engine.listening import ask, prompt_of
from tests.engine.logits import Scored, expected, scored

PLAIN = Sampling(temperature=1.0, top_p=1.0, seed=1, max_new_tokens=40)
GENERATED = [5, 6, 5, 7, 5, 200]


@pytest.fixture(scope="module")
def row(tiny_model: Model) -> Iterator[Scored]:
    with scored(tiny_model, prompt_of(20)) as made:
        yield made


@pytest.mark.parametrize(
    "change",
    [
        {}, {"temperature": 0.3}, {"temperature": 1.8}, {"top_k": 1}, {"top_k": 7}, {"top_k": 10_000},
        {"top_p": 0.5}, {"top_p": 0.95}, {"top_p": 1e-9}, {"min_p": 0.2}, {"min_p": 1.0},
        {"top_k": 40, "top_p": 0.9, "min_p": 0.05, "temperature": 0.7},
        {"repetition_penalty": 1.3}, {"repetition_penalty": 0.8},
        {"frequency_penalty": 1.5}, {"frequency_penalty": -1.0}, {"presence_penalty": 2.0},
        {"repetition_penalty": 1.1, "frequency_penalty": 0.5, "presence_penalty": 0.5, "top_p": 0.9},
        {"logit_bias": ((9, 100.0), (10, -100.0), (11, 1.5))},
        {"logit_bias": ((9, 5.0),), "frequency_penalty": 0.3, "temperature": 0.5},
    ],
)  # fmt: skip
def test_a_distribution_is_what_its_definition_says(row: Scored, change: dict[str, object]) -> None:
    sampling = replace(PLAIN, **change)  # type: ignore[arg-type]
    made = row.distribution(sampling, GENERATED)
    wanted = expected(row.logits, sampling, row.prompt, GENERATED)
    assert np.count_nonzero(made > 1e-9) == np.count_nonzero(wanted > 1e-9)
    np.testing.assert_allclose(made, wanted, atol=1e-5)


def test_repetition_sees_the_prompt_and_the_other_penalties_do_not(row: Scored) -> None:
    plain = row.distribution(PLAIN)
    repeated = row.distribution(replace(PLAIN, repetition_penalty=1.5))
    others = row.distribution(replace(PLAIN, frequency_penalty=2.0, presence_penalty=2.0))
    assert not np.allclose(repeated, plain, atol=1e-4)
    np.testing.assert_allclose(others, plain)


def test_frequency_counts_what_was_generated_long_ago(row: Scored) -> None:
    long_ago = [9, *range(100, 300)]
    sampling = replace(PLAIN, frequency_penalty=2.0, max_new_tokens=400)
    made = row.distribution(sampling, long_ago)
    np.testing.assert_allclose(made, expected(row.logits, sampling, [], long_ago), atol=1e-5)


def test_draws_follow_the_distribution(row: Scored) -> None:
    sampling = replace(PLAIN, top_k=6, temperature=1.3)
    with closing(Sampler(sampling, row.model)) as sampler:
        drawn = [sampler.sample(row.context, row.row) for _ in range(6000)]
    shares = np.bincount(drawn, minlength=row.model.n_vocab) / len(drawn)
    assert 0.5 * np.abs(shares - expected(row.logits, sampling)).sum() < 0.03


def test_a_grammar_leaves_the_distribution_of_what_it_allows(row: Scored) -> None:
    allowed = [row.model.tokenize(f"a{c}")[-1] for c in "bcdefg"]
    texts = [row.model.piece(token).decode() for token in allowed]
    grammar = "root ::= " + " | ".join(f'"{text}zz"' for text in texts)
    sampling = replace(PLAIN, grammar=grammar, temperature=1.5)
    counts = np.zeros(row.model.n_vocab)
    for seed in range(1500):
        with closing(Sampler(replace(sampling, seed=seed), row.model)) as sampler:
            counts[sampler.sample(row.context, row.row)] += 1
    beginnings = [t for t in range(row.model.n_vocab) if _begins_one(row.model.piece(t), texts)]
    masked = np.full(row.model.n_vocab, -np.inf)
    masked[beginnings] = row.logits[beginnings]
    wanted = expected(masked, replace(PLAIN, temperature=1.5))
    assert set(np.flatnonzero(counts)) <= set(beginnings)
    assert 0.5 * np.abs(counts / counts.sum() - wanted).sum() < 0.05


def _begins_one(piece: bytes, texts: list[str]) -> bool:
    """Whether the grammar above may begin so, a dropped space before it or not."""
    forms = [form for text in texts for form in (f"{text}zz".encode(), f" {text}zz".encode())]
    return bool(piece) and any(form.startswith(piece) for form in forms)


@pytest.mark.parametrize("seed", [0, 7, -1, 2**32 - 1, 2**80])
def test_a_seed_brings_the_same_text_alone_or_not(make_engine: MakeEngine, seed: int) -> None:
    engine = make_engine()
    sampling = replace(PLAIN, seed=seed, frequency_penalty=0.5, min_p=0.01)
    alone = ask(engine, prompt_of(12), sampling).text
    others = [ask(engine, prompt_of(9 + i, i), replace(PLAIN, seed=i)) for i in range(3)]
    assert ask(engine, prompt_of(12), sampling).text == alone
    assert all(other.wait().reason == "length" for other in others)
    assert ask(engine, prompt_of(12), replace(sampling, seed=seed + 1)).text != alone


def test_choices_of_one_prompt_share_it_and_are_as_if_alone(make_engine: MakeEngine) -> None:
    samplings = [replace(PLAIN, seed=seed) for seed in range(4)]
    plain, engine = make_engine(n_kept=0), make_engine()
    alone = [ask(plain, prompt_of(60), sampling).text for sampling in samplings]
    listeners = [ask(engine, prompt_of(60), sampling) for sampling in samplings]
    assert [listener.text for listener in listeners] == alone
    assert len(set(alone)) == 4
    assert sorted(listener.wait().usage.n_cached for listener in listeners) == [0, 59, 59, 59]


def test_a_bias_forces_and_forbids(make_engine: MakeEngine, tiny_model: Model) -> None:
    engine = make_engine()
    forced = ask(engine, prompt_of(8), replace(PLAIN, logit_bias=((300, 100.0),), max_new_tokens=5)).text
    assert forced == tiny_model.detokenize([300] * 5).removeprefix(" ")
    greedy = replace(PLAIN, temperature=0.0, logprobs=0, max_new_tokens=1)
    first = drawn_tokens(make_engine(), greedy)[0]
    assert drawn_tokens(engine, replace(greedy, logit_bias=((first, -100.0),)))[0] != first


@pytest.mark.parametrize("token", [-1, 448, 10**6])
def test_a_token_the_model_lacks_is_refused_by_name(make_engine: MakeEngine, token: int) -> None:
    with pytest.raises(InvalidRequest, match=f"token {token}, and the model has tokens 0 to 447") as refused:
        ask(make_engine(), prompt_of(4), replace(PLAIN, logit_bias=((token, 1.0),)))
    assert refused.value.param == "logit_bias"


def drawn_tokens(engine: object, sampling: Sampling, prompt: list[int] | None = None) -> list[int]:
    listener = ask(engine, prompt or prompt_of(8), sampling)  # type: ignore[arg-type]
    listener.wait()
    return [told.token for e in listener.events if isinstance(e, Delta) for told in e.logprobs]


@pytest.fixture(scope="module")
def ending_model(tiny_path: Path) -> Iterator[Model]:
    """The tiny model as it is, which may draw its end."""
    with closing(Model(tiny_path)) as model:
        yield model


def test_an_end_comes_not_before_min_tokens_and_never_under_ignore_eos(
    make_engine: MakeEngine, ending_model: Model
) -> None:
    engine = make_engine(ending_model)
    eager = replace(PLAIN, logit_bias=((ending_model.eos, 100.0),))
    finished = [
        ask(engine, prompt_of(8), sampling).wait()
        for sampling in (eager, replace(eager, min_tokens=7), replace(eager, ignore_eos=True))
    ]
    got = [(each.reason, each.usage.n_completion) for each in finished]
    assert got == [("stop", 0), ("stop", 7), ("length", 40)]


def test_logprobs_are_those_of_the_model(row: Scored) -> None:
    biased = replace(PLAIN, temperature=0.0, logit_bias=((9, 100.0),), logprobs=5)
    with closing(Sampler(biased, row.model, row.prompt)) as sampler:
        assert sampler.sample(row.context, row.row) == 9
        (told,) = sampler.told("", is_last=True)
    logprobs = row.logits - math.log(np.exp(row.logits - row.logits.max()).sum()) - row.logits.max()
    best = np.argsort(-logprobs)[:5]
    assert told.logprob == pytest.approx(logprobs[9], abs=1e-6)
    assert [top.token for top in told.top] == best.tolist()
    assert [top.logprob for top in told.top] == pytest.approx(logprobs[best].tolist(), abs=1e-6)
    assert told.piece == row.model.piece(9, special=True)
