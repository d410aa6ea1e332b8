"""`aion convert`, `quantize` and `merge` as real processes, on real tiny models."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from aion.convert import convert as write_gguf
from aion.convert.gguf_file import GgufFile
from aion.convert.gguf_header import read_header
from tests.cli.conftest import Run, command, environment
from tests.convert.hub_server import hub_environment, serving_hub
from tests.convert.tiny import write_json, write_safetensors
from tests.server.checkpoints import write_checkpoint


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("hf") / "tiny")


def kinds(path: Path) -> set[str]:
    """The types of a file's matrices."""
    return {t.kind.name for t in read_header(path).tensors.values() if len(t.shape) > 1}


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_goes_into_the_models_folder(aion: Run, tmp_path: Path, checkpoint: Path) -> None:
    done = aion("convert", checkpoint, "--type", "q8_0")
    path = tmp_path / "models" / "tiny-Q8_0.gguf"
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("models/tiny-Q8_0.gguf: ")
    assert kinds(path) == {"Q8_0"}
    assert names_in(path.parent) == [path.name]


def test_a_window_that_llama_cpp_does_not_follow_is_said_at_the_end(
    aion: Run, tmp_path: Path, checkpoint: Path
) -> None:
    folder = shutil.copytree(checkpoint, tmp_path / "windowed")
    config = json.loads((folder / "config.json").read_text())
    write_json(folder / "config.json", config | {"sliding_window": 16})
    done = aion("convert", folder, "--out", "m.gguf")
    assert done.code == 0
    assert done.err.startswith("This model attends to the last 16 tokens only, and llama.cpp to all")


def test_a_k_quant_is_made_in_one_command(aion: Run, tmp_path: Path, checkpoint: Path) -> None:
    done = aion("convert", checkpoint, "--out", "small.gguf", "--type", "Q4_K_M", "--name", "Small")
    assert (done.code, done.err) == (0, "")
    assert "Q4_K" in kinds(tmp_path / "small.gguf")
    assert read_header(tmp_path / "small.gguf").metadata["general.name"] == "Small"
    assert names_in(tmp_path) == ["small.gguf"]


def test_quantize_makes_a_smaller_file(aion: Run, tmp_path: Path, checkpoint: Path) -> None:
    write_gguf(checkpoint, tmp_path / "full.gguf", "f16")
    done = aion("quantize", "full.gguf", "small.gguf", "--type", "q6_k")
    assert (done.code, done.err) == (0, "")
    assert "Q6_K" in kinds(tmp_path / "small.gguf")


def test_an_output_that_exists_is_kept_unless_asked(aion: Run, tmp_path: Path, checkpoint: Path) -> None:
    (tmp_path / "m.gguf").write_text("mine")
    done = aion("convert", checkpoint, "--out", "m.gguf")
    assert (done.code, done.out) == (1, "")
    assert "m.gguf exists already" in done.err
    assert (tmp_path / "m.gguf").read_text() == "mine"


def test_a_source_that_is_nothing_is_a_sentence(aion: Run) -> None:
    done = aion("convert", "missing/a/b")
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "aion: missing/a/b is neither a folder nor a hub id such as owner/name; check the path.\n"
    )


def test_a_wrong_type_is_a_usage_error_that_lists_them(aion: Run) -> None:
    done = aion("convert", "x", "--type", "q3")
    assert (done.code, done.out) == (2, "")
    assert [name for name in ("f16", "bf16", "q8_0", "q4_k_m", "q6_k") if name not in done.err] == []


def test_a_hub_id_is_fetched_and_converted(aion: Run, tmp_path: Path, checkpoint: Path) -> None:
    with serving_hub() as hub:
        hub.add_folder("owner/tiny", checkpoint)
        done = aion("convert", "owner/tiny@main", **hub_environment(hub, tmp_path / "hf"))
    assert (done.code, done.err) == (0, "")
    assert kinds(tmp_path / "models" / "tiny-F16.gguf") == {"F16"}


