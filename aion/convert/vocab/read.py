"""Chooses how a checkpoint's vocabulary is read, by the files that are there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from aion.convert.checkpoint import Checkpoint
from aion.convert.vocab.byte_level import is_byte_level, read_byte_level
from aion.convert.vocab.metaspace import is_metaspace
from aion.convert.vocab.sentencepiece import model_file, read_sentencepiece
from aion.convert.vocab.tekken import has_tekken, read_tekken
from aion.convert.vocab.template import chat_templates
from aion.convert.vocab.unigram import read_unigram
from aion.convert.vocab.vocabulary import Vocabulary
from aion.convert.vocab.wordpiece import read_wordpiece
from aion.errors import CheckpointError

_Reader = Callable[[Checkpoint], Vocabulary]
_BY_TYPE: dict[str, _Reader] = {"WordPiece": read_wordpiece, "Unigram": read_unigram}
_BY_FILE: dict[str, _Reader] = {"vocab.txt": read_wordpiece, "sentencepiece.bpe.model": read_unigram}


def read_vocabulary(checkpoint: Checkpoint, template: str | None = None) -> Vocabulary:
    """The vocabulary of a checkpoint folder; `template` replaces the folder's own chat template.

    Raises CheckpointError when llama.cpp could not give the same ids.
    """
    vocabulary = _reader(checkpoint)(checkpoint)
    _refuse_doubles(checkpoint, vocabulary)
    default, named = chat_templates(checkpoint)
    return replace(vocabulary, chat_template=default if template is None else template, named_templates=named)


def _reader(checkpoint: Checkpoint) -> _Reader:
    if is_byte_level(checkpoint.tokenizer_json):
        return read_byte_level
    if has_tekken(checkpoint):
        return read_tekken
    if model_file(checkpoint.folder) or is_metaspace(checkpoint.tokenizer_json):
        return read_sentencepiece
    model = checkpoint.tokenizer_json.get("model")
    kind = model.get("type") if isinstance(model, dict) else None
    by_file = (reader for name, reader in _BY_FILE.items() if (checkpoint.folder / name).exists())
    return _BY_TYPE.get(str(kind)) or next(by_file, read_sentencepiece)


def _refuse_doubles(checkpoint: Checkpoint, vocabulary: Vocabulary) -> None:
    """llama.cpp ends the whole process when two tokens have one text."""
    first: dict[bytes, int] = {}
    for index, piece in enumerate(vocabulary.tokens):
        if first.setdefault(piece.text, index) != index:
            raise CheckpointError(
                f"{checkpoint.folder} gives the token {piece.text.decode('utf-8', 'replace')!r} two ids, "
                f"{first[piece.text]} and {index}; take out the added one."
            )
