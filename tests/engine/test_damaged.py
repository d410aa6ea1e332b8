"""A model that computes NaN: whoever asked for it is told, and those beside go on as if nothing had been."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import gguf
import numpy as np
import pytest

from aion.convert import convert
from aion.engine.model import Model
from aion.engine.runner import Runner
from aion.types import Sampling
from tests.convert.conftest import train_tokenizer
from tests.convert.tiny import CONFIG, random_tensors, write_folder
from tests.engine.conftest import Endless, MakeEngine
from tests.engine.listening import Listener, ask, prompt_of
from tests.engine.runners import ExactRunner

POISON = 7
GREEDY = Sampling(temperature=0.0, max_new_tokens=60, logit_bias=((POISON, -100.0),))
SEEDED = replace(GREEDY, temperature=1.0, top_p=0.95, seed=4, frequency_penalty=0.5)


def set_nan(path: Path, tensor: str, row: int) -> Path:
    """The converter refuses NaN; a download that broke afterwards has it all the same."""
    reader = gguf.GGUFReader(path, "r+")
    next(t for t in reader.tensors if t.name == tensor).data[row, :] = np.nan
    reader.data.flush()
    return path


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    """The tiny model whose token 7 is NaN where it is read, not where it is written."""
    folder = tmp_path_factory.mktemp("broken")
    config = CONFIG | {"max_position_embeddings": 512, "tie_word_embeddings": False}
    tensors = random_tensors(config)
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"].copy()
    checkpoint = write_folder(folder / "c", train_tokenizer(folder / "tokenizer.model"), config, tensors)
    path = convert(checkpoint, folder / "m.gguf", "f32", chat_template=None)
    with closing(Endless(set_nan(path, "token_embd.weight", POISON))) as model:
        yield model


def clean(n_tokens: int, seed: int) -> list[int]:
    return [8 if token == POISON else token for token in prompt_of(n_tokens, seed)]


def assert_told(listener: Listener) -> None:
    finished = listener.wait()
    assert finished.reason == "error"
    assert "The model computed nan" in (finished.error or "")
    assert listener.n_finished == 1


@pytest.mark.parametrize("sampling", [GREEDY, SEEDED])
@pytest.mark.parametrize("poisoned", [[1, 9, POISON, 11], [*clean(60, 3), POISON, *clean(40, 4)]])
def test_streams_beside_it_go_on_unchanged(
    make_engine: MakeEngine, broken: Model, sampling: Sampling, poisoned: list[int]
) -> None:
    engine = make_engine(broken, n_batch=24)
    prompts = [clean(20 + i, i) for i in range(2)]
    alone = [ask(engine, prompt, sampling).text for prompt in prompts]
    running = [ask(engine, prompt, sampling) for prompt in prompts]
    for listener in running:
        listener.wait_for_text()
    assert_told(ask(engine, poisoned, sampling))
    assert [listener.text for listener in running] == alone
    assert [listener.wait().reason for listener in running] == ["length", "length"]
    assert engine.is_idle_and_whole


@pytest.mark.parametrize("runner_type", [ExactRunner, Runner])
def test_nothing_of_it_is_left_for_the_next(
    make_engine: MakeEngine, broken: Model, runner_type: type[Runner]
) -> None:
    engine = make_engine(broken, runner_type=runner_type)
    expected = ask(engine, clean(30, 1), GREEDY).text
    for _ in range(3):
        assert_told(ask(engine, [*clean(30, 1), POISON], GREEDY))
        assert ask(engine, clean(30, 1), GREEDY).text == expected
    assert engine.is_idle_and_whole


def test_when_all_are_damaged_all_are_told(make_engine: MakeEngine, broken: Model) -> None:
    engine = make_engine(broken)
    for listener in [ask(engine, [1, i, POISON, 12], SEEDED) for i in range(20, 26)]:
        assert_told(listener)
    assert ask(engine, clean(9, 2), SEEDED).wait().reason == "length"


def test_a_damaged_output_weight_is_seen_at_once(
    make_engine: MakeEngine, tiny_path: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "m.gguf"
    copy.write_bytes(tiny_path.read_bytes())
    with closing(Model(set_nan(copy, "token_embd.weight", 400))) as model:  # tied: the output is the same
        engine = make_engine(model)
        listener = ask(engine, clean(9, 2), GREEDY)
        assert_told(listener)
        assert listener.wait().usage.n_completion == 0
        engine.close()
