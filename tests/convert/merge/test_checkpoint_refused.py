from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aion.convert.checkpoint import Checkpoint
from aion.convert.merge import merge_checkpoint
from aion.errors import CheckpointError
from tests.convert.lora.tuned import Tiny, adapter_tensors, rewrite, tune
from tests.convert.merge.test_checkpoint import tune_grown
from tests.convert.tiny import write_json


@pytest.fixture
def adapter(tmp_path: Path, llama: Tiny) -> Path:
    tune(llama, tmp_path / "a" / "adapter", target_modules=["q_proj", "down_proj"])
    return tmp_path / "a" / "adapter"


def refused(base: Path, adapter: Path, out: Path, **options: Any) -> str:
    """What the merge says; it must leave nothing behind."""
    before = sorted(out.parent.iterdir())
    with pytest.raises(CheckpointError) as raised:
        merge_checkpoint(base, adapter, out, **options)
    assert sorted(out.parent.iterdir()) == before
    return raised.value.message


def test_another_base_is_named(tmp_path: Path, adapter: Path, tied: Tiny, wide: Tiny) -> None:
    q = "model.layers.0.self_attn.q_proj.weight"
    says = refused(tied.folder, adapter, tmp_path / "m")
    assert f"changes {q} as [128, 64], and in {tied.folder} it is [64, 64]; name the base" in says
    tensors = adapter_tensors(adapter)
    rewrite(adapter, {name.replace("layers.1", "layers.7"): tensor for name, tensor in tensors.items()})
    says = refused(wide.folder, adapter, tmp_path / "m")
    assert "changes model.layers.7" in says
    assert "name the base it was trained on, org/tiny." in says


def test_a_bias_that_the_base_has_not_is_named(tmp_path: Path, llama: Tiny) -> None:
    tune(llama, tmp_path / "a", target_modules=["q_proj"], lora_bias=True)
    assert "has no such biases; train without lora_bias" in refused(
        llama.folder, tmp_path / "a", tmp_path / "m"
    )


def test_numbers_that_end_nowhere_are_named(tmp_path: Path, llama: Tiny, adapter: Path) -> None:
    tensors = adapter_tensors(adapter)
    rewrite(adapter, {name: tensor * np.float32(1e30) for name, tensor in tensors.items()})
    assert "_proj.weight NaN or Inf" in refused(llama.folder, adapter, tmp_path / "m")


def test_a_quantised_base_is_named(tmp_path: Path, llama: Tiny, adapter: Path) -> None:
    shutil.copytree(llama.folder, tmp_path / "base")
    config = json.loads((llama.folder / "config.json").read_text())
    write_json(tmp_path / "base" / "config.json", config | {"quantization_config": {"quant_method": "gptq"}})
    says = refused(tmp_path / "base", adapter, tmp_path / "m")
    assert says.endswith("is quantised (quantization_config); merge into the model it was made from.")


def test_a_magnitude_of_another_length_is_named(tmp_path: Path, llama: Tiny) -> None:
    tune(llama, tmp_path / "a", target_modules=["q_proj"], use_dora=True)
    tensors = adapter_tensors(tmp_path / "a")
    rewrite(tmp_path / "a", {n: t[:5] if "magnitude" in n else t for n, t in tensors.items()})
    assert "q_proj.weight's magnitudes as [5]" in refused(llama.folder, tmp_path / "a", tmp_path / "m")


def test_a_trained_token_outside_the_vocabulary_is_named(tmp_path: Path, llama: Tiny) -> None:
    tune(llama, tmp_path / "a", target_modules=["q_proj"], trainable_token_indices=[5, 6])
    config = json.loads((tmp_path / "a" / "adapter_config.json").read_text())
    config["trainable_token_indices"] = [5, 9999]
    rewrite(tmp_path / "a", adapter_tensors(tmp_path / "a"), config)
    assert "has trained token 9999 of" in refused(llama.folder, tmp_path / "a", tmp_path / "m")


def test_a_head_left_behind_by_a_grown_table_is_named(tmp_path: Path, llama: Tiny) -> None:
    """PEFT saves the grown head only where an adapter is on it."""
    tune_grown(llama, tmp_path / "a", ["embed_tokens"])
    says = refused(llama.folder, tmp_path / "a", tmp_path / "m")
    assert "leaves 460 tokens to model.embed_tokens.weight and 448 to lm_head.weight" in says


def test_places_that_may_not_be_taken_are_named(tmp_path: Path, llama: Tiny, adapter: Path) -> None:
    (tmp_path / "there").mkdir()
    assert "exists already" in refused(llama.folder, adapter, tmp_path / "there")
    for place in (tmp_path / "a", adapter, llama.folder):
        says = refused(llama.folder, adapter, place, overwrite=True)
        assert "which is to be merged; name another output" in says
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    says = refused(llama.folder, adapter, tmp_path / "mine", overwrite=True)
    assert "is no checkpoint, so it is not overwritten" in says
    assert "absent/m cannot be written (No such file" in unwritable(llama, adapter, tmp_path / "absent" / "m")
    assert "'f8' is unknown; use one of keep, f32" in refused(
        llama.folder, adapter, tmp_path / "m", dtype="f8"
    )


def unwritable(base: Tiny, adapter: Path, out: Path) -> str:
    with pytest.raises(CheckpointError) as raised:
        merge_checkpoint(base.folder, adapter, out)
    return raised.value.message


def test_a_checkpoint_is_overwritten_when_asked(tmp_path: Path, llama: Tiny, adapter: Path) -> None:
    out = merge_checkpoint(llama.folder, adapter, tmp_path / "m")
    (out / "old.txt").write_text("old")
    merge_checkpoint(llama.folder, adapter, out, overwrite=True)
    assert not (out / "old.txt").exists()
    assert Checkpoint(out).names == Checkpoint(llama.folder).names
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "m"]


def test_a_killed_merge_leaves_no_checkpoint_and_the_next_cleans_up(
    tmp_path: Path, llama: Tiny, adapter: Path
) -> None:
    code = (
        "import os, signal; from pathlib import Path; from aion.convert.merge import merge_checkpoint;"
        f"folders = {str(llama.folder)!r}, {str(adapter)!r}, {str(tmp_path / 'm')!r};"
        "merge_checkpoint(*map(Path, folders),"
        "progress=lambda name, n, all: n < 5 or os.kill(os.getpid(), signal.SIGKILL))"
    )
    ended = subprocess.run([sys.executable, "-c", code], check=False)
    assert ended.returncode == -signal.SIGKILL
    left = [path.name for path in tmp_path.iterdir() if path.name != "a"]
    assert len(left) == 1
    assert left[0].endswith(".partial")
    merge_checkpoint(llama.folder, adapter, tmp_path / "m")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "m"]


def test_two_at_once_do_not_take_each_other_for_dead(tmp_path: Path, llama: Tiny, adapter: Path) -> None:
    def another(name: str, number: int, count: int) -> None:
        if number == 3:
            merge_checkpoint(llama.folder, adapter, tmp_path / "second")

    merge_checkpoint(llama.folder, adapter, tmp_path / "first", progress=another)
    names = [Checkpoint(tmp_path / name).names for name in ("first", "second")]
    assert names[0] == names[1]
    assert sorted(os.listdir(tmp_path)) == ["a", "first", "second"]
