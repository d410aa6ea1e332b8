"""A sentencepiece `tokenizer.model`: its pieces and the settings that decide the ids of a text.

The file is a protocol buffer message (sentencepiece_model.proto); the few fields that matter here are
read from the wire form itself, so that neither protobuf nor sentencepiece is needed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from aion.errors import CheckpointError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_Value = int | bytes


class PieceType(IntEnum):
    """Kinds of token; sentencepiece and GGUF use the same numbers."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


@dataclass(frozen=True, slots=True)
class Piece:
    text: bytes
    score: float
    type: PieceType


@dataclass(frozen=True, slots=True)
class Pieces:
    """A model's pieces, and how it treats a text before cutting it. `charsmap` is the compiled
    normalisation, b"" for none."""

    pieces: tuple[Piece, ...]
    add_dummy_prefix: bool
    remove_extra_whitespaces: bool = False
    charsmap: bytes = b""


def read_pieces(path: Path) -> Pieces:
    """Read a BPE `tokenizer.model`. CheckpointError for what is corrupt, or cannot be the same in
    llama.cpp's "llama" tokenizer: another kind of model, a normalisation other than identity,
    whitespace that is removed."""
    pieces, _, normalizer = _read(path, "BPE")
    name, charsmap = normalizer.get(1, b""), normalizer.get(2, b"")
    if charsmap:
        raise CheckpointError(
            f"{path} normalises text by {name!r}, llama.cpp does not; train it with identity."
        )
    if normalizer.get(4, 1):
        raise CheckpointError(
            f"{path} has remove_extra_whitespaces = true, llama.cpp keeps whitespace; train it with false."
        )
    return Pieces(tuple(pieces), bool(normalizer.get(3, 1)))


def read_unigram_pieces(path: Path) -> Pieces:
    """Read a unigram model (`sentencepiece.bpe.model` of XLM-RoBERTa, in spite of its name).
    CheckpointError for what is corrupt, or cannot be the same in llama.cpp's "t5" tokenizer."""
    pieces, trainer, normalizer = _read(path, "unigram")
    if trainer.get(35, 0):
        raise CheckpointError(
            f"{path} has byte_fallback = true, llama.cpp's unigram tokenizer has none; train it with false."
        )
    if trainer.get(24, 0) or not normalizer.get(5, 1):
        raise CheckpointError(
            f"{path} marks spaces otherwise than by \u2581 before a word; only that can be converted."
        )
    charsmap = normalizer.get(2, b"")
    assert isinstance(charsmap, bytes)
    return Pieces(tuple(pieces), bool(normalizer.get(3, 1)), bool(normalizer.get(4, 1)), charsmap)


def _read(path: Path, wanted: str) -> tuple[list[Piece], dict[int, _Value], dict[int, _Value]]:
    """Pieces, trainer_spec and normalizer_spec of a model of the `wanted` kind, by field number."""
    try:
        pieces, trainer, normalizer = _model(path.read_bytes())
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{path} is missing, and no tokenizer.json of a known kind is beside it; copy one of them there."
        ) from error
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror}); check its rights.") from error
    except (ValueError, IndexError, struct.error) as error:
        raise CheckpointError(f"{path} is not a sentencepiece model ({error}); copy it again.") from error
    if not pieces:
        raise CheckpointError(f"{path} holds no pieces; copy it again.")
    kind = {1: "unigram", 2: "BPE", 3: "word", 4: "char"}.get(int(trainer.get(3, 1)), "unknown")
    if kind != wanted:
        raise CheckpointError(
            f"{path} is a {kind} model, and this architecture takes {wanted} only; train it as {wanted}."
        )
    return pieces, trainer, normalizer


def _model(data: bytes) -> tuple[list[Piece], dict[int, _Value], dict[int, _Value]]:
    pieces: list[Piece] = []
    parts: dict[int, dict[int, _Value]] = {2: {}, 3: {}}
    for number, value in _fields(data):
        if number == 1 and isinstance(value, bytes):
            pieces.append(_piece(dict(_fields(value))))
        elif number in parts and isinstance(value, bytes):
            parts[number] = dict(_fields(value))
    return pieces, parts[2], parts[3]


def _piece(fields: dict[int, _Value]) -> Piece:
    text, score = fields.get(1, b""), fields.get(2, b"\0\0\0\0")
    if not isinstance(text, bytes) or not isinstance(score, bytes):
        raise ValueError("a piece without text or score")
    text.decode("utf-8")
    return Piece(text, struct.unpack("<f", score)[0], PieceType(int(fields.get(3, PieceType.NORMAL))))


def _fields(data: bytes) -> Iterator[tuple[int, _Value]]:
    """(number, value) of each field of a message: an int for varints, bytes for the rest."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        wire = key & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        if wire not in (_FIXED64, _BYTES, _FIXED32):
            raise ValueError(f"wire type {wire}")
        size, at = _varint(data, at) if wire == _BYTES else ({_FIXED64: 8, _FIXED32: 4}[wire], at)
        if at + size > len(data):
            raise ValueError("cut off")
        yield key >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError("a number of more than 64 bits")
