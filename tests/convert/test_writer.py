from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import gguf
import numpy as np
import pytest
import torch

from aion.convert import FileType, convert
from aion.convert.card import Card
from aion.errors import CheckpointError
from tests.convert.tiny import (
    CONFIG,
    N_VOCAB,
    Tensors,
    from_bf16,
    random_tensors,
    to_bf16,
    write_folder,
    write_json,
    write_safetensors,
    write_sharded,
)  # fmt: skip

HEADS = {"attn_q": 4, "attn_k": 2}


def source_name(name: str) -> str:
    """The table the other way round, written again so that a slip in one shows."""
    plain = {"token_embd": "embed_tokens", "output_norm": "norm"}
    block = {
        "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_q": "self_attn.q_proj",
        "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
        "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
    }  # fmt: skip
    parts = name.removesuffix(".weight").split(".")
    inner = plain[parts[0]] if len(parts) == 1 else f"layers.{parts[1]}.{block[parts[2]]}"
    return f"model.{inner}.weight"


def expected(name: str, tensors: Tensors) -> np.ndarray[Any, Any]:
    tensor = tensors[source_name(name)]
    n_heads = next((n for part, n in HEADS.items() if part in name), None)
    if n_heads is None:
        return tensor
    half = tensor.shape[0] // n_heads // 2
    rows = [h * 2 * half + i + side * half for h in range(n_heads) for i in range(half) for side in (0, 1)]
    return tensor[rows]


