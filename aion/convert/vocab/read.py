"""Chooses how a checkpoint's vocabulary is read, by the files that are there."""

from __future__ import annotations

from dataclasses import replace

from aion.convert.checkpoint import Checkpoint
from aion.convert.vocab.sentencepiece import read_sentencepiece
from aion.convert.vocab.template import chat_template
from aion.convert.vocab.vocabulary import Vocabulary


def read_vocabulary(checkpoint: Checkpoint, template: str | None = None) -> Vocabulary:
    """The vocabulary of a checkpoint folder; `template` replaces the folder's own chat template.

    Raises CheckpointError when llama.cpp could not give the same ids.
    """
    vocabulary = read_sentencepiece(checkpoint)
    return replace(vocabulary, chat_template=chat_template(checkpoint) if template is None else template)
