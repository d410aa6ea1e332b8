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
from tests.engine.other_models import write_gemma3, write_mamba
from tests.engine.runners import ExactRunner
from tests.engine.test_speculation import EagerSpeculator

LONG = replace(GREEDY, max_new_tokens=30)


class Endless(Model):
    def is_end(self, token: int) -> bool:  # noqa: ARG002
        return False


@pytest.fixture(params=[write_mamba, write_gemma3], ids=["recurrent", "sliding window"], scope="module")
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    write: Callable[[Path], Path] = request.param
    return write(tmp_path_factory.mktemp("other") / "model.gguf")


def test_prompts_that_begin_alike_stay_apart(path: Path) -> None:
    prompts = [[*prompt_of(60), *prompt_of(5 + seed, seed)[1:]] for seed in range(4)]
    with (
        closing(Endless(path)) as model,
        closing(Engine(model, EngineConfig(256, 3, 1), runner_type=ExactRunner)) as engine,
    ):
        alone = [ask(engine, prompt, LONG).text for prompt in prompts]
        together = [ask(engine, prompt, LONG) for prompt in prompts]
        assert [listener.text for listener in together] == alone
        assert {listener.wait().reason for listener in together} == {"length"}
        assert {listener.wait().usage.n_cached for listener in together} == {0}


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
