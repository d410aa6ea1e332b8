"""Mistral's own tekken.json: special tokens first, then byte sequences in the order of their rank.

Of all parts that could join, those whose joined bytes have the lowest rank do. llama.cpp joins by a
list of pairs, so every way of cutting a token into two tokens becomes a merge at the token's place.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from aion.convert.checkpoint import Checkpoint
from aion.convert.vocab.alphabet import as_characters
from aion.convert.vocab.ends import with_ends
from aion.convert.vocab.pieces import Piece, PieceType
from aion.convert.vocab.pretokenizer import pre_of_splits
from aion.convert.vocab.rows import one_a_row
from aion.convert.vocab.special import special_ids
from aion.convert.vocab.vocabulary import Vocabulary
from aion.errors import CheckpointError

SOURCE = "tekken.json"

# What a file that lists no special tokens has at the first ids (mistral-common, tekken.py).
_EARLY = (
    "<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]",
    "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]",
    "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]",
)  # fmt: skip
_NAMED = {"bos": "<s>", "eos": "</s>", "unknown": "<unk>", "padding": "<pad>"}


@dataclass(frozen=True, slots=True)
class Tekken:
    """`special` have the first ids, `ranked` those after."""

    pattern: str
    special: tuple[str, ...]
    ranked: tuple[bytes, ...]


def has_tekken(checkpoint: Checkpoint) -> bool:
    return (checkpoint.folder / SOURCE).exists()


def tekken_pattern(checkpoint: Checkpoint) -> str | None:
    """The splitting rule of the folder's tekken.json, None when there is none."""
    if not has_tekken(checkpoint):
        return None
    try:
        return str(checkpoint.json(SOURCE)["config"]["pattern"])
    except (KeyError, TypeError) as error:
        raise _broken(checkpoint, error) from error


def read_tekken(checkpoint: Checkpoint) -> Vocabulary:
    """The vocabulary of a folder with a tekken.json and no tokenizer.json."""
    tekken = _load(checkpoint)
    base = {i: Piece(text.encode(), 0.0, PieceType.CONTROL) for i, text in enumerate(tekken.special)}
    for index, data in enumerate(tekken.ranked, len(tekken.special)):
        base[index] = Piece(as_characters(data).encode(), 0.0, PieceType.NORMAL)
    tokens = one_a_row(checkpoint, base, (), SOURCE)
    ids = {text: index for index, text in enumerate(tekken.special)}
    named = {kind: ids[text] for kind, text in _NAMED.items() if text in ids}
    named |= special_ids(checkpoint, tokens)
    special, flags = with_ends(checkpoint, tokens, named, default_bos=True)
    return Vocabulary(
        model="gpt2",
        pre=pre_of_splits((tekken.pattern,), True, str(checkpoint.folder / SOURCE)).name,
        tokens=tokens,
        merges=tuple(merges(tekken.ranked)),
        special=special,
        flags=flags,
        has_scores=False,
    )


def merges(ranked: Sequence[bytes]) -> Iterator[str]:
    """ "left right" for every way of cutting each token into two, by the rank of the token, then of the
    left part, then of the right."""
    ranks = {data: rank for rank, data in enumerate(ranked)}
    texts = [as_characters(data) for data in ranked]
    for data in ranked:
        cuts = []
        for at in range(1, len(data)):
            left, right = ranks.get(data[:at]), ranks.get(data[at:])
            if left is not None and right is not None:
                cuts.append((left, right))
        for left, right in sorted(cuts):
            yield f"{texts[left]} {texts[right]}"


def _load(checkpoint: Checkpoint) -> Tekken:
    data = checkpoint.json(SOURCE)
    try:
        config = data["config"]
        n_special = int(config["default_num_special_tokens"])
        n_ranked = int(config["default_vocab_size"]) - n_special
        listed = sorted((t["rank"], t["token_str"]) for t in data.get("special_tokens") or [])
        names = [str(text) for _, text in listed] or list(_EARLY)
        names += [f"<SPECIAL_{i}>" for i in range(len(names), n_special)]
        entries: list[dict[str, Any]] = data["vocab"][:n_ranked]
        ranked = tuple(base64.b64decode(entry["token_bytes"], validate=True) for entry in entries)
        if [entry["rank"] for entry in entries] != list(range(n_ranked)) or len(names) != n_special:
            raise ValueError("its ranks leave gaps")
        return Tekken(str(config["pattern"]), tuple(names), ranked)
    except (KeyError, TypeError, ValueError) as error:
        raise _broken(checkpoint, error) from error


def _broken(checkpoint: Checkpoint, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"{checkpoint.folder / SOURCE} is not a tekken vocabulary ({error!r}); copy it again."
    )
