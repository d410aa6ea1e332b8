"""One token for each row of the embedding, each with a text of its own.

llama.cpp keeps tokens by text and ends the process (GGML_ASSERT) when two share one; it takes the
number of tokens for the number of rows. Both are settled here, whatever kind the vocabulary is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aion.convert.checkpoint import Checkpoint
from aion.convert.vocab.pieces import Piece, PieceType
from aion.errors import CheckpointError

ADDED_SCORE = -1000.0
_KEPT = (PieceType.UNKNOWN, PieceType.CONTROL, PieceType.BYTE)
Added = tuple[int, str, bool]


def one_a_row(
    checkpoint: Checkpoint, base: Mapping[int, Piece], added: Iterable[Added], source: str
) -> tuple[Piece, ...]:
    """`vocab_size` tokens: those of `base` by id, over them the `added` (id, text, special), and unused
    ones named [PADn] where there is neither. `source` is the file that `base` comes from.

    An added token whose text the vocabulary has already is that token, as in transformers. One beyond
    the embedding can never be used and is left out. CheckpointError when `base` has more tokens than
    the embedding has rows.
    """
    n_vocab = checkpoint.integer("vocab_size")
    if base and max(base) >= n_vocab:
        raise CheckpointError(
            f"{checkpoint.folder / source} has {max(base) + 1} pieces, more than the vocab_size = {n_vocab} "
            "of config.json; take both from one checkpoint."
        )
    tokens = dict(base)
    ids = {token.text: index for index, token in reversed(tokens.items())}
    for index, name, special in {row: (row, text, special) for row, text, special in added}.values():
        text = name.encode()
        at = ids.get(text, index)
        if 0 <= at < n_vocab and text:
            tokens[at] = _with_added(tokens.get(at), text, special)
            ids.setdefault(text, at)
    return _distinct([tokens.get(i) for i in range(n_vocab)])


def _with_added(piece: Piece | None, text: bytes, special: bool) -> Piece:
    """`piece` as the added token says; one that the model itself knows as special stays what it is."""
    if piece is not None and piece.text == text and piece.type in _KEPT:
        return piece
    return Piece(text, ADDED_SCORE, PieceType.CONTROL if special else PieceType.USER_DEFINED)


def _distinct(tokens: list[Piece | None]) -> tuple[Piece, ...]:
    """No gaps, no empty texts, no text twice: the first to have it keeps it."""
    seen = {token.text for token in tokens if token is not None}
    used: set[bytes] = set()
    whole: list[Piece] = []
    for index, token in enumerate(tokens):
        fits = token is not None and token.text and token.text not in used
        named = token if fits else Piece(_free_name(index, seen), ADDED_SCORE, PieceType.UNUSED)
        assert named is not None
        used.add(named.text)
        whole.append(named)
    return tuple(whole)


def _free_name(index: int, seen: set[bytes]) -> bytes:
    name = f"[PAD{index}]".encode()
    while name in seen:
        name = b"[" + name + b"]"
    seen.add(name)
    return name
