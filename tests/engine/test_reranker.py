"""Rerankers converted by AION against transformers, pair by pair."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
    XLMRobertaForSequenceClassification,
)

from aion.convert import convert
from aion.convert.gguf_copy import CopyingWriter
from aion.convert.gguf_file import GgufFile
from aion.engine.gate import ComputeGate
from aion.engine.model import Model
from aion.engine.pair import EncoderForm, pair_form
from aion.engine.reranker import LlamaReranker
from aion.errors import EngineFailed, ModelError
from tests.convert import encoders

QUERY = "Quanto custa o tour half-day?"
TEXTS = [
    "O tour half-day custa 55 €.",
    " ",
    "a",
    "O Palácio da Pena abre às 9h30, não às 10h.",
    "É AÇÃO; 🏰 漢字",
]
CONTROLS = "fora de [SEP] e </s> e <s> e [CLS]"  # fmt: skip
FAMILIES: dict[str, Any] = {"bert": BertForSequenceClassification, "xlm": XLMRobertaForSequenceClassification}


def make(name: str, folder: Path) -> Path:
    """A random cross encoder with one score beside a trained tokenizer."""
    if name == "bert":
        n_vocab = encoders.train_wordpiece(folder)
        shape = encoders.SHAPE | {"max_position_embeddings": encoders.N_CTX, "num_labels": 1}
        model = BertForSequenceClassification(BertConfig(vocab_size=n_vocab, **shape))
        return encoders.save(encoders.randomized(model), folder, None)
    encoders.write_unigram(folder, encoders.train_unigram(folder.with_suffix(".model")))
    config = encoders.xlm_roberta_config(encoders.N_UNIGRAM + 3, num_labels=1)
    return encoders.save(encoders.randomized(XLMRobertaForSequenceClassification(config)), folder, None)


def wanted(folder: Path, query: str, texts: list[str]) -> list[float]:
    """Scores by transformers, one pair at a time."""
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    model = FAMILIES[folder.name].from_pretrained(str(folder))
    scores = []
    for text in texts:
        inputs = tokenizer(query, text, truncation="only_second", max_length=encoders.N_CTX)
        with torch.no_grad():
            logits = model(**{key: torch.tensor([value]) for key, value in inputs.items()}).logits
        scores.append(torch.sigmoid(logits).item())
    return scores


@contextmanager
def opened(path: Path, n_batch: int = 1024) -> Iterator[LlamaReranker]:
    with closing(Model(path)) as model, closing(LlamaReranker(model, 1, ComputeGate(), n_batch)) as reranker:
        yield reranker


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint's folder, named as the family."""
    return make(request.param, tmp_path_factory.mktemp("reranker") / request.param)


@pytest.fixture(scope="module")
def reranker(family: Path) -> Iterator[LlamaReranker]:
    with opened(convert(family, family.with_suffix(".gguf"), "f32")) as reranker:
        yield reranker


def test_scores_are_those_of_transformers(family: Path, reranker: LlamaReranker) -> None:
    expected = wanted(family, QUERY, TEXTS)
    assert np.ptp(expected) > 1e-2
    assert np.allclose(reranker.score(QUERY, TEXTS), expected, atol=1e-3)


@pytest.mark.parametrize("file_type", ["f16", "q8_0"])
def test_fewer_bits_change_little(tmp_path: Path, family: Path, file_type: str) -> None:
    with opened(convert(family, tmp_path / "m.gguf", file_type)) as small:  # type: ignore[arg-type]
        assert np.allclose(small.score(QUERY, TEXTS), wanted(family, QUERY, TEXTS), atol=0.02)


def test_a_long_passage_is_cut_at_its_end(family: Path, reranker: LlamaReranker) -> None:
    long = "O elétrico da Praia das Maçãs parte de Sintra. " * 40
    assert np.allclose(reranker.score(QUERY, [long]), wanted(family, QUERY, [long]), atol=1e-3)
    assert reranker.judge(QUERY, [long])[1] == reranker.max_tokens == encoders.N_CTX


