"""BERT: MiniLM, BERTimbau, and multilingual-e5-small, whose vocabulary is XLM-RoBERTa's."""

from __future__ import annotations

from aion.convert.architectures.encoder import Encoder


class Bert(Encoder):
    """Positions count from 0; nothing differs from what encoders share."""
