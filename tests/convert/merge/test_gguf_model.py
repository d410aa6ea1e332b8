"""A merged GGUF in llama.cpp against the adapter at run time, and against PEFT."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGMLQuantizationType as Ggml
from numpy.typing import NDArray

from aion.convert.gguf_file import GgufFile
from aion.convert.lora import convert_lora
from aion.convert.merge import ScaledAdapter, merge_gguf
from aion.engine.row_quantizer import quantize_rows
from tests.convert.llama import loaded
from tests.convert.lora.tuned import ATTENTION, IDS, LINEAR, Tiny, adapter_tensors, tune
from tests.convert.merge.files import random_halves, requantised, write_adapter, write_tensors
from tests.convert.oracle import kl

PATTERNS = {
    "target_modules": ATTENTION,
    "rank_pattern": {"q_proj": 4, "1.self_attn.o_proj": 12},
    "alpha_pattern": {"k_proj": 40},
}


def logits(path: Path, adapter: Path | None = None) -> NDArray[np.float64]:
    with loaded(path) as model:
        return model.logits(IDS, adapter)


def converted(base: Tiny, folder: Path) -> Path:
    return convert_lora(folder, base.gguf, folder.parent / "adapter.gguf", "f32").path


@pytest.mark.parametrize(
    ("name", "lora"),
    [
        ("llama", {"target_modules": LINEAR}),
        ("llama", {"target_modules": LINEAR, "use_rslora": True}),
        ("llama", PATTERNS),
        ("llama", {"target_modules": ["embed_tokens", "lm_head", "o_proj"], "rank_pattern": {"lm_head": 2}}),
        ("tied", {"target_modules": LINEAR}),
        ("fused", {"target_modules": ["qkv_proj", "gate_up_proj", "o_proj"]}),
    ],
    ids=["plain", "rslora", "patterns", "tables", "tied", "fused"],
)
def test_logits_are_those_of_the_adapter_and_of_peft(
    tmp_path: Path, request: pytest.FixtureRequest, name: str, lora: dict[str, Any]
) -> None:
    base: Tiny = request.getfixturevalue(name)
    wanted = tune(base, tmp_path / "adapter", **lora)
    adapter = converted(base, tmp_path / "adapter")
    found = logits(merge_gguf(base.gguf, [ScaledAdapter(adapter)], tmp_path / "m.gguf"))
    assert kl(logits(base.gguf), found) > 1e-2
    assert kl(logits(base.gguf, adapter), found) < 1e-5
    assert kl(wanted, found) < 1e-5


@pytest.mark.parametrize("target", ["lm_head", "embed_tokens"])
def test_a_tied_table_gets_a_head_of_its_own(tmp_path: Path, tied: Tiny, target: str) -> None:
    """No runtime adapter can say it, so PEFT alone is the reference."""
    wanted = tune(tied, tmp_path / "adapter", target_modules=[target])
    trained = adapter_tensors(tmp_path / "adapter")
    a, b = (next(t for n, t in trained.items() if f"_{half}" in n and "lora" in n) for half in "AB")
    name, halves = ("output.weight", (a, b)) if target == "lm_head" else ("token_embd.weight", (a.T, b))
    adapter = write_adapter(tmp_path / "a.gguf", {name: halves}, 16.0, general__architecture="qwen2")
    out = merge_gguf(tied.gguf, [ScaledAdapter(adapter)], tmp_path / "m.gguf")
    assert kl(logits(tied.gguf), logits(out)) > 1e-3
    assert kl(wanted, logits(out)) < 1e-5
    assert GgufFile(out).tensor("output.weight").shape == GgufFile(out).tensor("token_embd.weight").shape


@pytest.mark.parametrize(
    ("file_type", "number", "bound"),
    [("f32", 0, 1e-9), ("f16", 1, 1e-4), ("bf16", 32, 1e-2), ("q8_0", 7, 1e-2)],
)
def test_a_whole_file_in_another_type(
    tmp_path: Path, wide: Tiny, file_type: str, number: int, bound: float
) -> None:
    exact = merge_gguf(wide.gguf, [some(wide, tmp_path)], tmp_path / "exact.gguf")
    out = merge_gguf(wide.gguf, [some(wide, tmp_path)], tmp_path / "m.gguf", file_type=file_type)
    file = GgufFile(out)
    assert {t.kind.name.lower() for t in file.tensors.values() if len(t.shape) > 1} == {file_type}
    assert {t.kind.name for t in file.tensors.values() if len(t.shape) < 2} == {"F32"}
    assert file.metadata["general.file_type"] == number
    assert kl(logits(exact), logits(out)) < bound


@pytest.mark.parametrize(
    ("kind", "bound"),
    [(Ggml.F16, 1e-5), (Ggml.BF16, 1e-3), (Ggml.Q8_0, 1e-2), (Ggml.Q6_K, 3e-2), (Ggml.Q4_K, 0.3)],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_base_keeps_its_types_and_what_is_not_touched_its_bytes(
    tmp_path: Path, wide: Tiny, kind: Ggml, bound: float
) -> None:
    base, adapter = requantised(wide.gguf, tmp_path / "base.gguf", kind), some(wide, tmp_path)
    out = merge_gguf(base, [adapter], tmp_path / "m.gguf", quantizer=quantize_rows)
    before, after = GgufFile(base), GgufFile(out)
    assert [(t.name, t.kind) for t in before.tensors.values()] == [
        (t.name, t.kind) for t in after.tensors.values()
    ]
    changed = {n for n in before.tensors if before.stored(n).tobytes() != after.stored(n).tobytes()}
    assert changed == set(SOME)
    assert kl(logits(base, adapter.path), logits(out)) < bound < kl(logits(base), logits(out))


SOME = ("blk.0.attn_q.weight", "blk.1.ffn_down.weight", "output.weight")


def some(base: Tiny, folder: Path, scale: float = 1.0) -> ScaledAdapter:
    """An adapter of a few tensors, alpha 8 and rank 4."""
    shapes = {name: GgufFile(base.gguf).tensor(name).shape for name in SOME}
    changes = {name: random_halves(shape) for name, shape in shapes.items()}
    return ScaledAdapter(write_adapter(folder / "some.gguf", changes), scale)


def test_several_adapters_each_at_its_scale(tmp_path: Path, llama: Tiny) -> None:
    base, name = GgufFile(llama.gguf), "blk.1.attn_v.weight"
    halves = [random_halves(base.tensor(name).shape, rank, rank) for rank in (2, 5)]
    files = [write_adapter(tmp_path / f"{k}.gguf", {name: h}, 4.0) for k, h in enumerate(halves)]
    adapters = [ScaledAdapter(files[0], 0.5), ScaledAdapter(files[1], -2.0)]
    out = GgufFile(merge_gguf(llama.gguf, adapters, tmp_path / "m.gguf"))
    (a0, b0), (a1, b1) = halves
    wanted = base.f32(name) + 0.5 * 4 / 2 * b0 @ a0 - 2 * 4 / 5 * b1 @ a1
    assert np.abs(out.f32(name) - wanted).max() < 1e-6


def test_alpha_0_means_the_scale_alone(tmp_path: Path, llama: Tiny) -> None:
    base, name = GgufFile(llama.gguf), "blk.0.ffn_up.weight"
    a, b = random_halves(base.tensor(name).shape)
    adapter = write_adapter(tmp_path / "a.gguf", {name: (a, b)}, 0.0)
    out = merge_gguf(llama.gguf, [ScaledAdapter(adapter)], tmp_path / "m.gguf")
    assert np.abs(GgufFile(out).f32(name) - base.f32(name) - b @ a).max() < 1e-6
    assert kl(logits(llama.gguf, adapter), logits(out)) < 1e-5 < kl(logits(llama.gguf), logits(out))


def test_a_norm_is_replaced(tmp_path: Path, llama: Tiny) -> None:
    norm = GgufFile(llama.gguf).f32("blk.1.ffn_norm.weight") * 1.5
    strings = {"general__type": "adapter", "adapter__type": "lora"}
    adapter = write_tensors(tmp_path / "a.gguf", {"blk.1.ffn_norm.weight": norm}, 1.0, strings)
    out = merge_gguf(llama.gguf, [ScaledAdapter(adapter)], tmp_path / "m.gguf")
    assert np.array_equal(GgufFile(out).f32("blk.1.ffn_norm.weight"), norm)


def test_metadata_is_kept_and_says_what_was_merged(tmp_path: Path, llama: Tiny) -> None:
    adapter = some(llama, tmp_path, 0.25)
    once = GgufFile(merge_gguf(llama.gguf, [adapter], tmp_path / "once.gguf"))
    base, twice = GgufFile(llama.gguf), GgufFile(merge_gguf(once.path, [adapter], tmp_path / "twice.gguf"))
    assert [*base.pairs, "aion.merged.names", "aion.merged.scales", "aion.merged.hashes"] == list(twice.pairs)
    for key in base.pairs:
        assert twice.raw_pair(key) == once.raw_pair(key) == base.raw_pair(key)
    assert list(once.array("aion.merged.names")) == ["some"]
    assert list(twice.array("aion.merged.scales")) == [0.25, 0.25]
    assert len(set(twice.array("aion.merged.hashes"))) == 1


def test_progress_counts_every_tensor(tmp_path: Path, llama: Tiny) -> None:
    seen: list[tuple[str, int, int]] = []
    out = merge_gguf(
        llama.gguf, [some(llama, tmp_path)], tmp_path / "m.gguf", progress=lambda *step: seen.append(step)
    )
    names = list(GgufFile(out).tensors)
    assert seen == [(name, number, len(names)) for number, name in enumerate(names, 1)]


def test_memory_is_a_few_blocks_whatever_the_matrix(tmp_path: Path) -> None:
    name, matrix = "output.weight", np.ones((4096, 4096), np.float16)
    strings = {"general__type": "model"}
    base = write_tensors(tmp_path / "base.gguf", {"token_embd.weight": matrix, name: matrix}, 1.0, strings)
    adapter = write_adapter(tmp_path / "a.gguf", {name: random_halves(matrix.shape, 2)})
    del matrix
    tracemalloc.start()
    merge_gguf(base, [ScaledAdapter(adapter)], tmp_path / "m.gguf", file_type="q8_0")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4096 * 4096 * 4 / 2  # half of one matrix as float32