def test_many_pairs_equal_one_by_one(reranker: LlamaReranker) -> None:
    texts = [f"{TEXTS[i % len(TEXTS)]} {i}" for i in range(70)]
    together, n_tokens = reranker.judge(QUERY, texts)
    alone = [reranker.judge(QUERY, [text]) for text in texts]
    assert np.allclose(together, np.concatenate([scores for scores, _ in alone]), atol=1e-3)
    assert n_tokens == sum(n for _, n in alone)


def test_control_texts_stay_text(family: Path, tmp_path: Path) -> None:
    with closing(Model(convert(family, tmp_path / "m.gguf", "f32"), vocab_only=True)) as model:
        form = pair_form(model)
        assert isinstance(form, EncoderForm)
        ((first, second),) = form.pairs(CONTROLS, [CONTROLS], 10_000)
    special = {model.bos, *form.between}
    assert [t for t in first + second if t in special] == [*form.before, *form.between, *form.after]


def test_no_texts_have_no_scores(reranker: LlamaReranker) -> None:
    assert reranker.score(QUERY, []).shape == (0,)


def test_a_long_question_leaves_room_for_the_passage(reranker: LlamaReranker) -> None:
    long = "palavra " * 300
    scores, n_tokens = reranker.judge(long, ["sim", "O Palácio da Pena abre às 9h30."])
    assert n_tokens <= 2 * reranker.max_tokens
    assert scores[0] != scores[1]


@pytest.mark.parametrize(("n_query", "n_passage"), [(0, 0), (3, 50), (50, 3), (50, 50), (12, 12), (13, 12)])
def test_a_pair_keeps_to_its_room(tiny_model: Model, n_query: int, n_passage: int) -> None:
    query, passage = list(range(100, 100 + n_query)), list(range(200, 200 + n_passage))
    first, second = EncoderForm(tiny_model, (1,), (2, 2), (2,)).joined(query, passage, 28)
    kept = (first[1:-2], second[:-1])
    assert (first[0], first[-2:], second[-1]) == (1, [2, 2], 2)
    assert kept == (query[: len(kept[0])], passage[: len(kept[1])])
    assert sum(map(len, kept)) == min(24, n_query + n_passage)
    assert len(kept[0]) == n_query or len(kept[0]) >= 12


def test_a_closed_one_says_so(tmp_path: Path, family: Path) -> None:
    with opened(convert(family, tmp_path / "m.gguf", "f32")) as reranker:
        reranker.close()
        with pytest.raises(EngineFailed, match="AION_RERANK_MODEL has been closed"):
            reranker.score(QUERY, TEXTS)


def without(path: Path, out: Path, tensors: str | tuple[str, ...], key: str = "bert.pooling_type") -> Path:
    """A copy without some tensors and without the key, as other converters leave them out."""
    writer = CopyingWriter(GgufFile(path), without=[key])
    for tensor in gguf.GGUFReader(path).tensors:
        if not tensor.name.startswith(tensors):
            writer.add_tensor(tensor.name, np.array(tensor.data), raw_dtype=tensor.tensor_type)
    writer.open_output_file(out)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return out


def test_a_file_need_not_say_that_it_ranks(family: Path, tmp_path: Path, reranker: LlamaReranker) -> None:
    path = convert(family, tmp_path / "m.gguf", "f32")
    with opened(without(path, tmp_path / "plain.gguf", "none")) as plain:
        assert np.allclose(plain.score(QUERY, TEXTS), reranker.score(QUERY, TEXTS), atol=1e-3)


def test_a_head_that_is_not_whole_is_refused(family: Path, tmp_path: Path) -> None:
    path = convert(family, tmp_path / "m.gguf", "f32")
    none = without(path, tmp_path / "none.gguf", "cls.output")
    with pytest.raises(ModelError, match="no layer that makes a score"), opened(none):
        pass
    if family.name == "bert":
        half = without(path, tmp_path / "half.gguf", ("cls.weight", "cls.bias"))
        with pytest.raises(ModelError, match=r"pooler is missing .*use aion convert"), opened(half):
            pass


def test_a_model_that_writes_is_refused(tiny_model: Model) -> None:
    with pytest.raises(ModelError, match="cannot rerank: it has no layer that makes a score"):
        LlamaReranker(tiny_model, 1, ComputeGate())
