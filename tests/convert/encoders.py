"""Tiny random encoders and their tokenizers, made with transformers, and its vectors as the oracle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import sentencepiece
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import (
    AutoModel,
    AutoTokenizer,
    BertConfig,
    BertModel,
    PreTrainedModel,
    XLMRobertaConfig,
    XLMRobertaModel,
    XLMRobertaTokenizer,
)

from aion.convert.vocab.pieces import read_unigram_pieces
from tests.convert.tiny import write_json
from tests.convert.vocab.strings import classed

Pooling = Literal["mean", "cls"]
AnyModel = TypeVar("AnyModel", bound=PreTrainedModel)
_FLAGS = {"mean": "mean_tokens", "cls": "cls_token"}
SHAPE: dict[str, Any] = {
    "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 96,
}  # fmt: skip
N_CTX = 64
N_UNIGRAM = 1205
_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def corpus() -> list[str]:
    """What the tokenizers are trained on: nothing of any character, nothing sentencepiece refuses."""
    return [text.replace("\0", "") for name, text in classed(3000) if name != "any"]


def train_wordpiece(folder: Path, *, lowercase: bool = True) -> int:
    """Write tokenizer.json, vocab.txt and tokenizer_config.json; returns the number of pieces."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=1500, special_tokens=_SPECIAL, show_progress=False)
    tokenizer.train_from_iterator(corpus(), trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    ids = tokenizer.get_vocab()
    (folder / "vocab.txt").write_text("".join(f"{p}\n" for p in sorted(ids, key=ids.__getitem__)))
    write_json(
        folder / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "do_lower_case": lowercase}
    )
    return len(ids)


def train_unigram(path: Path, **options: Any) -> Path:
    """A sentencepiece model in the way of XLM-RoBERTa's; `options` override."""
    given: dict[str, Any] = {
        "vocab_size": N_UNIGRAM - 5, "model_type": "unigram", "normalization_rule_name": "nmt_nfkc",
        "character_coverage": 0.9995, "minloglevel": 2, "num_threads": 1,
    } | options  # fmt: skip
    with path.open("wb") as file:
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(corpus()), model_writer=file, **given)
    return path


def write_unigram(folder: Path, model: Path) -> None:
    """Write tokenizer.json and tokenizer_config.json as transformers does, of a sentencepiece `model`."""
    own = read_unigram_pieces(model)
    pieces = [(piece.text.decode(), piece.score) for piece in own.pieces[3:]]
    first = [(text, 0.0) for text in ("<s>", "<pad>", "</s>", "<unk>")]
    vocab = [*first, *pieces, ("<mask>", 0.0)]
    charsmap: Any = own.charsmap  # declared as text, and taken as bytes only
    XLMRobertaTokenizer(vocab=vocab, _spm_precompiled_charsmap=charsmap).save_pretrained(str(folder))


def bert(n_vocab: int, **config: Any) -> BertModel:
    given = SHAPE | {"max_position_embeddings": N_CTX} | config
    return randomized(BertModel(BertConfig(vocab_size=n_vocab, **given)))


def xlm_roberta(n_vocab: int, **config: Any) -> XLMRobertaModel:
    return randomized(XLMRobertaModel(xlm_roberta_config(n_vocab, **config)))


def xlm_roberta_config(n_vocab: int, **config: Any) -> XLMRobertaConfig:
    given = SHAPE | {"max_position_embeddings": N_CTX + 2, "type_vocab_size": 1} | config
    return XLMRobertaConfig(vocab_size=n_vocab, **given)


def randomized(model: AnyModel, seed: int = 0) -> AnyModel:
    """`model` with every parameter drawn, biases and norms too, large enough that attention is not flat."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            drawn = torch.randn(parameter.shape, generator=generator) * (0.2 if parameter.ndim > 1 else 0.1)
            parameter.copy_(drawn + 1 if name.endswith("LayerNorm.weight") else drawn)
    model.train(mode=False)
    return model


def save(model: PreTrainedModel, folder: Path, pooling: Pooling | None = "mean") -> Path:
    """Write the model beside its tokenizer, with sentence-transformers' pooling unless it is None."""
    model.save_pretrained(str(folder))
    if pooling is not None:
        write_json(folder / "1_Pooling" / "config.json", {f"pooling_mode_{_FLAGS[pooling]}": True})
    return folder


def vectors(
    folder: Path, texts: Sequence[str], pooling: Pooling, max_length: int = N_CTX, *, closing: bool = True
) -> NDArray[Any]:
    """Vectors of length 1 by transformers, one text at a time; shape (len(texts), hidden_size).

    `closing` false cuts a long text without regard to the token that ends it.
    """
    tokenizer, model = AutoTokenizer.from_pretrained(str(folder)), AutoModel.from_pretrained(str(folder))
    rows = []
    for text in texts:
        ids = tokenizer(text, truncation=closing, max_length=max_length if closing else None)["input_ids"]
        with torch.no_grad():
            states = model(torch.tensor([ids[:max_length]])).last_hidden_state[0].numpy()
        row = states[0] if pooling == "cls" else states.mean(0)
        rows.append(row / np.linalg.norm(row))
    return np.stack(rows)
