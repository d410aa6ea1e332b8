from __future__ import annotations

from pathlib import Path

import pytest

from aion.convert.checkpoint import Checkpoint
from aion.errors import CheckpointError
from tests.convert.tiny import CONFIG, random_tensors, write_json, write_safetensors, write_sharded


def test_shards_give_the_same_tensors_as_one_file(folder: Path) -> None:
    tensors = random_tensors(CONFIG)
    single = {name: Checkpoint(folder).f32(name).tobytes() for name in Checkpoint(folder).names}
    write_sharded(folder, tensors)
    sharded = Checkpoint(folder)
    assert {name: sharded.f32(name).tobytes() for name in sharded.names} == single
    assert sharded.shape("model.norm.weight") == (64,)


@pytest.mark.parametrize("shards_are_whole", [True, False])
def test_a_single_file_goes_before_the_index_of_an_older_save(folder: Path, shards_are_whole: bool) -> None:
    tensors = random_tensors(CONFIG)
    write_sharded(folder, {name: tensor + 1 for name, tensor in tensors.items()})
    write_safetensors(folder / "model.safetensors", tensors)
    if not shards_are_whole:
        (folder / "model-00002-of-00003.safetensors").unlink()
    checkpoint = Checkpoint(folder)
    assert checkpoint.files == [folder / "model.safetensors"]
    assert all(checkpoint.f32(name).tobytes() == tensors[name].tobytes() for name in tensors)


def test_a_missing_shard_is_named(folder: Path) -> None:
    write_sharded(folder, random_tensors(CONFIG))
    (folder / "model-00002-of-00003.safetensors").unlink()
    with pytest.raises(
        CheckpointError, match=r"model-00002-of-00003\.safetensors is missing.*download that shard"
    ):
        Checkpoint(folder)


def test_a_shard_and_its_index_must_agree(folder: Path) -> None:
    write_sharded(folder, random_tensors(CONFIG), 1)
    shard, index = "model-00001-of-00001.safetensors", folder / "model.safetensors.index.json"
    write_json(index, {"weight_map": dict.fromkeys([*random_tensors(CONFIG), "extra"], shard)})
    with pytest.raises(CheckpointError, match="lacks extra"):
        Checkpoint(folder)
    write_json(index, {"weight_map": {"model.norm.weight": shard}})
    with pytest.raises(CheckpointError, match=r"has model\.embed_tokens\.weight, unknown to"):
        Checkpoint(folder)


@pytest.mark.parametrize("shard", ["../model.safetensors", "/etc/passwd", ""])
def test_an_index_cannot_lead_out_of_its_folder(folder: Path, shard: str) -> None:
    (folder / "model.safetensors").rename(folder.parent / "model.safetensors")
    write_json(folder / "model.safetensors.index.json", {"weight_map": {"a": shard}})
    with pytest.raises(CheckpointError, match=r"not a file beside it|cannot be read"):
        Checkpoint(folder)


def test_pickles_are_refused_with_the_remedy(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(
        CheckpointError, match=r"pytorch_model\.bin is a pickle.*safe_serialization=True.*--allow-pickle"
    ):
        Checkpoint(folder)


@pytest.mark.parametrize("renamed", ["config.json", "model.safetensors"])
def test_mistrals_own_layout_is_named_with_the_remedy(folder: Path, renamed: str) -> None:
    (folder / "params.json").write_text("{}")
    (folder / "consolidated.safetensors").write_bytes(b"")
    (folder / renamed).unlink()
    with pytest.raises(CheckpointError, match=r"(params\.json|safetensors) is of Mistral's own layout.*Face"):
        Checkpoint(folder)


def test_a_pickle_that_is_missing_is_named(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"model\.safetensors nor .* or pytorch_model\.bin nor"):
        Checkpoint(folder, allow_pickle=True)
    index = {"weight_map": {"a": "pytorch_model-00001-of-00001.bin"}}
    write_json(folder / "pytorch_model.bin.index.json", index)
    with pytest.raises(CheckpointError, match=r"00001\.bin is missing, though pytorch_model\.bin\.index"):
        Checkpoint(folder, allow_pickle=True)


def test_no_weights_at_all(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"neither model\.safetensors nor"):
        Checkpoint(folder)


def test_a_folder_that_is_none_and_files_that_are_no_json(folder: Path) -> None:
    with pytest.raises(CheckpointError, match="absent is not a folder"):
        Checkpoint(folder / "absent")
    for content, says in (
        ("{", "not readable JSON"),
        ("[]", "list, not a JSON object"),
        ("[" * 100_000, "nested more than 64 levels deep"),
        ('{"a": ' * 300 + "1" + "}" * 300, "nested more than 64 levels deep"),
    ):
        (folder / "config.json").write_text(content)
        with pytest.raises(CheckpointError, match=says):
            Checkpoint(folder)
    (folder / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"config\.json is missing"):
        Checkpoint(folder)


@pytest.mark.parametrize("value", [0, -1, 1.5, "4", True])
def test_a_number_that_cannot_be_is_quoted(folder: Path, value: object) -> None:
    write_json(folder / "config.json", CONFIG | {"hidden_size": value})
    with pytest.raises(CheckpointError, match=f"hidden_size = {value!r}, not a whole number"):
        Checkpoint(folder).integer("hidden_size")


@pytest.mark.parametrize("value", [0, -1.5, "4", True, [1]])
def test_a_real_number_that_cannot_be_is_quoted(folder: Path, value: object) -> None:
    write_json(folder / "config.json", CONFIG | {"rms_norm_eps": value})
    with pytest.raises(CheckpointError, match=r"rms_norm_eps = .*, not a number above 0"):
        Checkpoint(folder).real("rms_norm_eps", 1e-6)
