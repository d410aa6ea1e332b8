"""A sentencepiece BPE vocabulary, so that llama.cpp gives the ids sentencepiece and transformers give.

It comes from tokenizer.model, from Mistral's tokenizer.model.v3 (or another number), or from a
tokenizer.json; where that says other texts or another order than the model file, it is right, as in
transformers.

Where llama.cpp and sentencepiece differ: sentencepiece puts one space before a whole text, llama.cpp (when
told `add_space_prefix`) one before every stretch between special tokens. These are the same for control
tokens, which split a text before sentencepiece sees it. They are not for pieces that sentencepiece
itself holds as user-defined ("[1]"): after each of them llama.cpp would add a space that was never there.
Nor are they where tokenizer.json asks for a space before the first stretch only. Such a
vocabulary is written with `add_space_prefix` false and `aion.tokenizer.leading_space` true: whoever
tokenizes puts the one space before the text, and a chat template writes it itself
("[INST] {text}[/INST]").
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from aion.convert.checkpoint import Checkpoint
from aion.convert.vocab.bpe import merges_of, texts_of
from aion.convert.vocab.ends import with_ends
from aion.convert.vocab.metaspace import Prefix, is_metaspace, pieces_of, spacing_of
from aion.convert.vocab.pieces import Piece, PieceType, read_pieces
from aion.convert.vocab.rows import one_a_row
from aion.convert.vocab.special import added_tokens, special_ids
from aion.convert.vocab.stripping import strips_right
from aion.convert.vocab.vocabulary import Vocabulary
from aion.errors import CheckpointError

_NAMED = {"bos": b"<s>", "eos": b"</s>", "unknown": b"<unk>"}
_JSON = "tokenizer.json"
_VERSIONED = re.compile(r"tokenizer\.model\.v(\d+)")


def read_sentencepiece(checkpoint: Checkpoint) -> Vocabulary:
    """The vocabulary of a folder with a BPE tokenizer.model, or a tokenizer.json of its kind."""
    base, source = _base(checkpoint)
    tokens = one_a_row(checkpoint, base, added_tokens(checkpoint), source)
    _refuse_missing_bytes(checkpoint, tokens, source)
    ids = {piece.text: index for index, piece in enumerate(tokens)}
    named = {kind: ids[text] for kind, text in _NAMED.items() if text in ids}
    named |= special_ids(checkpoint, tokens)
    special, flags = with_ends(checkpoint, tokens, named, default_bos=True)
    prefix = _prefix(checkpoint, base, tokens)
    return Vocabulary(
        model="llama",
        tokens=tokens,
        special=special,
        flags=flags | {"add_space_prefix": prefix == "always"},
        leading_space=prefix == "first",
        strips_right=strips_right(checkpoint, tokens),
    )


def model_file(folder: Path) -> Path | None:
    """tokenizer.model, or Mistral's of the highest version; None when there is neither."""
    if (folder / "tokenizer.model").exists():
        return folder / "tokenizer.model"
    found = [(int(m[1]), path) for path in folder.iterdir() if (m := _VERSIONED.fullmatch(path.name))]
    return max(found)[1] if found else None


def _base(checkpoint: Checkpoint) -> tuple[Mapping[int, Piece], str]:
    """Pieces by id, and the name of the file that has them."""
    described = is_metaspace(checkpoint.tokenizer_json)
    path = model_file(checkpoint.folder)
    if path is not None or not described:
        path = path or checkpoint.folder / "tokenizer.model"
        base = dict(enumerate(read_pieces(path).pieces))
        if not described or _agree(base, checkpoint):
            return base, path.name
    where = str(checkpoint.folder / _JSON)
    return pieces_of(checkpoint.tokenizer_json, added_tokens(checkpoint), where), _JSON


def _prefix(checkpoint: Checkpoint, base: Mapping[int, Piece], tokens: Sequence[Piece]) -> Prefix:
    """Where a space is put before a text."""
    if is_metaspace(checkpoint.tokenizer_json):
        return spacing_of(checkpoint.tokenizer_json, str(checkpoint.folder / _JSON)).prefix
    path, explicit = model_file(checkpoint.folder), checkpoint.tokenizer_config.get("add_prefix_space")
    assert path is not None
    if not (read_pieces(path).add_dummy_prefix if explicit is None else explicit):
        return "never"
    user_defined = PieceType.USER_DEFINED
    splits = any(piece.type == user_defined == tokens[index].type for index, piece in base.items())
    return "first" if splits or checkpoint.tokenizer_config.get("legacy") is False else "always"


def _agree(base: Mapping[int, Piece], checkpoint: Checkpoint) -> bool:
    """Whether tokenizer.json has the pieces at their ids, but for those that were given new names, and
    joins them in the order of their scores."""
    where = str(checkpoint.folder / _JSON)
    texts = texts_of(checkpoint.tokenizer_json, where)
    renamed = {index for index, _, _ in added_tokens(checkpoint)}
    if any(texts.get(piece.text.decode()) != i for i, piece in base.items() if i not in renamed):
        return False
    scores = {piece.text.decode(): piece.score for piece in base.values()}
    joined = [scores.get(left + right, 0.0) for left, right in merges_of(checkpoint.tokenizer_json, where)]
    return all(first >= second for first, second in pairwise(joined))


def _refuse_missing_bytes(checkpoint: Checkpoint, tokens: tuple[Piece, ...], source: str) -> None:
    """llama.cpp ends the whole process at an unknown character when there is no token for a byte."""
    have = {piece.text for piece in tokens}
    for byte in range(256):
        if f"<0x{byte:02X}>".encode() not in have:
            raise CheckpointError(
                f"{checkpoint.folder / source} has no token <0x{byte:02X}>, and llama.cpp needs one for "
                "every byte; train it with byte_fallback = true."
            )
