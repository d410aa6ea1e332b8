"""What a rehearsal says a context takes is what llama.cpp then allocates for it."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from aion.convert import convert
from aion.engine.config import EngineConfig
from aion.engine.context import ContextOptions
from aion.engine.engine import Engine
from aion.engine.library import listening
from aion.engine.memory import Rehearsal
from aion.engine.model import Model
from aion.errors import ModelError
from tests.convert.conftest import train_tokenizer
from tests.convert.tiny import CONFIG, write_folder
from tests.engine.listening import ask, prompt_of

Shape = tuple[Path, dict[str, Any]]
MIB = 1 << 20
ROUNDING = 0.03 * MIB  # llama.cpp logs hundredths of a MiB, in a few lines
SHAPES: dict[str, dict[str, Any]] = {
    "one head in four has keys": {"num_attention_heads": 8, "num_key_value_heads": 2},
    "every head has keys, few layers": {"num_key_value_heads": 4, "num_hidden_layers": 1},
    "wide heads, deep": {"head_dim": 128, "num_hidden_layers": 12},
}
OPTIONS = [ContextOptions(), ContextOptions("q8_0", "on"), ContextOptions("f32", "off")]
KV_BYTES = {"f16": 2.0, "q8_0": 34 / 32, "f32": 4.0}


@pytest.fixture(scope="module", params=SHAPES)
def shape(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Shape:
    """A random model of that shape and its configuration."""
    folder = tmp_path_factory.mktemp("shape")
    config = CONFIG | {"max_position_embeddings": 4096} | SHAPES[request.param]
    checkpoint = write_folder(folder / "c", train_tokenizer(folder / "tokenizer.model"), config)
    return convert(checkpoint, folder / "m.gguf", "f16"), config


def allocated(
    path: Path, options: ContextOptions, n_ctx: int, n_parallel: int, *, apart: bool
) -> tuple[float, float]:
    """Bytes of the KV cache and of the buffers for computing in a real engine, after it has computed."""
    lines: list[str] = []
    with closing(Model(path)) as model, listening(lines.append):
        engine = Engine(model, EngineConfig(n_ctx, n_parallel, 1, n_kept=2, apart=apart, options=options))
        with closing(engine):
            ask(engine, prompt_of(n_ctx // 2)).wait()
    assert not any("does not match expectation" in line for line in lines)

    def total(kind: str) -> float:
        sizes = [re.search(rf"{kind} buffer size = +([\d.]+) MiB", line) for line in lines]
        return sum(float(found[1]) for found in sizes if found) * MIB

    return total("KV"), total("compute") + total("output")


@pytest.mark.parametrize("apart", [False, True], ids=["shared", "apart"])
@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: options.kv_type)
def test_the_estimate_is_what_is_allocated(shape: Shape, options: ContextOptions, apart: bool) -> None:
    path, config = shape
    with closing(Rehearsal(path, 0, options, n_kept=2, apart=apart)) as rehearsal:
        demand = rehearsal.demand(1024, 3)
    kv, compute = allocated(path, options, 1024, 3, apart=apart)
    assert abs(demand.kv_bytes - kv) <= ROUNDING
    assert abs(demand.host_compute_bytes - compute) <= ROUNDING
    assert demand.gpu_compute_bytes == 0
    assert demand.apart == apart
    assert demand.flash_attention == (
        options.flash_attention == "on" or (options.kv_type == "f16" and not apart)
    )
    row = config["num_key_value_heads"] * config["head_dim"] * KV_BYTES[options.kv_type]
    assert abs(demand.kv_bytes - 2 * config["num_hidden_layers"] * 3072 * row) <= ROUNDING


def test_the_embedded_model_is_measured_without_its_weights(chat_model: Model) -> None:
    lines: list[str] = []
    with listening(lines.append), closing(Rehearsal(chat_model.path, 0, OPTIONS[0], n_kept=8)) as rehearsal:
        one, four = rehearsal.demand(2048, 1), rehearsal.demand(2048, 4)
    assert four.kv_bytes == 4 * one.kv_bytes
    buffers = [line for line in lines if "model buffer size" in line]
    assert buffers
    assert all(line.endswith("= 0.00 MiB") for line in map(" ".join, map(str.split, buffers)))


def test_what_llama_cpp_cannot_do_is_refused_in_a_sentence(chat_model: Model) -> None:
    options = ContextOptions("q8_0", "off")
    problem = r"AION_KV_TYPE=q8_0 .* requires flash_attn"
    with (
        closing(Rehearsal(chat_model.path, 0, options, n_kept=0)) as rehearsal,
        pytest.raises(ModelError, match=problem) as caught,
    ):
        rehearsal.demand(256, 1)
    assert "\n" not in caught.value.message


def test_a_cut_file_is_found_without_reading_it(chat_model: Model, tmp_path: Path) -> None:
    path = tmp_path / "cut.gguf"
    path.write_bytes(chat_model.path.read_bytes()[:-4096])
    with pytest.raises(ModelError, match="corrupted or incomplete"):
        Rehearsal(path, 0, ContextOptions(), n_kept=0)
