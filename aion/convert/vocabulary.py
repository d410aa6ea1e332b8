"""The vocabulary of a checkpoint in GGUF's terms, so that llama.cpp gives the ids sentencepiece gives.

Where the two differ: sentencepiece puts one space before a whole text, llama.cpp (when told
`add_space_prefix`) one before every stretch between special tokens. These are the same for control
tokens, which split a text before sentencepiece sees it. They are not for pieces that sentencepiece
itself holds as user-defined ("[1]"): after each of them llama.cpp would add a space that was never there. A
vocabulary with such pieces is therefore written with `add_space_prefix` false and
`aion.tokenizer.leading_space` true: whoever tokenizes puts the one space before the text, and a chat
template writes it itself ("[INST] {text}[/INST]").
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aion.convert.checkpoint import Checkpoint
from aion.convert.pieces import Piece, Pieces, PieceType, read_pieces
from aion.errors import CheckpointError

LEADING_SPACE_KEY = "aion.tokenizer.leading_space"
_ADDED_SCORE = -1000.0
_KEPT = (PieceType.UNKNOWN, PieceType.CONTROL, PieceType.BYTE)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """As many tokens as the embedding has rows; ids are positions.

    `special` maps "bos", "eos", "unk", "pad", "eot" to ids, only those that exist. `leading_space`
    true: one space belongs before a text, and llama.cpp must not add it (see the module).
    """

    tokens: tuple[Piece, ...]
    special: dict[str, int]
    add_bos: bool
    add_eos: bool
    add_space_prefix: bool
    leading_space: bool
    chat_template: str | None


def read_vocabulary(checkpoint: Checkpoint, chat_template: str | None = None) -> Vocabulary:
    """The vocabulary of a folder with `tokenizer.model`; `chat_template` replaces the folder's own."""
    model = read_pieces(checkpoint.folder / "tokenizer.model")
    tokens = _padded(checkpoint, model)
    config = checkpoint.tokenizer_config
    explicit = config.get("add_prefix_space")
    prefix = model.add_dummy_prefix if explicit is None else bool(explicit)
    user_defined = PieceType.USER_DEFINED
    own = zip(model.pieces, tokens, strict=False)
    splits = any(piece.type == user_defined == token.type for piece, token in own)
    return Vocabulary(
        tokens=tokens,
        special=_special(checkpoint, tokens),
        add_bos=bool(config.get("add_bos_token", True)),
        add_eos=bool(config.get("add_eos_token", False)),
        add_space_prefix=prefix and not splits,
        leading_space=prefix and splits,
        chat_template=_chat_template(checkpoint) if chat_template is None else chat_template,
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
    for index, text, is_special in _added(checkpoint):
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


def _added(checkpoint: Checkpoint) -> Iterator[tuple[int, str, bool]]:
    """(id, text, special) of added tokens, from the least to the most exact of the files."""
    try:
        for text, index in checkpoint.json("added_tokens.json", required=False).items():
            yield int(index), text, False
        for token in checkpoint.json("tokenizer.json", required=False).get("added_tokens", []):
            yield int(token["id"]), str(token["content"]), bool(token.get("special"))
        for index, token in checkpoint.tokenizer_config.get("added_tokens_decoder", {}).items():
            yield int(index), str(token["content"]), bool(token.get("special"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{checkpoint.folder} lists added tokens in an unknown form ({error!r})."
        ) from error


def _special(checkpoint: Checkpoint, tokens: tuple[Piece, ...]) -> dict[str, int]:
    ids = {piece.text: index for index, piece in reversed(list(enumerate(tokens)))}
    special: dict[str, int] = {}
    for kind in ("bos", "eos", "unk", "pad"):
        named = checkpoint.tokenizer_config.get(f"{kind}_token")
        text = named.get("content") if isinstance(named, dict) else named
        index = ids.get(str(text).encode()) if text is not None else None
        if index is None:
            index = next(iter(_declared(checkpoint.config, kind)), None)
        if index is not None and 0 <= index < len(tokens):
            special[kind] = index
    others = [i for i in _declared(checkpoint.generation_config, "eos") if i != special.get("eos")]
    if others and 0 <= others[0] < len(tokens):
        special["eot"] = others[0]
    return special


def _declared(config: dict[str, Any], kind: str) -> list[int]:
    value = config.get(f"{kind}_token_id")
    values = value if isinstance(value, list) else [value]
    return [v for v in values if isinstance(v, int)]


def _chat_template(checkpoint: Checkpoint) -> str | None:
    path: Path = checkpoint.folder / "chat_template.jinja"
    if path.exists():
        return path.read_text(encoding="utf-8")
    template = checkpoint.tokenizer_config.get("chat_template")
    if isinstance(template, list):
        named = {t.get("name"): t.get("template") for t in template if isinstance(t, dict)}
        template = named.get("default")
    if template is None or isinstance(template, str):
        return template
    path = checkpoint.folder / "tokenizer_config.json"
    raise CheckpointError(
        f"{path} has a chat_template that is no text: {json.dumps(template)[:60]}; correct it."
    )
