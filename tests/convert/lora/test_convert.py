"""The GGUF that is written: tensors bit for bit, metadata, one alpha for all; the base from either source."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGMLQuantizationType as Ggml
from hypothesis import given
from hypothesis import strategies as st

from aion.convert.architectures.rope import paired_rows
from aion.convert.fingerprint import fingerprint
from aion.convert.gguf_file import GgufFile
from aion.convert.lora import AdapterType, convert_lora
from aion.convert.lora.changes import Change
from aion.convert.lora.convert import with_one_alpha
from tests.convert.lora.tuned import LINEAR, Tiny, adapter_tensors, rewrite, tune
from tests.convert.tiny import write_json

EVERYTHING: dict[str, Any] = {"target_modules": [*LINEAR, "embed_tokens", "lm_head"], "r": 4}


def converted(base: Path, adapter: Path, **options: Any) -> GgufFile:
    return GgufFile(convert_lora(adapter, base, adapter.parent / "a.gguf", overwrite=True, **options).path)


def test_every_half_is_the_source_bit_for_bit(tmp_path: Path, llama: Tiny) -> None:
    tune(llama, tmp_path / "adapter", **EVERYTHING, use_rslora=True)
    file = converted(llama.gguf, tmp_path / "adapter", file_type="f32")
    source = {
        k.removeprefix("base_model.model."): t for k, t in adapter_tensors(tmp_path / "adapter").items()
    }
    q, up, table = "model.layers.1.self_attn.q_proj", "model.layers.0.mlp.up_proj", "model.embed_tokens"
    expected = {
        "blk.1.attn_q.weight.lora_a": source[f"{q}.lora_A.weight"],
        "blk.1.attn_q.weight.lora_b": source[f"{q}.lora_B.weight"][paired_rows(128, 32)],
        "blk.0.ffn_up.weight.lora_a": source[f"{up}.lora_A.weight"],
        "blk.0.ffn_up.weight.lora_b": source[f"{up}.lora_B.weight"],
        "token_embd.weight.lora_a": source[f"{table}.lora_embedding_A"].T,
        "token_embd.weight.lora_b": source[f"{table}.lora_embedding_B"],
        "output.weight.lora_b": source["lm_head.lora_B.weight"],
    }
    for name, tensor in expected.items():
        np.testing.assert_array_equal(file.f32(name), tensor, err_msg=name)
    assert len(file.tensors) == 2 * (2 * len(LINEAR) + 2)


def test_metadata_says_what_the_adapter_is(tmp_path: Path, llama: Tiny) -> None:
    tune(llama, tmp_path / "tours", target_modules=["q_proj"], task_type="CAUSAL_LM", use_rslora=True)
    write_json(tmp_path / "tours" / "aion.json", {"dataset_hash": "abc123"})
    said = converted(llama.gguf, tmp_path / "tours").metadata
    expected = {
        "general.architecture": "llama", "general.type": "adapter", "adapter.type": "lora",
        "general.name": "tours", "general.file_type": 1, "general.base_model.count": 1,
        "general.base_model.0.name": "tiny",
        "general.base_model.0.repo_url": "https://huggingface.co/org/tiny",
        "adapter.lora.alpha": float(np.float32(16 * 8**0.5)), "adapter.lora.task_name": "CAUSAL_LM",
        "aion.lora.rank": 8, "aion.lora.alpha": 16.0, "aion.lora.dataset_hash": "abc123",
        "aion.lora.base_fingerprint": fingerprint(llama.gguf),
    }  # fmt: skip
    assert {key: said.get(key) for key in expected} == expected


@pytest.mark.parametrize("file_type", ["f32", "f16", "q8_0"])
def test_a_gguf_alone_gives_the_bytes_that_its_checkpoint_gives(
    tmp_path: Path, llama: Tiny, file_type: AdapterType
) -> None:
    tune(llama, tmp_path / "adapter", **EVERYTHING)
    bytes_of = [
        convert_lora(
            tmp_path / "adapter", base, tmp_path / f"{base.suffix}.gguf", file_type
        ).path.read_bytes()
        for base in (llama.gguf, llama.folder)
    ]
    assert bytes_of[0] == bytes_of[1]


def test_the_types_of_the_halves(tmp_path: Path, llama: Tiny) -> None:
    tune(llama, tmp_path / "adapter", target_modules=["q_proj"])
    half = converted(llama.gguf, tmp_path / "adapter").tensors.values()
    assert {tensor.kind for tensor in half} == {Ggml.F16}
    small = converted(llama.gguf, tmp_path / "adapter", file_type="q8_0").tensors
    assert small["blk.0.attn_q.weight.lora_a"].kind == Ggml.Q8_0
    assert small["blk.0.attn_q.weight.lora_b"].kind == Ggml.F16, "rows of 8 are no blocks of 32"


def test_a_base_without_weights_gives_no_fingerprint_and_says_so(tmp_path: Path, llama: Tiny) -> None:
    tune(llama, tmp_path / "adapter", **EVERYTHING)
    (tmp_path / "base").mkdir()
    shutil.copy(llama.folder / "config.json", tmp_path / "base")
    bare = convert_lora(tmp_path / "adapter", tmp_path / "base", tmp_path / "bare.gguf")
    whole = convert_lora(tmp_path / "adapter", llama.folder, tmp_path / "whole.gguf")
    assert (bare.fingerprint, whole.fingerprint) == (None, fingerprint(llama.folder))
    assert whole.warnings == ()
    assert "says it was trained on org/tiny" in bare.warnings[0]
    assert "no fingerprint of its base" in bare.warnings[1]
    assert "holds neither model.safetensors" in bare.warnings[1]
    files = [GgufFile(result.path) for result in (bare, whole)]
    assert all((files[0].stored(name) == files[1].stored(name)).all() for name in files[1].tensors)
    assert "aion.lora.base_fingerprint" not in files[0].metadata


def test_the_content_hash_follows_the_content(tmp_path: Path, llama: Tiny) -> None:
    def content(**options: Any) -> str:
        return converted(llama.gguf, tmp_path / "adapter", **options).text("aion.lora.content_hash")

    tune(llama, tmp_path / "adapter", target_modules=["q_proj"])
    first = content()
    assert first == content(name="another")
    tensors = adapter_tensors(tmp_path / "adapter")
    next(iter(tensors.values()))[0, 0] += 1e-3
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    changed = [first, content(file_type="f32")]
    rewrite(tmp_path / "adapter", tensors)
    changed.append(content())
    rewrite(tmp_path / "adapter", tensors, config | {"lora_alpha": 17})
    changed.append(content())
    assert len(set(changed)) == 4


def test_progress_counts_the_tensors(tmp_path: Path, llama: Tiny) -> None:
    tune(llama, tmp_path / "adapter", target_modules=["q_proj"])
    seen: list[tuple[str, int, int]] = []
    result = convert_lora(
        tmp_path / "adapter", llama.gguf, tmp_path / "a.gguf", progress=lambda *step: seen.append(step)
    )
    assert [number for _, number, _ in seen] == [1, 2, 3, 4]
    assert {count for *_, count in seen} == {4}
    assert (result.name, result.n_modules, result.rank) == ("adapter", 2, 8)


@given(
    st.lists(
        st.tuples(st.integers(1, 9), st.floats(1e-3, 1e3) | st.floats(-1e3, -1e-3)), min_size=1, max_size=6
    )
)
def test_one_alpha_gives_every_tensor_its_own_scale(drawn: list[tuple[int, float]]) -> None:
    rng = np.random.default_rng(1)
    changes = [
        Change(f"blk.{i}.x", rng.random((r, 3), np.float32), rng.random((4, r), np.float32), scale)
        for i, (r, scale) in enumerate(drawn)
    ]
    alpha, folded = with_one_alpha(changes)
    for before, after in zip(changes, folded, strict=True):
        np.testing.assert_allclose(
            alpha / after.rank * after.b.astype(np.float64), before.scale * before.b, rtol=2e-7, atol=0
        )
    assert any(after.b is before.b for before, after in zip(changes, folded, strict=True))