def read(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Every tensor as float32."""
    tensors = gguf.GGUFReader(path).tensors
    return {t.name: np.asarray(gguf.dequantize(t.data, t.tensor_type)) for t in tensors}


def field(path: Path, key: str) -> Any:
    found = gguf.GGUFReader(path).get_field(key)
    return None if found is None else found.contents()


def test_f32_is_the_source_bit_for_bit(tmp_path: Path, folder: Path) -> None:
    tensors, found = random_tensors(CONFIG), read(convert(folder, tmp_path / "m.gguf", "f32"))
    assert {source_name(name) for name in found} == set(tensors)
    for name, tensor in found.items():
        assert tensor.tobytes() == expected(name, tensors).tobytes(), name


@pytest.mark.parametrize("file_type", ["f32", "bf16"])
def test_a_bf16_checkpoint_is_exact_in_bf16_and_f32(
    tmp_path: Path, folder: Path, file_type: FileType
) -> None:
    stored = {name: to_bf16(t) for name, t in random_tensors(CONFIG).items()}
    write_safetensors(folder / "model.safetensors", stored)
    source = {name: from_bf16(t) for name, t in stored.items()}
    for name, tensor in read(convert(folder, tmp_path / "m.gguf", file_type)).items():
        assert tensor.tobytes() == expected(name, source).tobytes(), name


@pytest.mark.parametrize(("file_type", "bound"), [("f16", 2**-11), ("bf16", 2**-8)])
def test_half_precision_is_within_its_rounding(
    tmp_path: Path, folder: Path, file_type: FileType, bound: float
) -> None:
    tensors = random_tensors(CONFIG)
    for name, tensor in read(convert(folder, tmp_path / "m.gguf", file_type)).items():
        source = expected(name, tensors)
        limit = np.maximum(np.abs(source) * bound, 2**-24) if source.ndim > 1 else np.zeros(source.shape)
        assert (np.abs(tensor - source) <= limit).all(), name


def test_q8_0_is_within_half_a_step_of_each_block(tmp_path: Path, folder: Path) -> None:
    tensors = random_tensors(CONFIG)
    for name, tensor in read(convert(folder, tmp_path / "m.gguf", "q8_0")).items():
        source = expected(name, tensors)
        if source.ndim == 1:
            assert tensor.tobytes() == source.tobytes()
            continue
        error = np.abs(tensor - source).reshape(-1, 32).max(-1)
        largest = np.abs(source).reshape(-1, 32).max(-1)
        assert (error <= largest / 127 * 0.5 + largest * 2**-10).all(), name


def test_rows_that_are_no_multiple_of_a_block_stay_f16(tmp_path: Path, tokenizer: Path) -> None:
    source = write_folder(tmp_path / "c", tokenizer, CONFIG | {"intermediate_size": 80})
    reader = gguf.GGUFReader(convert(source, tmp_path / "m.gguf", "q8_0"))
    types = {t.name: t.tensor_type.name for t in reader.tensors}
    assert types["blk.0.ffn_down.weight"] == "F16"
    assert types["blk.0.ffn_up.weight"] == types["token_embd.weight"] == "Q8_0"
    assert types["output_norm.weight"] == "F32"


def test_shards_make_the_same_file(tmp_path: Path, folder: Path) -> None:
    single = convert(folder, tmp_path / "single.gguf", "q8_0").read_bytes()
    write_sharded(folder, random_tensors(CONFIG))
    assert convert(folder, tmp_path / "sharded.gguf", "q8_0").read_bytes() == single


@pytest.mark.parametrize("file_type", get_args(FileType))
def test_metadata_says_what_the_file_is(tmp_path: Path, folder: Path, file_type: FileType) -> None:
    (folder / "README.md").write_text("---\nlicense: apache-2.0\nauthor: 'A'\ntags:\n- x\n---\nlicense: no\n")
    out = convert(folder, tmp_path / "m.gguf", file_type, "Sintra", card=Card(author="B"), chat_template="T")
    assert field(out, "general.architecture") == "llama"
    assert field(out, "general.name") == "Sintra"
    assert field(out, "general.file_type") == {"f32": 0, "f16": 1, "bf16": 32, "q8_0": 7}[file_type]
    assert (field(out, "general.license"), field(out, "general.author")) == ("apache-2.0", "B")
    assert field(out, "general.size_label") == "115K"
    assert field(out, "tokenizer.chat_template") == "T"
    assert field(out, "tokenizer.ggml.add_space_prefix") is False
    assert field(out, "aion.tokenizer.leading_space") is True


def test_recommended_sampling_is_kept(tmp_path: Path, folder: Path) -> None:
    said = {"temperature": 0.5, "top_k": 40, "top_p": "no", "min_p": 0.25, "repetition_penalty": 1.125}
    write_json(folder / "generation_config.json", said)
    out = convert(folder, tmp_path / "m.gguf")
    assert field(out, "general.sampling.temp") == 0.5
    assert field(out, "general.sampling.top_k") == 40
    assert field(out, "general.sampling.top_p") is None
    assert field(out, "general.sampling.min_p") == 0.25
    assert field(out, "general.sampling.penalty_repeat") == 1.125


@pytest.mark.parametrize("value", ["1e12", "-1e12", "4.5", "1e39", "NaN", "Infinity", "true", "[1]"])
def test_sampling_that_no_gguf_holds_is_left_out(tmp_path: Path, folder: Path, value: str) -> None:
    """JSON's numbers are larger than i32 and f32."""
    real = "1e39" if value in ("1e12", "-1e12", "4.5") else value
    (folder / "generation_config.json").write_text(
        f'{{"top_k": {value}, "temperature": {real}, "min_p": 1{"0" * 400}, "top_p": 0.5}}'
    )
    names = gguf.GGUFReader(convert(folder, tmp_path / "m.gguf")).fields
    assert [n for n in names if n.startswith("general.sampling")] == ["general.sampling.top_p"]


def test_the_model_card_is_in_the_file(tmp_path: Path, folder: Path) -> None:
    (folder / "README.md").write_text("---\nlanguage:\n- pt\n- en\nbase_model: A/B\npipeline_tag: t\n---\n")
    card = Card(repository="https://huggingface.co/Owner/Name")
    out = convert(folder, tmp_path / "m.gguf", card=card)
    assert field(out, "general.languages") == ["pt", "en"]
    assert field(out, "general.tags") == ["t"]
    assert field(out, "general.author") == field(out, "general.organization") == "Owner"
    assert field(out, "general.base_model.count") == 1
    assert field(out, "general.base_model.0.repo_url") == "https://huggingface.co/A/B"


def test_progress_counts_every_tensor(tmp_path: Path, folder: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    convert(folder, tmp_path / "m.gguf", "f16", progress=lambda *step: seen.append(step))
    assert seen[0] == ("token_embd.weight", 1, 20)
    assert [i for _, i, _ in seen] == list(range(1, 21))


def test_an_output_that_exists_is_kept_unless_asked(tmp_path: Path, folder: Path) -> None:
    out = tmp_path / "m.gguf"
    out.write_text("mine")
    with pytest.raises(CheckpointError, match=r"m\.gguf exists already"):
        convert(folder, out)
    assert out.read_text() == "mine"
    assert convert(folder, out, overwrite=True).read_bytes()[:4] == b"GGUF"


@pytest.mark.parametrize(
    ("value", "says"), [(np.nan, "NaN"), (np.inf, "Inf"), (-np.inf, "Inf"), (1e6, "ends at 65504")]
)
def test_a_value_that_cannot_be_kept_is_refused_and_nothing_is_left(
    tmp_path: Path, folder: Path, value: float, says: str
) -> None:
    tensors = random_tensors(CONFIG)
    tensors["model.layers.1.mlp.up_proj.weight"][3, 4] = value
    write_safetensors(folder / "model.safetensors", tensors)
    with pytest.raises(CheckpointError, match=rf"layers\.1\.mlp\.up_proj\.weight holds .*{says}"):
        convert(folder, tmp_path / "m.gguf", "f16")
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


def test_missing_unexpected_and_misshapen_tensors_are_named(tmp_path: Path, folder: Path) -> None:
    name, whole = "model.layers.0.mlp.up_proj.weight", random_tensors(CONFIG)
    for tensors, says in (
        ({k: t for k, t in whole.items() if k != name}, f"lacks the tensor {name}"),
        (
            whole | {"model.layers.0.self_attn.q_proj.bias": np.ones(4, "<f4")},
            "q_proj.bias, which MistralForCausalLM",
        ),
        (
            whole | {name: np.ones((2, 2), "<f4")},
            f"{name} of shape [2, 2] where config.json asks for [96, 64]",
        ),
    ):
        write_safetensors(folder / "model.safetensors", tensors)
        with pytest.raises(CheckpointError) as raised:
            convert(folder, tmp_path / "m.gguf")
        assert says in raised.value.message


def test_an_unknown_architecture_and_type_are_named(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(CheckpointError, match="type 'q3' is unknown; use one of f32, f16"):
        convert(folder, tmp_path / "m.gguf", "q3")  # type: ignore[arg-type]
    for names, says in (
        (["MambaForCausalLM"], "'MambaForCausalLM'; known are Mistral"),
        ([], "architecture ''"),
    ):
        write_json(folder / "config.json", CONFIG | {"architectures": names})
        with pytest.raises(CheckpointError, match=says):
            convert(folder, tmp_path / "m.gguf")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(CheckpointError, match=r"absent/m\.gguf cannot be written \(No such file"):
        convert(folder, tmp_path / "absent" / "m.gguf")


def test_pickles_are_read_when_asked_for_and_make_the_same_file(tmp_path: Path, folder: Path) -> None:
    tensors = {name: torch.from_numpy(t) for name, t in random_tensors(CONFIG).items()}
    wanted = convert(folder, tmp_path / "wanted.gguf", "q8_0").read_bytes()
    (folder / "model.safetensors").unlink()
    torch.save(tensors, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin is a pickle.*allow_pickle"):
        convert(folder, tmp_path / "m.gguf", "q8_0")
    single = convert(folder, tmp_path / "m.gguf", "q8_0", allow_pickle=True).read_bytes()
    halves = [dict(list(tensors.items())[i::2]) for i in (0, 1)]
    names = [f"pytorch_model-0000{i}-of-00002.bin" for i in (1, 2)]
    for name, half in zip(names, halves, strict=True):
        torch.save(half, folder / name)
    weight_map = {tensor: name for name, half in zip(names, halves, strict=True) for tensor in half}
    write_json(folder / "pytorch_model.bin.index.json", {"weight_map": weight_map})
    (folder / "pytorch_model.bin").unlink()
    sharded = convert(folder, tmp_path / "n.gguf", "q8_0", allow_pickle=True).read_bytes()
    assert single == sharded == wanted


@pytest.mark.parametrize("link", [Path.hardlink_to, Path.symlink_to])
def test_a_source_is_never_written_over(
    tmp_path: Path, folder: Path, link: Callable[[Path, Path], None]
) -> None:
    source = folder / "model.safetensors"
    before = source.read_bytes()
    link(tmp_path / "m.gguf", source)
    for out in (source, tmp_path / "m.gguf"):
        with pytest.raises(CheckpointError, match=r"is the source .*; name another output"):
            convert(folder, out, overwrite=True)
    with pytest.raises(CheckpointError, match="is a folder; name the file"):
        convert(folder, folder, overwrite=True)
    assert source.read_bytes() == before


def test_tensors_of_several_chunks_are_whole(tmp_path: Path, tokenizer: Path) -> None:
    """Also where a chunk ends within a head, whose rows are turned."""
    config = CONFIG | {"head_dim": 1536, "intermediate_size": 5000, "num_hidden_layers": 1}
    tensors = random_tensors(config)
    folder = write_folder(tmp_path / "c", tokenizer, config, {n: to_bf16(t) for n, t in tensors.items()})
    source = {name: from_bf16(to_bf16(t)) for name, t in tensors.items()}
    for name, tensor in read(convert(folder, tmp_path / "m.gguf", "bf16")).items():
        assert tensor.tobytes() == expected(name, source).tobytes(), name


MEASURED = """
import resource, sys
from pathlib import Path
from aion.convert import convert
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
convert(Path(sys.argv[1]), Path(sys.argv[2]), "q8_0")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_memory_is_less_than_the_largest_tensor(tmp_path: Path, tokenizer: Path) -> None:
    config = CONFIG | {"hidden_size": 1 << 16, "head_dim": 2, "intermediate_size": 32, "num_hidden_layers": 1}
    tensors = {name: to_bf16(t) for name, t in random_tensors(config | {"vocab_size": 1}).items()}
    tensors["model.embed_tokens.weight"] = np.zeros((N_VOCAB, 1 << 16), "<u2")
    folder = write_folder(tmp_path / "c", tokenizer, config, tensors)
    command = [sys.executable, "-c", MEASURED, str(folder), str(tmp_path / "m.gguf")]
    grown_kib = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert grown_kib * 1024 < tensors["model.embed_tokens.weight"].nbytes
