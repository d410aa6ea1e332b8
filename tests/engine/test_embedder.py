from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import gguf
import numpy as np
import pytest

from aion.engine.embedder import LlamaEmbedder
from aion.engine.gate import ComputeGate
from aion.engine.model import Model
from aion.errors import EngineFailed, ModelError

TEXTS = ["", "a", "Quanto custa o tour?", "O Palácio da Pena abre às 9h30. " * 7, "🙂 漢字", "Sintra " * 60]


@pytest.fixture(scope="module")
def embedder(embed_model: Model) -> Iterator[LlamaEmbedder]:
    with closing(LlamaEmbedder(embed_model, 1, ComputeGate())) as opened:
        yield opened


def test_vectors_have_length_one(embedder: LlamaEmbedder) -> None:
    vectors = embedder.embed_passages(TEXTS)
    assert vectors.shape == (len(TEXTS), embedder.n_dims)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_the_same_text_gives_the_same_vector(embedder: LlamaEmbedder) -> None:
    first, second = embedder.embed_query(TEXTS[2]), embedder.embed_query(TEXTS[2])
    assert (first == second).all()
    assert first @ embedder.embed_query(TEXTS[4]) < 0.9999


def test_many_texts_at_once_equal_one_by_one(embedder: LlamaEmbedder) -> None:
    texts = [f"{TEXTS[i % len(TEXTS)]} {i}" for i in range(70)]
    together = embedder.embed_passages(texts)
    alone = np.stack([embedder.embed_query(text) for text in texts])
    assert (together * alone).sum(axis=1).min() > 0.9999


def test_a_long_text_is_embedded_by_its_beginning(embedder: LlamaEmbedder) -> None:
    long = "O elétrico da Praia das Maçãs parte de Sintra. " * 2000
    assert embedder.count_tokens(long) > embedder.max_tokens
    vectors = embedder.embed_passages([long, long + "fim", "curto"])
    assert vectors[0] @ vectors[1] > 0.9999
    assert vectors[2] @ embedder.embed_query("curto") > 0.9999


def test_no_texts_give_no_vectors(embedder: LlamaEmbedder) -> None:
    assert embedder.embed_passages([]).shape == (0, embedder.n_dims)


def test_the_name_tells_models_apart(embedder: LlamaEmbedder, embed_model: Model) -> None:
    assert embed_model.name in embedder.name
    assert str(embedder.n_dims) in embedder.name


def test_a_chat_model_is_refused(chat_model: Model) -> None:
    with pytest.raises(ModelError, match=r"aion-nano\.gguf cannot embed.*AION_EMBED_MODEL"):
        LlamaEmbedder(chat_model, 1, ComputeGate())


def test_a_closed_embedder_refuses(embed_model: Model) -> None:
    embedder = LlamaEmbedder(embed_model, 1, ComputeGate(), n_batch=512)
    embedder.close()
    embedder.close()
    with pytest.raises(EngineFailed, match="closed"):
        embedder.embed_query("a")


def test_numbers_that_are_none_are_an_error_of_their_text_alone(embed_model: Model, tmp_path: Path) -> None:
    path = tmp_path / "damaged.gguf"
    shutil.copy(embed_model.path, path)
    token = min(set(embed_model.tokenize_text("Pena")) - set(embed_model.tokenize_text("Quanto custa?")))
    tensor = next(t for t in gguf.GGUFReader(path, "r+").tensors if t.name == "token_embd.weight")
    tensor.data[token] = 0xFF  # a scale that is no number
    with closing(Model(path)) as model, closing(LlamaEmbedder(model, 1, ComputeGate())) as damaged:
        before = damaged.embed_query("Quanto custa?")
        with pytest.raises(EngineFailed, match=r"no number for one of 2 texts.*AION_EMBED_MODEL"):
            damaged.embed_passages(["Pena", "Quanto custa?"])
        assert (damaged.embed_query("Quanto custa?") == before).all()
