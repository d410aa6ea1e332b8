"""Random requests to one engine, under adapters that change, with guesses and aborts: the text of each is
that of the same request alone."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from aion.engine.config import EngineConfig
from aion.engine.engine import Engine
from aion.engine.model import Model
from aion.engine.sequence import Sequence
from aion.engine.speculation import Speculator
from aion.engine.step_cost import StepCost
from aion.types import AdapterChoice, Priority, Sampling
from tests.engine.listening import GREEDY, Listener, prompt_of
from tests.engine.lora import write_lora
from tests.engine.runners import ExactRunner
from tests.engine.test_apart import WitnessRunner

N_CTX, N_VERSIONS = 300, 3
CHOICES = ((), (), ("a",), ("b",), ("a", "b"))
Alone = Callable[["Asked"], str]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, and the versions of the adapters it was to have, with their scales."""

    prompt: list[int]
    sampling: Sampling
    adapters: tuple[tuple[str, int, float], ...]
    listener: Listener


class RandomGuesses(Speculator):
    """Guesses of any length, some of them senseless; a token more costs now little, now much."""

    def __init__(self) -> None:
        super().__init__()
        self._random = random.Random(1)
        self.cost = _AnyCost()

    def draft(self, sequence: Sequence, n_batched: int) -> list[int]:  # noqa: ARG002
        room = sequence.sampling.max_new_tokens - sequence.n_completion - 1
        n = min(room, self._random.choice([0, 0, 1, 3, 8, 16]))
        found = sequence.lookup.propose(sequence.tokens, n) if n > 0 else []
        return found or [
            self._random.randrange(3, 400) for _ in range(n if self._random.random() < 0.2 else 0)
        ]


class _AnyCost(StepCost):
    def line(self) -> tuple[float, float]:
        self._n += 1
        return 1.0, (0.1, 0.4, 2.0)[int(self._n) % 3]


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("versions")
    return [write_lora(folder / f"{seed}.gguf", seed) for seed in range(N_VERSIONS)]


@pytest.fixture(scope="module")
def alone(tiny_model: Model, versions: list[Path]) -> Iterator[Alone]:
    """The text of a request to an engine that keeps nothing, guesses nothing and does nothing else."""
    config = EngineConfig(N_CTX, 1, 1, n_kept=0, speculates=False)
    with closing(Engine(tiny_model, config, runner_type=ExactRunner)) as engine:
        for name in "ab":
            for version, path in enumerate(versions):
                engine.adapters.load(f"{name}{version}", path)

        def text_of(asked: Asked) -> str:
            listener = Listener()
            adapters = [AdapterChoice(f"{name}{version}", scale) for name, version, scale in asked.adapters]
            engine.submit(asked.prompt, asked.sampling, listener, adapters)
            return listener.text

        yield text_of


@pytest.mark.parametrize("apart", [True, False], ids=["apart", "shared"])
@pytest.mark.parametrize(("seed", "n_slots", "n_batch"), [(1, 2, 24), (2, 5, 16), (3, 8, 64), (4, 20, 512)])
def test_each_text_is_as_alone(
    tiny_model: Model,
    versions: list[Path],
    alone: Alone,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
    n_slots: int,
    n_batch: int,
    apart: bool,
) -> None:
    monkeypatch.setattr("aion.engine.batcher.Speculator", RandomGuesses)
    config = EngineConfig(N_CTX, n_slots, 1, n_batch=n_batch, apart=apart)
    runner_type = WitnessRunner if apart else ExactRunner
    with closing(Engine(tiny_model, config, runner_type=runner_type)) as engine:
        requests = list(_ask_at_random(engine, random.Random(seed), versions))
        ended = [(request, request.listener.wait()) for request in requests]
        assert engine.is_idle_and_whole
        assert engine.status().n_drafted > 0
    assert {end.reason for _, end in ended} <= {"length", "abort"}
    assert any(end.usage.n_cached for _, end in ended)
    complete = [request for request, end in ended if end.reason == "length"]
    assert [request.listener.text for request in complete] == list(map(alone, complete))
    assert [request.listener.n_finished for request in requests] == [1] * len(requests)


def _ask_at_random(engine: Engine, rng: random.Random, versions: list[Path]) -> Iterator[Asked]:
    live: dict[str, int] = {}
    numbers: list[int] = []
    prompts = [prompt_of(45)]
    for i in range(40):
        for name in "ab" if i == 0 else rng.choice(("", "", "", "a", "b")):
            live[name] = rng.randrange(len(versions))
            engine.adapters.load(name, versions[live[name]])
        begun = rng.choice(prompts)
        prompt = [
            *begun[: rng.randrange(1, len(begun) + 1)],
            *prompt_of(rng.randrange(1, 40), rng.randrange(9)),
        ]
        prompts.append(prompt[: N_CTX - 70])
        sampling = replace(GREEDY, repetition_penalty=1.0, max_new_tokens=rng.randrange(1, 70))
        adapters = tuple((name, live[name], rng.choice((1.0, 0.5))) for name in rng.choice(CHOICES))
        asked = Asked(prompts[-1], sampling, adapters, Listener())
        chosen = [AdapterChoice(name, scale) for name, _, scale in adapters]
        priority: Priority = "batch" if rng.random() < 0.5 else "interactive"
        numbers.append(engine.submit(asked.prompt, sampling, asked.listener, chosen, priority=priority))
        yield asked
        if rng.random() < 0.2:
            engine.abort(rng.choice(numbers[-4:]))
        elif rng.random() < 0.2:
            asked.listener.wait()
