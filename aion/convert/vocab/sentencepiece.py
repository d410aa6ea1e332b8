"""A sentencepiece BPE vocabulary (`tokenizer.model`), so that llama.cpp gives the ids sentencepiece gives.

Where the two differ: sentencepiece puts one space before a whole text, llama.cpp (when told
`add_space_prefix`) one before every stretch between special tokens. These are the same for control
tokens, which split a text before sentencepiece sees it. They are not for pieces that sentencepiece
itself holds as user-defined ("[1]"): after each of them llama.cpp would add a space that was never there. A
vocabulary with such pieces is therefore written with `add_space_prefix` false and
`aion.tokenizer.leading_space` true: whoever tokenizes puts the one space before the text, and a chat
template writes it itself ("[INST] {text}[/INST]").
"""

from __future__ import annotations

from aion.convert.checkpoint import Checkpoint
from aion.convert.vocab.pieces import Piece, Pieces, PieceType, read_pieces
from aion.convert.vocab.special import added_tokens, special_ids
from aion.convert.vocab.vocabulary import Vocabulary
from aion.errors import CheckpointError

_ADDED_SCORE = -1000.0
_KEPT = (PieceType.UNKNOWN, PieceType.CONTROL, PieceType.BYTE)


def read_sentencepiece(checkpoint: Checkpoint) -> Vocabulary:
    """The vocabulary of a folder with a BPE `tokenizer.model`."""
    model = read_pieces(checkpoint.folder / "tokenizer.model")
    tokens = _padded(checkpoint, model)
    config = checkpoint.tokenizer_config
    explicit = config.get("add_prefix_space")
    prefix = model.add_dummy_prefix if explicit is None else bool(explicit)
    user_defined = PieceType.USER_DEFINED
    own = zip(model.pieces, tokens, strict=False)
    splits = any(piece.type == user_defined == token.type for piece, token in own)
    return Vocabulary(
        model="llama",
        tokens=tokens,
        special=special_ids(checkpoint, tokens),
        flags={
            "add_bos_token": bool(config.get("add_bos_token", True)),
            "add_eos_token": bool(config.get("add_eos_token", False)),
            "add_space_prefix": prefix and not splits,
        },
        leading_space=prefix and splits,
    )


def _padded(checkpoint: Checkpoint, model: Pieces) -> tuple[Piece, ...]:
    n_vocab = checkpoint.integer("vocab_size")
    if len(model.pieces) > n_vocab:
        raise CheckpointError(
            f"{checkpoint.folder / 'tokenizer.model'} has {len(model.pieces)} pieces, more than the "
            f"vocab_size = {n_vocab} of config.json; take both from one checkpoint."
        )
    tokens = list(model.pieces)
    tokens += [
        Piece(f"[PAD{i}]".encode(), _ADDED_SCORE, PieceType.UNUSED) for i in range(len(tokens), n_vocab)
    ]
    for index, text, is_special in added_tokens(checkpoint):
        # Ids above the embedding are often declared ("[PAD]" at 32000) and can never be used.
        if 0 <= index < n_vocab:
            tokens[index] = _with_added(tokens[index], text, is_special)
    return tuple(tokens)


def _with_added(piece: Piece, text: str, is_special: bool) -> Piece:
    """`piece` as the added token says; one that sentencepiece knows as special stays what it is."""
    if piece.text == text.encode() and piece.type in _KEPT:
        return piece
    kind = PieceType.CONTROL if is_special else PieceType.USER_DEFINED
    return Piece(text.encode(), _ADDED_SCORE, kind)
