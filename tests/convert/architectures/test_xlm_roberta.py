from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, XLMRobertaForSequenceClassification

from aion.convert import Checkpoint, convert
from aion.convert.architectures.registry import architecture_of
from aion.errors import CheckpointError
from tests.convert import encoders
from tests.convert.architectures.test_bert import change, read, source_name, weights
from tests.convert.llama import loaded

OFFSET = 2
PAIRS = [("Quanto custa?", "O tour custa 85 euros."), ("Quando abre?", "Às 9h30."), ("a", "b")]


@pytest.fixture(scope="module")
def tokenizer_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encoders.train_unigram(tmp_path_factory.mktemp("unigram") / "sentencepiece.bpe.model")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, tokenizer_model: Path) -> Path:
    folder = tmp_path_factory.mktemp("xlm") / "checkpoint"
    encoders.write_unigram(folder, tokenizer_model)
    return encoders.save(encoders.xlm_roberta(encoders.N_UNIGRAM), folder, "cls")


@pytest.fixture
def folder(tmp_path: Path, made: Path) -> Path:
    return shutil.copytree(made, tmp_path / "checkpoint")


def reranker(folder: Path, n_labels: int) -> XLMRobertaForSequenceClassification:
    config = encoders.xlm_roberta_config(encoders.N_UNIGRAM, num_labels=n_labels)
    model = encoders.randomized(XLMRobertaForSequenceClassification(config))
    encoders.save(model, folder, None)
    return model


def test_f32_is_the_source_bit_for_bit_after_the_row_order(tmp_path: Path, made: Path) -> None:
    found, source = read(convert(made, tmp_path / "m.gguf", "f32")), weights(made)
    assert {source_name(name) for name in found} == {name for name in source if "pooler" not in name}
    for name, tensor in found.items():
        rows = slice(OFFSET, None) if name == "position_embd.weight" else slice(None)
        assert tensor.tobytes() == source[source_name(name)][rows].tobytes(), name


def test_positions_begin_after_the_padding_token(made: Path, folder: Path) -> None:
    found = architecture_of(Checkpoint(made)).metadata()
    assert found["bert.context_length"] == encoders.N_CTX
    assert found["bert.pooling_type"] == 2
    found = architecture_of(Checkpoint(change(folder, pad_token_id=0))).metadata()
    assert found["bert.context_length"] == encoders.N_CTX + 1


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"pad_token_id": -1}, "pad_token_id = -1; positions are counted from it"),
        ({"max_position_embeddings": 2}, "max_position_embeddings = 2; no position is left"),
    ],
)
def test_positions_that_cannot_be_are_refused(folder: Path, config: dict[str, Any], says: str) -> None:
    with pytest.raises(CheckpointError, match=says):
        architecture_of(Checkpoint(change(folder, **config)))


def test_a_position_table_of_another_length_is_refused(tmp_path: Path, folder: Path) -> None:
    change(folder, max_position_embeddings=encoders.N_CTX)
    with pytest.raises(CheckpointError, match=r"position_embeddings.weight of shape \[66, 64\]"):
        convert(folder, tmp_path / "m.gguf")


def test_a_reranker_gives_the_scores_of_transformers(tmp_path: Path, folder: Path) -> None:
    model, tokenizer = reranker(folder, 1), AutoTokenizer.from_pretrained(str(folder))
    with loaded(convert(folder, tmp_path / "m.gguf", "f32")) as converted:
        for question, passage in PAIRS:
            ids = tokenizer(question, passage)["input_ids"]
            with torch.no_grad():
                expected = model(torch.tensor([ids])).logits.item()
            assert abs(converted.score(ids) - expected) < 1e-3 * max(1.0, abs(expected))


def test_scores_of_different_pairs_differ(folder: Path) -> None:
    model, tokenizer = reranker(folder, 1), AutoTokenizer.from_pretrained(str(folder))
    with torch.no_grad():
        scores = [model(torch.tensor([tokenizer(*pair)["input_ids"]])).logits.item() for pair in PAIRS]
    assert np.ptp(scores) > 1e-2


def test_a_classifier_of_two_classes_is_refused(folder: Path) -> None:
    reranker(folder, 2)
    with pytest.raises(CheckpointError, match="num_labels = 2; only a reranker with one score"):
        architecture_of(Checkpoint(folder))
