"""A tokenizer.json of the sentencepiece kind: BPE over characters, spaces written as "\u2581", bytes where
a character is unknown. Llama 2, Mistral 7B and Phi-3 ship one beside (or without) a tokenizer.model.

llama.cpp's "llama" tokenizer has no list of merges: any two parts whose joined text is a token may join,
the best score first. So a tokenizer.json can be written that way only when its merges allow just that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from aion.convert.vocab.bpe import merges_of, refuse_affixes, texts_of
from aion.convert.vocab.pieces import Piece, PieceType
from aion.convert.vocab.rows import Added
from aion.errors import CheckpointError

Prefix = Literal["always", "first", "never"]
_SPACE = "\u2581"
_BYTE = re.compile(r"<0x[0-9A-F]{2}>")
_REPLACE = {"type": "Replace", "pattern": {"String": " "}, "content": _SPACE}


@dataclass(frozen=True, slots=True)
class Spacing:
    """Where a space is put before a text: before every stretch between special tokens, before the
    first only, or nowhere. `splits` says that words never join over a space."""

    prefix: Prefix
    splits: bool


def is_metaspace(tokenizer: Mapping[str, Any]) -> bool:
    """Whether a tokenizer.json is a BPE with byte fallback."""
    model = tokenizer.get("model")
    return isinstance(model, dict) and "merges" in model and bool(model.get("byte_fallback"))


def spacing_of(tokenizer: Mapping[str, Any], where: str) -> Spacing:
    """How a text's spaces are treated. CheckpointError for what else is done to it."""
    prefix: Prefix = "never"
    splits = marks = False
    steps = [*_steps(tokenizer.get("normalizer")), *_steps(tokenizer.get("pre_tokenizer"))]
    for step in steps:
        if step == {"type": "Prepend", "prepend": _SPACE}:
            prefix = "always"
        elif step == _REPLACE:
            marks = True
        elif step.get("type") == "Metaspace" and step.get("replacement") == _SPACE:
            prefix = _scheme(step) if prefix == "never" else prefix
            splits, marks = bool(step.get("split", True)), True
        else:
            raise CheckpointError(
                f"{where} treats text by {str(step)[:120]}, llama.cpp does not; train it without."
            )
    if not marks:
        raise CheckpointError(f"{where} does not write spaces as {_SPACE}; llama.cpp does, so train it so.")
    return Spacing(prefix, splits)


def pieces_of(tokenizer: Mapping[str, Any], added: Iterable[Added], where: str) -> dict[int, Piece]:
    """Pieces by id, scored by the order of the merges; `added` tokens have no place in it. CheckpointError
    when the merges mean more than an order of tokens."""
    refuse_affixes(tokenizer, where)
    texts, merges = texts_of(tokenizer, where), merges_of(tokenizer, where)
    specials = {text for _, text, _ in added}
    _refuse_other_joins(texts, merges, specials, where)
    if spacing_of(tokenizer, where).splits and (crossing := _crossing(texts, specials)):
        raise CheckpointError(
            f"{where} splits words at spaces, yet has the token {crossing!r}, which llama.cpp would join; "
            "convert from its tokenizer.model or train it with sentencepiece."
        )
    scores = {text: -float(rank) for text, rank in _ranks(merges, where).items()}
    unknown = tokenizer["model"].get("unk_token")
    return {
        index: Piece(text.encode(), scores.get(text, 0.0), _type(text, unknown))
        for text, index in texts.items()
    }


def _scheme(step: Mapping[str, Any]) -> Prefix:
    scheme = step.get("prepend_scheme") or ("always" if step.get("add_prefix_space") else "never")
    return "first" if scheme == "first" else "always" if scheme == "always" else "never"


def _type(text: str, unknown: object) -> PieceType:
    if text == unknown:
        return PieceType.UNKNOWN
    return PieceType.BYTE if _BYTE.fullmatch(text) else PieceType.NORMAL


def _refuse_other_joins(
    texts: Mapping[str, int], merges: Sequence[tuple[str, str]], specials: set[str], where: str
) -> None:
    listed = set(merges)
    for text in texts:
        if text in specials or _BYTE.fullmatch(text):
            continue
        for left, right in _cuts(text, texts):
            if (left, right) not in listed and not {left, right} & specials:
                raise CheckpointError(
                    f"{where} does not join {left!r} and {right!r}, llama.cpp would, as {text!r} is a token; "
                    "convert from its tokenizer.model or train it with sentencepiece."
                )


def _ranks(merges: Sequence[tuple[str, str]], where: str) -> dict[str, int]:
    """The place of each joined text among the others. All ways to one text must follow one another, as
    llama.cpp has one score for it; runs of one character, which sentencepiece ranks alike, may mix."""
    texts = [left + right for left, right in merges]
    ranks: dict[str, int] = {}
    last = ""
    for text in texts:
        alike = last != "" and len(set(text + last)) == 1
        if text != last:
            if text in ranks and not alike:
                raise CheckpointError(
                    f"{where} joins {text!r} at two places of its merges, llama.cpp has one; "
                    "convert from its tokenizer.model or train it with sentencepiece."
                )
            ranks.setdefault(text, ranks[last] if alike else len(ranks))
        last = text
    return ranks


def _cuts(text: str, texts: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    for at in range(1, len(text)):
        if text[:at] in texts and text[at:] in texts:
            yield text[:at], text[at:]


def _crossing(texts: Mapping[str, int], specials: set[str]) -> str | None:
    return next((t for t in texts if _SPACE in t[1:] and t not in specials), None)


def _steps(definition: object) -> list[Mapping[str, Any]]:
    if not isinstance(definition, dict):
        return []
    inner = definition.get("normalizers", definition.get("pretokenizers"))
    if definition.get("type") == "Sequence" and isinstance(inner, list):
        return [step for part in inner for step in _steps(part)]
    return [definition]
