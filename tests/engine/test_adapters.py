"""Adapters on a running engine: chosen a request, replaced while serving, never mixed, given back."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aion.engine.adapter import Adapter
from aion.engine.config import EngineConfig
from aion.engine.engine import Engine
from aion.engine.model import Model
from aion.errors import AionError, InvalidRequest, ModelError
from aion.types import AdapterChoice
from tests.engine.conftest import MakeEngine
from tests.engine.listening import GREEDY, Listener, prompt_of
from tests.engine.lora import write_lora
from tests.engine.runners import Steps

A, B = AdapterChoice("a"), AdapterChoice("b")


def ask_with(engine: Engine, *choices: AdapterChoice, n: int = 20) -> Listener:
    listener = Listener()
    engine.submit(prompt_of(n), GREEDY, listener, choices)
    return listener


def load(engine: Engine, folder: Path, **seeds: int) -> list[Adapter]:
    return [
        engine.adapters.load(name, write_lora(folder / f"{name}-{seed}.gguf", seed))
        for name, seed in seeds.items()
    ]


def test_each_request_gets_the_adapters_it_names(make_engine: MakeEngine, tmp_path: Path) -> None:
    engine = make_engine()
    plain = ask_with(engine).text
    load(engine, tmp_path, a=1, b=2)
    texts = [ask_with(engine, *choices).text for choices in ((A,), (B,), (A, B), (AdapterChoice("a", 0.3),))]
    assert len({plain, *texts}) == 5
    assert ask_with(engine, AdapterChoice("a", 0.0)).text == plain
    assert ask_with(engine).text == plain


def test_batches_do_not_mix_adapters(make_engine: MakeEngine, tmp_path: Path) -> None:
    engine = make_engine(n_parallel=6, n_batch=32)
    load(engine, tmp_path, a=1, b=2)
    choices = [(), (A,), (B,), (A, B), (AdapterChoice("b", -1.0),), (A,)]
    alone = [ask_with(engine, *c, n=30).text for c in choices]
    together = [ask_with(engine, *c, n=30) for c in choices]
    assert [listener.text for listener in together] == alone
    assert [listener.wait().adapter for listener in together] == ["", "a", "b", "a+b", "b:-1", "a"]


def test_adapter_groups_take_turns(make_engine: MakeEngine, tmp_path: Path) -> None:
    engine = make_engine(n_parallel=2)
    load(engine, tmp_path, a=1)
    first, second = ask_with(engine), ask_with(engine, A)
    assert (first.wait().reason, second.wait().reason) == ("length", "length")
    with closing(engine):
        pass
    assert engine.is_idle_and_whole


def test_a_running_generation_keeps_the_version_it_began_with(
    make_engine: MakeEngine, tmp_path: Path
) -> None:
    steps = Steps()
    engine = make_engine(runner_type=steps.runner_type())
    reference = make_engine()
    [old] = load(engine, tmp_path, a=1)
    load(reference, tmp_path, a=1, b=2)
    running = ask_with(engine, A)
    steps.wait()
    load(engine, tmp_path, a=2)
    after = ask_with(engine, A)
    assert old.handle is not None
    steps.run_free()
    assert running.text == ask_with(reference, A).text
    assert after.text == ask_with(reference, B).text
    engine.close()
    assert old.handle is None


def test_the_default_is_for_requests_that_name_none(make_engine: MakeEngine, tmp_path: Path) -> None:
    engine = make_engine()
    engine.adapters.load("a", write_lora(tmp_path / "a.gguf", 1), make_default=True)
    listener = Listener()
    engine.submit(prompt_of(20), GREEDY, listener)
    assert listener.text == ask_with(engine, A).text != ask_with(engine).text
    engine.adapters.unload("a")
    assert (engine.adapters.default, engine.adapters.current()) == ("", [])


def test_unloading_gives_the_memory_back_at_the_last_use(make_engine: MakeEngine, tmp_path: Path) -> None:
    steps = Steps()
    engine = make_engine(runner_type=steps.runner_type())
    [adapter] = load(engine, tmp_path, a=1)
    running = ask_with(engine, A)
    steps.wait()
    engine.adapters.unload("a")
    with pytest.raises(InvalidRequest, match="adapter 'a' is not loaded \\(loaded: none\\)"):
        ask_with(engine, A)
    assert adapter.handle is not None
    steps.run_free()
    assert running.wait().reason == "length"
    engine.close()
    assert adapter.handle is None


def damaged(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:2000])
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda f: f / "none.gguf", r"none\.gguf does not exist"),
        (lambda f: damaged(write_lora(f / "cut.gguf")), r"cut\.gguf is not an adapter for"),
        (lambda f: write_lora(f / "q.gguf", arch="qwen2"), r"model arch and LoRA arch mismatch"),
        (
            lambda f: write_lora(f / "wide.gguf", n_embd=128),
            r"wide\.gguf is not an adapter .*incorrect shape",
        ),
        (lambda f: write_lora(f / "m.gguf", kind="model"), r"expect general\.type to be 'adapter'"),
        (lambda f: write_lora(f / "zero.gguf", strength=0.0), r"zero\.gguf changes no logit"),
        (lambda f: write_lora(f / "nan.gguf", strength=float("nan")), r"logits that are no numbers"),
        (
            lambda f: write_lora(f / "far.gguf", fingerprint="f" * 64),
            r"trained on Another-7B \(fingerprint ffffffffffff\), and the loaded base is .* \(0123456789ab\)",
        ),
    ],
)
def test_what_is_no_adapter_for_this_base_changes_nothing(
    make_engine: MakeEngine, tmp_path: Path, make: Callable[[Path], Path], message: str
) -> None:
    engine = make_engine(fingerprint="0123456789ab")
    load(engine, tmp_path, a=1)
    before = ask_with(engine, A).text
    with pytest.raises(ModelError) as caught:
        engine.adapters.load("a", make(tmp_path))
    assert re.search(message, caught.value.message)
    assert ask_with(engine, A).text == before


def test_a_fingerprint_that_fits_is_accepted(make_engine: MakeEngine, tmp_path: Path) -> None:
    engine = make_engine(fingerprint="abc")
    adapter = engine.adapters.load("a", write_lora(tmp_path / "a.gguf", fingerprint="abc"))
    assert adapter.effect_size > 0.01


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ([AdapterChoice("b")], "adapter 'b' is not loaded (loaded: a); POST /v1/adapters loads one."),
        ([A, AdapterChoice("a", 0.5)], "adapter names one twice (a, a); give each once."),
        ([AdapterChoice("a", 11.0)], "scale 11"),
        ([AdapterChoice("a", float("nan"))], "scale nan"),
    ],
)
def test_a_wrong_choice_is_said(
    make_engine: MakeEngine, tmp_path: Path, choices: list[AdapterChoice], message: str
) -> None:
    engine = make_engine()
    load(engine, tmp_path, a=1)
    with pytest.raises(AionError) as caught:
        ask_with(engine, *choices)
    assert message in caught.value.message
    engine.close()
    assert engine.is_idle_and_whole


def test_nothing_is_loaded_into_a_closed_engine(tiny_model: Model, tmp_path: Path) -> None:
    engine = Engine(tiny_model, EngineConfig(64, 1, 1))
    engine.close()
    with pytest.raises(ModelError, match="shutting down"):
        load(engine, tmp_path, a=1)


def test_a_request_that_cannot_be_keeps_no_adapter(make_engine: MakeEngine, tmp_path: Path) -> None:
    engine = make_engine()
    (adapter,) = load(engine, tmp_path, a=1)
    wrong: Any = "no number"
    with pytest.raises(TypeError):
        engine.submit(prompt_of(5), replace(GREEDY, temperature=1.0, seed=wrong), Listener(), [A])
    engine.adapters.unload("a")
    ask_with(engine).wait()
    assert adapter.handle is None
