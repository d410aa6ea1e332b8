from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from transformers import BertConfig, BertForMaskedLM

from aion.convert import Checkpoint, convert
from aion.convert.architectures.registry import architecture_of, names_of
from aion.errors import CheckpointError
from tests.convert import encoders
from tests.convert.tiny import write_json, write_safetensors

LAYER = {
    "attn_q": "attention.self.query", "attn_k": "attention.self.key", "attn_v": "attention.self.value",
    "attn_output": "attention.output.dense", "attn_output_norm": "attention.output.LayerNorm",
    "ffn_up": "intermediate.dense", "ffn_down": "output.dense", "layer_output_norm": "output.LayerNorm",
}  # fmt: skip
TOP = {
    "token_embd": "word_embeddings", "position_embd": "position_embeddings",
    "token_types": "token_type_embeddings", "token_embd_norm": "LayerNorm",
}  # fmt: skip


def source_name(name: str) -> str:
    """The table the other way round, written again so that a slip in one shows."""
    module, _, part = name.rpartition(".")
    if not module.startswith("blk."):
        return f"embeddings.{TOP[module]}.{part}"
    _, layer, kind = module.split(".")
    return f"encoder.layer.{layer}.{LAYER[kind]}.{part}"


def read(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    tensors = gguf.GGUFReader(path).tensors
    return {t.name: np.asarray(gguf.dequantize(t.data, t.tensor_type)) for t in tensors}


def weights(folder: Path) -> dict[str, np.ndarray[Any, Any]]:
    checkpoint = Checkpoint(folder)
    return {name: checkpoint.f32(name) for name in checkpoint.names}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bert") / "checkpoint"
    return encoders.save(encoders.bert(encoders.train_wordpiece(folder)), folder)


@pytest.fixture
def folder(tmp_path: Path, made: Path) -> Path:
    return shutil.copytree(made, tmp_path / "checkpoint")


def change(folder: Path, **config: Any) -> Path:
    write_json(folder / "config.json", Checkpoint(folder).config | config)
    return folder


def metadata(folder: Path) -> dict[str, Any]:
    return dict(architecture_of(Checkpoint(folder)).metadata())


def test_f32_is_the_source_bit_for_bit(tmp_path: Path, made: Path) -> None:
    found, source = read(convert(made, tmp_path / "m.gguf", "f32")), weights(made)
    assert {source_name(name) for name in found} == {name for name in source if "pooler" not in name}
    for name, tensor in found.items():
        assert tensor.tobytes() == source[source_name(name)].tobytes(), name


def test_positions_and_token_types_stay_f32(tmp_path: Path, made: Path) -> None:
    reader = gguf.GGUFReader(convert(made, tmp_path / "m.gguf", "f16"))
    types = {t.name: t.tensor_type.name for t in reader.tensors}
    assert types["position_embd.weight"] == types["token_types.weight"] == types["blk.0.attn_q.bias"] == "F32"
    assert types["token_embd.weight"] == types["blk.1.ffn_down.weight"] == "F16"


def test_a_masked_model_is_its_trunk(tmp_path: Path, made: Path, folder: Path) -> None:
    n_vocab = Checkpoint(made).integer("vocab_size")
    config = BertConfig(vocab_size=n_vocab, max_position_embeddings=encoders.N_CTX, **encoders.SHAPE)
    encoders.save(encoders.randomized(BertForMaskedLM(config)), folder)
    source, found = weights(folder), read(convert(folder, tmp_path / "m.gguf", "f32"))
    assert any(name.startswith("cls.predictions") for name in source)
    for name, tensor in found.items():
        assert tensor.tobytes() == source[f"bert.{source_name(name)}"].tobytes(), name


def test_names_of_old_layer_norms_are_known(tmp_path: Path, made: Path, folder: Path) -> None:
    def old(name: str) -> str:
        return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")

    source = {f"bert.{old(name)}": tensor for name, tensor in weights(made).items()}
    positions = np.arange(encoders.N_CTX, dtype="<f4")
    write_safetensors(folder / "model.safetensors", source | {"bert.embeddings.position_ids": positions})
    expected = read(convert(made, tmp_path / "new.gguf", "f32"))
    for name, tensor in read(convert(folder, tmp_path / "old.gguf", "f32")).items():
        assert tensor.tobytes() == expected[name].tobytes(), name


def test_hyperparameters(made: Path) -> None:
    found = metadata(made)
    assert found["bert.context_length"] == encoders.N_CTX
    assert found["bert.block_count"] == encoders.SHAPE["num_hidden_layers"]
    assert found["bert.attention.head_count"] == encoders.SHAPE["num_attention_heads"]
    assert found["bert.attention.layer_norm_epsilon"] == Checkpoint(made).config["layer_norm_eps"]
    assert found["bert.attention.causal"] is False
    assert found["bert.pooling_type"] == 1


def test_adapters_find_the_modules(made: Path) -> None:
    names = names_of("bert")
    for name, kind in (("bert.encoder.layer.1.attention.self.key", "attn_k"), ("pooler.dense", None)):
        found = names.find(name)
        assert (found.kind if found else None) == kind


@pytest.mark.parametrize(("longest", "effective"), [(32, 32), (None, None), (encoders.N_CTX, None)])
def test_a_shorter_training_length_is_kept(folder: Path, longest: int | None, effective: int | None) -> None:
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": longest})
    assert metadata(folder).get("bert.context_length_effective") == effective


def test_without_pooling_none_is_written(folder: Path) -> None:
    shutil.rmtree(folder / "1_Pooling")
    assert "bert.pooling_type" not in metadata(folder)


def test_the_modules_of_sentence_transformers_are_followed(folder: Path) -> None:
    place = [{"type": "sentence_transformers.models.Pooling", "path": "2_Pooling"}]
    write_json(folder / "modules.json", place)
    write_json(folder / "2_Pooling" / "config.json", {"pooling_mode_cls_token": True})
    assert metadata(folder)["bert.pooling_type"] == 2
    write_json(folder / "modules.json", [*place, {"type": "sentence_transformers.models.Dense"}])
    with pytest.raises(CheckpointError, match="has a step 'Dense' after the model"):
        metadata(folder)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"1_Pooling/config.json": {"pooling_mode_max_tokens": True}}, "asks for pooling_mode_max_tokens"),
        ({"1_Pooling/config.json": {"include_prompt": False}}, "include_prompt = false"),
        ({"modules.json": {}}, "modules.json is no list of modules"),
        ({"config_sentence_transformers.json": {"prompts": {"query": 1}}}, "prompts that are no texts"),
    ],
)  # fmt: skip
def test_what_sentence_transformers_does_otherwise_is_refused(
    folder: Path, files: dict[str, object], says: str
) -> None:
    for name, value in files.items():
        write_json(folder / name, value)
    with pytest.raises(CheckpointError, match=says):
        metadata(folder)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"hidden_act": "relu"}, "hidden_act = 'relu'"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type = 'relative_key'"),
        ({"is_decoder": True}, "is_decoder = True"),
        ({"num_attention_heads": 5}, "num_attention_heads = 5; it must divide"),
        ({"architectures": ["BertForSequenceClassification"]}, "num_labels = 2; only a reranker with one"),
        ({"architectures": ["BertForTokenClassification"]}, "a model with another head"),
    ],
)
def test_what_cannot_be_the_same_is_refused(folder: Path, config: dict[str, Any], says: str) -> None:
    with pytest.raises(CheckpointError) as raised:
        architecture_of(Checkpoint(change(folder, **config)))
    assert says in raised.value.message


def test_a_tensor_that_is_missing_is_named(tmp_path: Path, folder: Path) -> None:
    source = weights(folder)
    del source["encoder.layer.1.output.LayerNorm.bias"]
    write_safetensors(folder / "model.safetensors", source)
    with pytest.raises(CheckpointError, match=r"lacks the tensor encoder\.layer\.1\.output\.LayerNorm\.bias"):
        convert(folder, tmp_path / "m.gguf")
