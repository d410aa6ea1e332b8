"""A sentencepiece unigram vocabulary as XLM-RoBERTa has it, for llama.cpp's "t5" tokenizer.

In `tokenizer.json` ids are positions. `sentencepiece.bpe.model` alone (a unigram model in spite of its
name) holds its pieces in another order: the checkpoint's ids begin with <s>, <pad>, </s>, <unk>, then come
the pieces after sentencepiece's own three, then <mask>.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from aion.convert.checkpoint import Checkpoint
from aion.convert.vocab.pieces import Piece, Pieces, PieceType, read_unigram_pieces
from aion.convert.vocab.special import added_tokens, special_ids
from aion.convert.vocab.vocabulary import Vocabulary
from aion.errors import CheckpointError

MODEL_FILE = "sentencepiece.bpe.model"
_DEFAULTS = {
    "bos": "<s>",
    "eos": "</s>",
    "pad": "<pad>",
    "sep": "</s>",
    "cls": "<s>",
    "mask": "<mask>",
}
_FIRST = ("<s>", "<pad>", "</s>", "<unk>")
_PAD_SCORE = -10000.0


def read_unigram(checkpoint: Checkpoint) -> Vocabulary:
    """The vocabulary of `tokenizer.json`, or of `sentencepiece.bpe.model` where there is none."""
    described = bool(checkpoint.tokenizer_json)
    model = _from_json(checkpoint) if described else _from_sentencepiece(checkpoint)
    tokens = _padded(checkpoint, model)
    special = special_ids(checkpoint, tokens, _DEFAULTS)
    for index, piece in enumerate(tokens):
        if piece.type == PieceType.UNKNOWN:
            special.setdefault("unknown", index)
    if not {"bos", "eos", "unknown"} <= special.keys():
        raise CheckpointError(
            f"{checkpoint.folder} has no bos_token, eos_token or unknown token in its vocabulary; "
            "correct them in tokenizer_config.json."
        )
    return Vocabulary(
        model="t5",
        tokens=tokens,
        special=special,
        flags={
            "add_bos_token": True,
            "add_eos_token": True,
            "add_sep_token": True,
            "add_space_prefix": model.add_dummy_prefix,
            "remove_extra_whitespaces": model.remove_extra_whitespaces,
        },
        charsmap=model.charsmap,
        token_type_count=checkpoint.integer("type_vocab_size", 1),
    )


def _padded(checkpoint: Checkpoint, model: Pieces) -> tuple[Piece, ...]:
    n_vocab = checkpoint.integer("vocab_size")
    if len(model.pieces) > n_vocab:
        raise CheckpointError(
            f"{checkpoint.folder} has a vocabulary of {len(model.pieces)} pieces, more than the "
            f"vocab_size = {n_vocab} of config.json; take both from one checkpoint."
        )
    tokens = list(model.pieces)
    tokens += [Piece(f"[PAD{i}]".encode(), _PAD_SCORE, PieceType.UNUSED) for i in range(len(tokens), n_vocab)]
    for index, text, is_special in added_tokens(checkpoint):
        if 0 <= index < n_vocab and tokens[index].type != PieceType.UNKNOWN:
            kind = PieceType.CONTROL if is_special else PieceType.USER_DEFINED
            tokens[index] = Piece(text.encode(), 0.0, kind)
    return tuple(tokens)


def _from_sentencepiece(checkpoint: Checkpoint) -> Pieces:
    path = checkpoint.folder / MODEL_FILE
    model = read_unigram_pieces(path)
    own = [piece.text for piece in model.pieces[:3]]
    if own != [b"<unk>", b"<s>", b"</s>"]:
        raise CheckpointError(
            f"{path} begins with {b', '.join(own).decode()}, not with <unk>, <s>, </s> as XLM-RoBERTa's; "
            "save the tokenizer with transformers, so that there is a tokenizer.json."
        )
    kinds = [PieceType.UNKNOWN if text == "<unk>" else PieceType.CONTROL for text in _FIRST]
    first = [Piece(text.encode(), 0.0, kind) for text, kind in zip(_FIRST, kinds, strict=True)]
    last = Piece(b"<mask>", 0.0, PieceType.CONTROL)
    pieces = (*first, *model.pieces[3:], last)
    return Pieces(pieces, model.add_dummy_prefix, model.remove_extra_whitespaces, model.charsmap)


def _from_json(checkpoint: Checkpoint) -> Pieces:
    described = checkpoint.tokenizer_json
    try:
        model = described["model"]
        if model.get("byte_fallback"):
            raise _unlike(checkpoint, "falls back to bytes")
        unknown = int(model["unk_id"])
        pieces = [
            Piece(str(text).encode(), float(score), PieceType.UNKNOWN if i == unknown else PieceType.NORMAL)
            for i, (text, score) in enumerate(model["vocab"])
        ]
        charsmap, normalizes_spaces = _normalizer(checkpoint, described.get("normalizer"))
        prefix, splits = _pre_tokenizer(checkpoint, described.get("pre_tokenizer"))
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error) as error:
        path = checkpoint.folder / "tokenizer.json"
        raise CheckpointError(f"{path} is no Unigram tokenizer ({error!r}); copy it again.") from error
    return Pieces(tuple(pieces), prefix, normalizes_spaces or splits, charsmap)


def _steps(step: dict[str, Any] | None, inner: str) -> list[dict[str, Any]]:
    """A normalizer or pre-tokenizer and all within it, in order."""
    if step is None:
        return []
    if step["type"] != "Sequence":
        return [step]
    return [found for part in step[inner] for found in _steps(part, inner)]


def _normalizer(checkpoint: Checkpoint, step: dict[str, Any] | None) -> tuple[bytes, bool]:
    """The compiled normalisation, and whether spaces are merged."""
    charsmap, merges = b"", False
    for part in _steps(step, "normalizers"):
        kind = part["type"]
        if kind == "Precompiled":
            charsmap = base64.b64decode(part["precompiled_charsmap"] or "", validate=True)
        elif kind == "Replace" and part["pattern"] == {"Regex": " {2,}"}:
            merges = True
        elif kind != "Strip":
            raise _unlike(checkpoint, f"normalises text by {kind!r}")
    return charsmap, merges


def _pre_tokenizer(checkpoint: Checkpoint, step: dict[str, Any] | None) -> tuple[bool, bool]:
    """Whether a space is put before a text, and whether other whitespace is dropped."""
    prefix, splits = False, False
    for part in _steps(step, "pretokenizers"):
        kind = part["type"]
        if kind == "Metaspace" and part.get("replacement", "\u2581") == "\u2581":
            scheme = part.get("prepend_scheme", "always" if part.get("add_prefix_space", True) else "never")
            prefix = scheme != "never"
        elif kind == "WhitespaceSplit":
            splits = True
        else:
            raise _unlike(checkpoint, f"splits text by {kind!r}")
    return prefix, splits


def _unlike(checkpoint: Checkpoint, what: str) -> CheckpointError:
    return CheckpointError(
        f"{checkpoint.folder / 'tokenizer.json'} {what}, which llama.cpp's unigram tokenizer does not."
    )