def test_ctrl_c_ends_with_130_and_leaves_nothing(tmp_path: Path, checkpoint: Path) -> None:
    with serving_hub() as hub:
        hub.add_folder("owner/tiny", checkpoint)
        hub.stuck["model.safetensors"] = 1000
        process = subprocess.Popen(
            command("convert", "owner/tiny"), cwd=tmp_path, stderr=subprocess.PIPE, text=True,
            env=environment(**hub_environment(hub, tmp_path / "hf")),
        )  # fmt: skip
        give_up = time.monotonic() + 60
        while not hub.fetched("model.safetensors"):
            assert time.monotonic() < give_up
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=60)
    assert (process.returncode, complaints.strip()) == (130, "")
    assert names_in(tmp_path) == ["hf"]


def adapter_of(base: Path, path: Path) -> Path:
    """A GGUF adapter that changes one matrix of `base` by a constant."""
    shape = read_header(base).tensors["blk.0.ffn_up.weight"].shape
    writer = gguf.GGUFWriter(None, "llama")
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, 2.0)
    for part, rows in (("lora_a", (2, shape[1])), ("lora_b", (shape[0], 2))):
        writer.add_tensor(f"blk.0.ffn_up.weight.{part}", np.full(rows, 0.5, np.float32))
    writer.write_header_to_file(path)
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_merge_puts_an_adapter_into_its_base(aion: Run, tmp_path: Path, checkpoint: Path) -> None:
    write_gguf(checkpoint, tmp_path / "base.gguf", "f32")
    adapter_of(tmp_path / "base.gguf", tmp_path / "adapter.gguf")
    done = aion("merge", "base.gguf", "adapter.gguf", "--scale", "0.5", "--out", "merged.gguf")
    assert (done.code, done.err) == (0, "")
    before, after = (
        GgufFile(tmp_path / name).f32("blk.0.ffn_up.weight") for name in ("base.gguf", "merged.gguf")
    )
    np.testing.assert_allclose(after - before, np.full(before.shape, 0.25), atol=1e-6)


def test_a_merge_is_quantised_in_one_command(aion: Run, tmp_path: Path, checkpoint: Path) -> None:
    write_gguf(checkpoint, tmp_path / "base.gguf", "f16")
    adapter_of(tmp_path / "base.gguf", tmp_path / "adapter.gguf")
    done = aion(
        "merge", "base.gguf", "adapter.gguf", "--out", "small.gguf", "--type", "q4_k_m", "--overwrite"
    )
    assert (done.code, done.err) == (0, "")
    assert "Q4_K" in kinds(tmp_path / "small.gguf")
    assert names_in(tmp_path) == ["adapter.gguf", "base.gguf", "small.gguf"]


@pytest.mark.parametrize(
    "words",
    [
        ["a.gguf"], ["--base", "x"], ["a.gguf", "b.gguf", "--scale", "1", "--scale", "2"],
    ],
)  # fmt: skip
def test_a_merge_of_half_a_pair_is_a_usage_error(aion: Run, tmp_path: Path, words: list[str]) -> None:
    done = aion("merge", *words, "--out", "out.gguf")
    assert (done.code, done.out) == (2, "")
    assert "Usage: " in done.err
    assert names_in(tmp_path) == []


def peft_of(folder: Path) -> Path:
    """A PEFT folder that adds 2 * 0.5 to one matrix of `write_checkpoint`'s model."""
    module = "base_model.model.model.layers.0.mlp.up_proj"
    ones = {"lora_A": np.full((1, 256), 0.5, "<f4"), "lora_B": np.full((256, 1), 1.0, "<f4")}
    write_json(
        folder / "adapter_config.json",
        {
            "peft_type": "LORA",
            "r": 1,
            "lora_alpha": 2,
            "target_modules": ["up_proj"],
            "task_type": "CAUSAL_LM",
        },
    )
    write_safetensors(
        folder / "adapter_model.safetensors", {f"{module}.{part}.weight": t for part, t in ones.items()}
    )
    return folder


def test_checkpoints_are_merged_into_a_gguf(aion: Run, tmp_path: Path, checkpoint: Path) -> None:
    write_gguf(checkpoint, tmp_path / "before.gguf", "f32")
    words = ["--base", checkpoint, "--adapter", peft_of(tmp_path / "peft"), "--out", "after.gguf"]
    done = aion("merge", *words, "--type", "f32")
    assert (done.code, done.err) == (0, "")
    before, after = (
        GgufFile(tmp_path / name).f32("blk.0.ffn_up.weight") for name in ("before.gguf", "after.gguf")
    )
    np.testing.assert_allclose(after - before, np.ones(before.shape), atol=2**-7)
    assert names_in(tmp_path) == ["after.gguf", "before.gguf", "peft"]


