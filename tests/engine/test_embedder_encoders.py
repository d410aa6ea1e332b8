"""The embedder on BERT and XLM-RoBERTa, converted by AION, against transformers and the pooling."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import AutoTokenizer

from aion.convert import FileType, convert
from aion.engine.embedder import LlamaEmbedder
from aion.engine.gate import ComputeGate
from aion.engine.model import Model
from aion.errors import ModelError
from tests.convert import encoders
from tests.convert.encoders import Pooling
from tests.convert.tiny import write_json

TEXTS = [
    "", "a", "Quanto custa o tour?", "O Palácio da Pena abre às 9h30, não às 10h.", "É AÇÃO; 🏰 漢字 e\u0301",
    "  espaços \n e\tlinhas ", "um texto longo " * 60,
]  # fmt: skip
FAMILIES: dict[str, Pooling] = {"bert": "mean", "cased": "cls", "xlm": "cls", "e5": "mean"}


def make(name: str, folder: Path, **config: Any) -> Path:
    """ "e5" is BERT with XLM-RoBERTa's tokenizer and more rows than pieces, as multilingual-e5-small."""
    if name in ("bert", "cased"):
        n_vocab = encoders.train_wordpiece(folder, lowercase=name == "bert")
        return encoders.save(encoders.bert(n_vocab, **config), folder, FAMILIES[name])
    encoders.write_unigram(folder, encoders.train_unigram(folder.with_suffix(".model")))
    n_vocab = encoders.N_UNIGRAM + 3
    build = encoders.xlm_roberta if name == "xlm" else encoders.bert
    return encoders.save(build(n_vocab, **config), folder, FAMILIES[name])


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint's folder, named as the family."""
    return make(request.param, tmp_path_factory.mktemp("encoder") / request.param)


@contextmanager
def opened(path: Path, n_batch: int = 2048) -> Iterator[LlamaEmbedder]:
    with (
        closing(Model(path)) as model,
        closing(LlamaEmbedder(model, 1, ComputeGate(), n_batch)) as embedder,
    ):
        yield embedder


@pytest.fixture(scope="module")
def embedder(family: Path) -> Iterator[LlamaEmbedder]:
    with opened(convert(family, family.with_suffix(".gguf"), "f32")) as embedder:
        yield embedder


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make("bert", tmp_path_factory.mktemp("encoder") / "bert")


@pytest.mark.parametrize("file_type", ["f32", "f16"])
def test_vectors_are_those_of_transformers(tmp_path: Path, family: Path, file_type: FileType) -> None:
    wanted = encoders.vectors(family, TEXTS, FAMILIES[family.name])
    with opened(convert(family, tmp_path / "m.gguf", file_type)) as embedder:
        found = embedder.embed_passages(TEXTS)
    assert (found * wanted).sum(1).min() > 0.9999
    others = wanted @ wanted.T - 2 * np.eye(len(TEXTS))
    assert others.max() < 0.99


def test_many_texts_at_once_equal_one_by_one(embedder: LlamaEmbedder) -> None:
    texts = [f"{TEXTS[i % len(TEXTS)]} {i}" for i in range(70)]
    together = embedder.embed_passages(texts)
    alone = np.stack([embedder.embed_query(text) for text in texts])
    assert (together * alone).sum(1).min() > 0.9999
    assert np.allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-5)


def test_counts_are_those_of_transformers(family: Path, embedder: LlamaEmbedder) -> None:
    tokenizer = AutoTokenizer.from_pretrained(str(family))
    assert [embedder.count_tokens(text) for text in TEXTS] == [
        len(ids) for ids in tokenizer(TEXTS)["input_ids"]
    ]


def test_a_long_text_keeps_its_closing_token(family: Path, embedder: LlamaEmbedder) -> None:
    """transformers cuts before it adds the closing token; without it the vector is another one."""
    long = "O elétrico da Praia das Maçãs parte de Sintra. " * 40
    assert embedder.count_tokens(long) > embedder.max_tokens == encoders.N_CTX
    wanted = encoders.vectors(family, [long], FAMILIES[family.name])[0]
    assert wanted @ embedder.embed_query(long) > 0.9999
    open_end = encoders.vectors(family, [long], FAMILIES[family.name], closing=False)[0]
    assert wanted @ open_end < 0.9999


def test_a_shorter_training_length_cuts_sooner(tmp_path: Path) -> None:
    folder = make("bert", tmp_path / "bert")
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 16})
    wanted = encoders.vectors(folder, TEXTS, "mean", max_length=16)
    with opened(convert(folder, tmp_path / "m.gguf", "f32")) as embedder:
        assert embedder.max_tokens == 16
        assert (embedder.embed_passages(TEXTS) * wanted).sum(1).min() > 0.9999


def test_texts_of_several_batches_keep_their_order(tmp_path: Path, bert: Path) -> None:
    path = convert(bert, tmp_path / "m.gguf", "f32")
    with opened(path) as embedder, opened(path, n_batch=encoders.N_CTX) as narrow:
        found, expected = narrow.embed_passages(TEXTS * 2), embedder.embed_passages(TEXTS * 2)
    assert (found * expected).sum(1).min() > 0.9999


@pytest.fixture
def prefixed(tmp_path: Path, bert: Path) -> Callable[..., Path]:
    def convert_with(**prompts: str) -> Path:
        write_json(bert / "config_sentence_transformers.json", {"prompts": prompts})
        try:
            return convert(bert, tmp_path / f"{len(list(tmp_path.iterdir()))}.gguf", "f32", "same name")
        finally:
            (bert / "config_sentence_transformers.json").unlink()

    return convert_with


def test_questions_and_passages_get_their_prefixes(prefixed: Callable[..., Path], bert: Path) -> None:
    text, question, passage = "Quanto custa?", "query: ", "passage: "
    wanted = encoders.vectors(bert, [question + text, passage + text], "mean")
    with opened(prefixed(query=question, passage=passage)) as embedder, opened(prefixed()) as plain:
        assert wanted[0] @ embedder.embed_query(text) > 0.9999
        assert wanted[1] @ embedder.embed_passages([text])[0] > 0.9999
        assert wanted[0] @ wanted[1] < 0.999
        assert embedder.count_tokens(text) == plain.count_tokens(passage + text)


def test_the_name_changes_with_what_stored_vectors_begin_with(prefixed: Callable[..., Path]) -> None:
    prompts: list[dict[str, str]] = [{}, {"query": "q: "}, {"passage": "a: "}]
    names = []
    for given in [*prompts, prompts[1] | prompts[2], {"passage": "b: "}]:
        with opened(prefixed(**given)) as embedder:
            names.append(embedder.name)
    assert names[0] == names[1] == f"same name:{encoders.SHAPE['hidden_size']}"
    assert names[2] == names[3]
    assert len(set(names)) == 3


def test_an_encoder_without_pooling_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "bare"
    encoders.save(encoders.bert(encoders.train_wordpiece(folder)), folder, None)
    with pytest.raises(ModelError, match="names no pooling"), opened(convert(folder, tmp_path / "m.gguf")):
        pass
