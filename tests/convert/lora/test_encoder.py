"""Adapters of embedding models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aion.convert import convert
from aion.convert.lora import convert_lora
from aion.errors import CheckpointError
from tests.convert import encoders
from tests.convert.llama import loaded
from tests.convert.lora.tuned import IDS, Tiny, quiet, tune_states

MODULES = ["word_embeddings", "query", "key", "value", "dense"]


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """With llama.cpp's own GELU, which it looks up in half precision."""
    root = tmp_path_factory.mktemp("bert")
    n_vocab = encoders.train_wordpiece(root / "base")
    with quiet():
        folder = encoders.save(encoders.bert(n_vocab, hidden_act="gelu_pytorch_tanh"), root / "base")
    return Tiny(folder, convert(folder, root / "tiny.gguf", "f32"))


def test_the_vector_is_that_of_peft_and_the_pooler_is_left_out(tmp_path: Path, bert: Tiny) -> None:
    wanted = tune_states(bert, tmp_path / "adapter", target_modules=MODULES).mean(0)
    result = convert_lora(tmp_path / "adapter", bert.gguf, tmp_path / "a.gguf", "f32")
    assert result.warnings == (f"Left out, because {bert.gguf} computes nothing with it: pooler.dense.",)
    with loaded(bert.gguf) as model:
        found = model.embedding(IDS, result.path)
        assert np.abs(found - model.embedding(IDS)).max() > 0.1
    np.testing.assert_allclose(found, wanted, atol=1e-3)


def test_a_table_that_llama_cpp_looks_up_without_adapters(tmp_path: Path, bert: Tiny) -> None:
    tune_states(bert, tmp_path / "adapter", target_modules=["position_embeddings", "query"])
    with pytest.raises(CheckpointError, match=r"without adapters \(embeddings.position_emb"):
        convert_lora(tmp_path / "adapter", bert.gguf, tmp_path / "a.gguf")


def test_a_pooler_alone_changes_nothing(tmp_path: Path, bert: Tiny) -> None:
    tune_states(bert, tmp_path / "adapter", target_modules=["pooler.dense"])
    with pytest.raises(CheckpointError, match="changes nothing"):
        convert_lora(tmp_path / "adapter", bert.gguf, tmp_path / "a.gguf")