def test_a_peft_folder_becomes_an_adapter_for_its_base(aion: Run, tmp_path: Path, checkpoint: Path) -> None:
    done = aion("convert-lora", "--base", checkpoint, "--adapter", peft_of(tmp_path / "peft"))
    assert done.code == 0
    assert "1 modules, rank 1" in done.out
    assert read_header(tmp_path / "peft" / "peft.gguf").metadata["general.type"] == "adapter"


@pytest.mark.parametrize("models", ["a-file", "a-file/below"])
def test_a_models_folder_that_cannot_be_made_is_named(
    aion: Run, tmp_path: Path, checkpoint: Path, models: str
) -> None:
    (tmp_path / "a-file").touch()
    done = aion("convert", checkpoint, AION_MODELS_DIR=models)
    assert (done.code, done.out) == (1, "")
    assert f"aion: {models} cannot be made (" in done.err
    assert "AION_MODELS_DIR" in done.err


@pytest.mark.parametrize(
    "words",
    [
        ["convert", "x" * 300], ["convert-lora", "--adapter", ".", "--base", "x" * 300],
        ["merge", "--base", "x" * 300, "--adapter", ".", "--out", "o.gguf"],
        ["quantize", "x" * 300, "o.gguf"], ["quantize", "in.gguf", "x" * 300],
        ["convert", "tiny", "--out", "x" * 300], ["merge", "in.gguf", "in.gguf", "--out", "x" * 300],
    ],
    ids=lambda words: f"{words[0]}-{[len(word) for word in words].index(300)}",
)  # fmt: skip
def test_a_name_that_is_too_long_is_a_sentence(
    aion: Run, tmp_path: Path, checkpoint: Path, words: list[str]
) -> None:
    write_gguf(checkpoint, tmp_path / "in.gguf")
    (tmp_path / "tiny").symlink_to(checkpoint)
    done = aion(*words)
    assert (done.code, done.out) == (1, "")
    assert "File name too long" in done.err
    assert len(done.err.splitlines()) == 1
    assert names_in(tmp_path) == ["in.gguf", "tiny"]


def test_a_name_stays_in_the_models_folder(aion: Run, tmp_path: Path, checkpoint: Path) -> None:
    assert aion("convert", checkpoint, "--name", "../esc/a").code == 0
    assert names_in(tmp_path) == ["models"]
    (path,) = (tmp_path / "models").iterdir()
    assert path.name == "esc-a-F16.gguf"
    assert read_header(path).metadata["general.name"] == "../esc/a"


def as_pickle(safetensors: Path, pickle: Path) -> None:
    torch.save(load_file(safetensors), pickle)
    safetensors.unlink()


def test_pickles_are_read_where_the_message_says_so(aion: Run, tmp_path: Path, checkpoint: Path) -> None:
    base = Path(shutil.copytree(checkpoint, tmp_path / "base"))
    adapter = peft_of(tmp_path / "peft")
    words = ["--base", base, "--adapter", adapter, "--out"]
    safe = aion("merge", *words, "safe.gguf", "--type", "f32"), aion("convert-lora", *words, "safe-lora.gguf")
    as_pickle(base / "model.safetensors", base / "pytorch_model.bin")
    as_pickle(adapter / "adapter_model.safetensors", adapter / "adapter_model.bin")
    refused = aion("merge", *words, "m.gguf"), aion("convert-lora", *words, "l.gguf")
    assert [done.code for done in (*safe, *refused)] == [0, 0, 1, 1]
    assert all("is a pickle" in done.err for done in refused)
    merged = aion("merge", *words, "merged.gguf", "--type", "f32", "--allow-pickle")
    lora = aion("convert-lora", *words, "lora.gguf", "--allow-pickle")
    assert (merged.code, merged.err, lora.code) == (0, "", 0)
    for made, name in (("merged.gguf", "safe.gguf"), ("lora.gguf", "safe-lora.gguf")):
        found, expected = GgufFile(tmp_path / made), GgufFile(tmp_path / name)
        assert found.tensors.keys() == expected.tensors.keys()
        assert all(np.array_equal(found.f32(t), expected.f32(t)) for t in found.tensors)
