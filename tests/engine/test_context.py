"""The operator's choices reach a real context, and the embedded model says the same under each."""

from __future__ import annotations

from contextlib import closing

import pytest

from aion.engine.config import EngineConfig
from aion.engine.context import ContextOptions
from aion.engine.engine import Engine
from aion.engine.library import listening
from aion.engine.model import Model
from aion.types import Sampling
from tests.engine.listening import ask

QUESTION = (
    "[INST] Quanto custa o tour de dia inteiro?\n\n[CONTEXT]\n"
    "[1] O tour de meio dia custa 55 euros por pessoa e dura quatro horas.\n"
    "[2] O tour de dia inteiro custa 85 euros por pessoa, com almoço. [/INST]"
)
CHOICES = [
    ContextOptions("f16", "off"), ContextOptions("f32", "on"), ContextOptions("f32", "off"),
    ContextOptions("q8_0", "on"),
]  # fmt: skip


def answer(model: Model, options: ContextOptions, lines: list[str]) -> str:
    """The greedy answer under `options`; `lines` is what llama.cpp logged."""
    prompt = model.tokenize(QUESTION, special=True, bos=True)
    with listening(lines.append):
        engine = Engine(model, EngineConfig(512, 1, 1, n_kept=0, options=options))
        with closing(engine):
            return ask(engine, prompt, Sampling(temperature=0.0, max_new_tokens=40)).text


@pytest.fixture(scope="module")
def usual(chat_model: Model) -> str:
    text = answer(chat_model, ContextOptions(), [])
    assert len(text) > 20
    return text


@pytest.mark.parametrize("options", CHOICES, ids=str)
def test_the_answer_is_the_usual_one(chat_model: Model, usual: str, options: ContextOptions) -> None:
    lines: list[str] = []
    assert answer(chat_model, options, lines) == usual
    assert any(f"K ({options.kv_type}): " in line for line in lines)
    state = {"on": "enabled", "off": "disabled"}[options.flash_attention]
    assert any(line.split() == ["llama_context:", "flash_attn", "=", state] for line in lines)


def test_a_cache_of_8_bits_is_half_as_large(chat_model: Model) -> None:
    sizes = {}
    for options in (ContextOptions(), ContextOptions("q8_0")):
        lines: list[str] = []
        answer(chat_model, options, lines)
        found = next(line for line in lines if "KV buffer size" in line)
        sizes[options.kv_type] = float(found.split()[-2])
    assert sizes["q8_0"] / sizes["f16"] == pytest.approx(34 / 64, abs=0.01)


def test_weights_can_be_read_or_mapped_or_kept_in_the_files_order(chat_model: Model, usual: str) -> None:
    for options in ({"mmap": False}, {"repack": False}):
        with closing(Model(chat_model.path, **options)) as model:
            assert answer(model, ContextOptions(), []) == usual
