"""Models whose state cannot be shared or rolled back: the same texts together as alone, and no errors."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from aion.engine.config import EngineConfig
from aion.engine.engine import Engine
from aion.engine.model import Model
from tests.engine.listening import GREEDY, Listener, ask, prompt_of
from tests.engine.other_models import write_gemma3, write_mamba, write_qwen2vl
from tests.engine.runners import ExactRunner
from tests.engine.test_apart import WitnessRunner
from tests.engine.test_speculation import EagerSpeculator

LONG = replace(GREEDY, max_new_tokens=30)


class Endless(Model):
    def is_end(self, token: int) -> bool:  # noqa: ARG002
        return False


@pytest.fixture(params=[write_mamba, write_gemma3], ids=["recurrent", "sliding window"], scope="module")
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    write: Callable[[Path], Path] = request.param
    return write(tmp_path_factory.mktemp("other") / "model.gguf")


@pytest.mark.parametrize("apart", [False, True])
def test_prompts_that_begin_alike_stay_apart(path: Path, apart: bool) -> None:
    prompts = [[*prompt_of(60), *prompt_of(5 + seed, seed)[1:]] for seed in range(4)]
    with (
        closing(Endless(path)) as model,
        closing(Engine(model, EngineConfig(256, 3, 1, apart=apart), runner_type=ExactRunner)) as engine,
    ):
        alone = [ask(engine, prompt, LONG).text for prompt in prompts]
        together = [ask(engine, prompt, LONG) for prompt in prompts]
        assert [listener.text for listener in together] == alone
        assert {listener.wait().reason for listener in together} == {"length"}
        assert {listener.wait().usage.n_cached for listener in together} == {0}


def test_none_of_them_has_cells_of_its_own_a_sequence(path: Path) -> None:
    with closing(Model(path)) as model:
        shape = EngineConfig(256, 3, 1, apart=True).shape_for(model)
    assert (shape.apart, shape.n_kept) == (False, 0)


def test_positions_in_several_dimensions_are_no_hindrance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prefixes are kept and copied, gaps filled and wrong guesses forgotten as with one dimension."""
    monkeypatch.setattr("aion.engine.batcher.Speculator", EagerSpeculator)
    samplings = [replace(LONG, max_new_tokens=n) for n in (30, 4, 30, 20, 25)]
    prompts = [[*prompt_of(40), *prompt_of(5 + seed, seed)[1:]] for seed in range(5)]
    plain = EngineConfig(256, 1, 1, n_kept=0, speculates=False)
    with (
        closing(Endless(write_qwen2vl(tmp_path / "model.gguf"))) as model,
        closing(Engine(model, EngineConfig(256, 3, 1, apart=True), runner_type=WitnessRunner)) as engine,
        closing(Engine(model, plain, runner_type=ExactRunner)) as alone,
    ):
        asked = list(zip(prompts, samplings, strict=True))
        expected = [ask(alone, *each).text for each in asked]
        together = [ask(engine, *each) for each in asked]
        assert [listener.text for listener in together] == expected
        assert sum(listener.wait().usage.n_cached for listener in together) >= 4 * 40
        assert engine.is_idle_and_whole


def test_wrong_guesses_and_aborts_do_no_harm(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aion.engine.batcher.Speculator", EagerSpeculator)
    with (
        closing(Endless(path)) as model,
        closing(Engine(model, EngineConfig(256, 2, 1), runner_type=ExactRunner)) as engine,
        closing(Engine(model, EngineConfig(256, 1, 1, speculates=False), runner_type=ExactRunner)) as plain,
    ):
        expected = ask(plain, prompt_of(30) * 2, LONG).text
        beside, aborted = ask(engine, prompt_of(30) * 2, LONG), Listener()
        engine.abort(engine.submit(prompt_of(150, 4), LONG, aborted))
        assert aborted.wait().reason == "abort"
        assert (beside.text, beside.wait().reason) == (expected, "length")
