"""BERT: MiniLM, BERTimbau, multilingual-e5-small, whose vocabulary is XLM-RoBERTa's, and cross encoders
with one score (ms-marco-MiniLM)."""

from __future__ import annotations

from dataclasses import replace

from aion.convert.architectures.encoder import NAMES, Encoder
from aion.convert.architectures.reranker import Reranker

_RANKING = replace(
    NAMES,
    top={path: kind for path, kind in NAMES.top.items() if not kind.startswith("cls")}
    | {"pooler.dense": "cls", "classifier": "cls.output"},
)


class Bert(Encoder):
    """Positions count from 0; nothing differs from what encoders share."""


class BertReranker(Reranker, Bert):
    """Scores a pair "[CLS] query [SEP] passage [SEP]" by one number; its pooler is llama.cpp's "cls".

    The second row of the token types, which belongs to the passage, is in the file; llama.cpp does not
    look at it, and aion.engine.segments does.
    """

    names = _RANKING
