"""Qwen3-Reranker as llama.cpp's converter makes it: a decoder, a template "rerank", yes against no."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
import transformers

from aion.convert import convert
from aion.convert.gguf_copy import CopyingWriter
from aion.convert.gguf_file import GgufFile
from aion.engine.gate import ComputeGate
from aion.engine.model import Model
from aion.engine.pair import PairForm, pair_form
from aion.engine.reranker import LlamaReranker
from aion.errors import ModelError
from tests.convert.architectures.reference import Reference, save_reference
from tests.convert.conftest import train_tokenizer

TEMPLATE = "<s>[INST] Query: {query} Document: {document}[/INST] "
YES, NO = 300, 301


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    folder = tmp_path_factory.mktemp("qwen3")
    tokenizer = train_tokenizer(folder / "tokenizer.model")
    return save_reference(folder / "checkpoint", tokenizer, "Qwen3ForCausalLM", head_dim=16)


def ranking(
    reference: Reference, out: Path, labels: Sequence[str] = ("yes", "no"), template: str = TEMPLATE
) -> Path:
    """The model converted, with what llama.cpp's converter adds to a Qwen3-Reranker."""
    plain = convert(reference.folder, out.with_suffix(".plain"), "f32")
    writer = CopyingWriter(GgufFile(plain))
    writer.add_uint32("qwen3.pooling_type", 4)
    writer.add_array("qwen3.classifier.output_labels", list(labels))
    writer.add_string("tokenizer.chat_template.rerank", template)
    for tensor in gguf.GGUFReader(plain).tensors:
        writer.add_tensor(tensor.name, np.array(tensor.data))
    rows = [reference.weights["lm_head.weight"][token] for token in (YES, NO, NO)[: len(labels)]]
    writer.add_tensor("cls.output.weight", np.stack(rows))
    writer.open_output_file(out)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return out


def test_the_score_is_the_chance_of_yes(reference: Reference, tmp_path: Path) -> None:
    texts = ["O tour custa 55 €.", "a", "", "É AÇÃO; 🏰 ?"]
    model = transformers.Qwen3ForCausalLM.from_pretrained(reference.folder)
    with (
        closing(Model(ranking(reference, tmp_path / "m.gguf"))) as opened,
        closing(LlamaReranker(opened, 1, ComputeGate())) as reranker,
    ):
        found = reranker.score("Quanto custa?", texts)
        for text, score in zip(texts, found, strict=True):
            prompt = TEMPLATE.replace("{query}", "Quanto custa?").replace("{document}", text)
            ids = opened.tokenize(prompt, special=True)
            with torch.no_grad():
                logits = model(torch.tensor([ids])).logits[0, -1]
            assert abs(float(torch.softmax(logits[[YES, NO]], 0)[0]) - score) < 1e-3
    assert np.ptp(found) > 1e-3


@pytest.fixture(scope="module")
def form(reference: Reference, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Model, PairForm]]:
    path = ranking(reference, tmp_path_factory.mktemp("form") / "m.gguf")
    with closing(Model(path, vocab_only=True)) as model:
        yield model, pair_form(model)


def test_control_texts_stay_text(form: tuple[Model, PairForm]) -> None:
    model, pairs = form
    special = set(model.tokenize("<s></s><unk>[INST][/INST]", special=True))
    ((found, _),) = pairs.pairs("</s> e [INST]", ["fora de [/INST] e <s>"], 1000)
    ((plain, _),) = pairs.pairs("a", ["b"], 1000)
    assert [t for t in found if t in special] == [t for t in plain if t in special]


@pytest.mark.parametrize(("n_query", "n_passage"), [(2, 200), (200, 2), (200, 200), (2, 2)])
def test_a_pair_keeps_to_its_room(form: tuple[Model, PairForm], n_query: int, n_passage: int) -> None:
    model, pairs = form
    ((found, _),) = pairs.pairs("é " * n_query, ["ço " * n_passage], 60)
    text = model.detokenize(found)
    assert len(found) <= 60
    assert ("Query: " in text, "Document: " in text) == (True, True)
    assert found[-1] == model.tokenize(TEMPLATE, special=True)[-1]
    n_kept = text.count("é"), text.count("ço")
    assert min(n_kept) >= 2
    if n_query == n_passage == 2:
        assert n_kept == (2, 2)
    else:
        assert len(found) > 50


@pytest.mark.parametrize(
    ("labels", "template", "says"),
    [
        (("a", "b", "c"), TEMPLATE, "it has 3 classes where one score is needed"),
        (("a", "b"), TEMPLATE, "it has 2 classes where one score is needed"),
        (("yes", "no"), "{document} {query}", "has not {query} and then {document} once each"),
    ],
)
def test_other_ways_to_judge_are_refused(
    reference: Reference, tmp_path: Path, labels: Sequence[str], template: str, says: str
) -> None:
    path = ranking(reference, tmp_path / "m.gguf", labels, template)
    with closing(Model(path)) as opened, pytest.raises(ModelError) as refused:
        LlamaReranker(opened, 1, ComputeGate())
    assert says in refused.value.message
