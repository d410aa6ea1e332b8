from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from gguf import GGMLQuantizationType as Ggml

from aion.convert.gguf_file import GgufFile
from aion.convert.lora import convert_lora
from aion.convert.merge import ScaledAdapter, merge_gguf
from aion.errors import CheckpointError, ModelError
from tests.convert.lora.tuned import Tiny, tune
from tests.convert.merge.files import random_halves, requantised, write_adapter, write_tensors

NAME = "blk.0.attn_q.weight"
HALVES = random_halves((128, 64))
LORA = {"general__type": "adapter", "adapter__type": "lora"}


def refused(base: Path, adapter: Path, out: Path, scale: float = 1.0, **options: Any) -> str:
    """What the merge says; it must leave nothing behind."""
    before = sorted(out.parent.iterdir())
    with pytest.raises(CheckpointError) as raised:
        merge_gguf(base, [ScaledAdapter(adapter, scale)], out, **options)
    assert sorted(out.parent.iterdir()) == before
    return raised.value.message


@pytest.mark.parametrize(
    ("changes", "strings", "says"),
    [
        ({NAME: HALVES}, {"general__architecture": "qwen2"}, "was made for 'qwen2', and"),
        ({NAME: HALVES}, {"adapter__type": "control_vector"}, "is not a LoRA adapter"),
        ({NAME: HALVES}, {"general__type": "model"}, "is not a LoRA adapter (general.type 'model'"),
        ({"blk.9.attn_q.weight": HALVES}, {}, "changes blk.9.attn_q.weight, which"),
        ({NAME: random_halves((32, 64))}, {}, f"changes {NAME} as [32, 64], and in"),
        ({NAME: (HALVES[0], HALVES[1][:, :3])}, {}, "by halves of shapes [4, 64] and [128, 3]"),
        ({NAME: (HALVES[0] * 1e30, HALVES[1] * 1e30)}, {}, f"makes {NAME} NaN or Inf; use a smaller scale"),
        ({NAME: (HALVES[0] * np.nan, HALVES[1])}, {}, f"makes {NAME} NaN or Inf"),
        ({NAME: HALVES}, {"aion__lora__base_fingerprint": "ab" * 32}, "(abababababab), and"),
        ({}, {}, "changes no tensor"),
    ],
)  # fmt: skip
def test_an_adapter_that_does_not_fit_is_named(
    tmp_path: Path, llama: Tiny, changes: dict[str, Any], strings: dict[str, str], says: str
) -> None:
    adapter = write_adapter(tmp_path / "a.gguf", changes, 8.0, **strings)
    assert says in refused(llama.gguf, adapter, tmp_path / "m.gguf")


@pytest.mark.parametrize(
    ("tensors", "says"),
    [
        ({f"{NAME}.lora_a": HALVES[0]}, f"has only one half of {NAME}"),
        ({"rope_freqs": HALVES[0]}, "has rope_freqs, which is no part of a LoRA"),
    ],
)
def test_an_adapter_that_is_not_whole_is_named(
    tmp_path: Path, llama: Tiny, tensors: dict[str, Any], says: str
) -> None:
    adapter = write_tensors(tmp_path / "a.gguf", tensors, 8.0, LORA)
    assert says in refused(llama.gguf, adapter, tmp_path / "m.gguf")


def test_the_same_files_twice_are_named(tmp_path: Path, llama: Tiny) -> None:
    adapter = write_adapter(tmp_path / "a.gguf", {NAME: HALVES})
    assert "is not a model" in refused(adapter, adapter, tmp_path / "m.gguf")
    assert "is itself to be merged" in refused(llama.gguf, adapter, adapter, overwrite=True)
    assert "is itself to be merged" in refused(llama.gguf, adapter, llama.gguf, overwrite=True)
    with pytest.raises(CheckpointError, match="No adapter was named"):
        merge_gguf(llama.gguf, [], tmp_path / "m.gguf")


def test_wrong_arguments_are_named(tmp_path: Path, llama: Tiny) -> None:
    adapter, out = write_adapter(tmp_path / "a.gguf", {NAME: HALVES}), tmp_path / "m.gguf"
    assert "cannot write the type 'q4_k_m'; merge to f32, f16" in refused(
        llama.gguf, adapter, out, file_type="q4_k_m"
    )
    assert "was given the scale nan" in refused(llama.gguf, adapter, out, float("nan"))
    out.write_text("mine")
    assert "exists already" in refused(llama.gguf, adapter, out)
    assert out.read_text() == "mine"
    merge_gguf(llama.gguf, [ScaledAdapter(adapter)], out, overwrite=True)
    assert GgufFile(out).architecture == "llama"


def test_a_type_that_cannot_be_made_is_named_before_anything_is_written(tmp_path: Path, wide: Tiny) -> None:
    base = requantised(wide.gguf, tmp_path / "base.gguf", Ggml.Q4_K)
    adapter = write_adapter(tmp_path / "a.gguf", {NAME: random_halves((256, 256))})
    assert f"{NAME} is Q4_K, which takes llama.cpp's quantiser" in refused(base, adapter, tmp_path / "m.gguf")

    def refusing(rows: object, kind: int) -> Any:
        raise ModelError(f"{Ggml(kind).name} needs an importance matrix.")

    with pytest.raises(ModelError, match="Q4_K needs an importance matrix"):
        merge_gguf(base, [ScaledAdapter(adapter)], tmp_path / "m.gguf", quantizer=refusing)
    assert not (tmp_path / "m.gguf").exists()


def test_an_adapter_of_another_base_is_refused_unless_allowed(
    tmp_path: Path, llama: Tiny, wide: Tiny, split: Tiny
) -> None:
    """`split` has other norms than `llama`, and other heads."""
    tune(llama, tmp_path / "adapter", target_modules=["down_proj"])
    adapter = convert_lora(tmp_path / "adapter", llama.gguf, tmp_path / "a.gguf").path
    says = refused(split.gguf, adapter, tmp_path / "m.gguf")
    assert "a.gguf was trained on tiny (" in says
    assert "allow another one" in says
    merge_gguf(split.gguf, [ScaledAdapter(adapter)], tmp_path / "m.gguf", allow_other_base=True)
    assert "as [64, 96], and in" in refused(wide.gguf, adapter, tmp_path / "n.gguf", allow_other_base=True)


def test_an_adapter_that_needs_its_invocation_is_refused(tmp_path: Path, llama: Tiny) -> None:
    writer = gguf.GGUFWriter(tmp_path / "a.gguf", "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_array("adapter.alora.invocation_tokens", [5, 6])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert "only after its invocation tokens" in refused(llama.gguf, tmp_path / "a.gguf", tmp_path / "m.gguf")
