"""Special and added tokens, gathered from the many files that declare them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aion.convert.checkpoint import Checkpoint
from aion.convert.vocab.pieces import Piece
from aion.errors import CheckpointError

_GGUF_NAMES = {"unk": "unknown", "pad": "padding"}


def added_tokens(checkpoint: Checkpoint) -> Iterator[tuple[int, str, bool]]:
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


def special_ids(checkpoint: Checkpoint, tokens: tuple[Piece, ...]) -> dict[str, int]:
    """Ids of "bos", "eos", "unknown", "padding" and "eot" (GGUF's names), those that are known."""
    ids = {piece.text: index for index, piece in reversed(list(enumerate(tokens)))}
    special: dict[str, int] = {}
    for kind in ("bos", "eos", "unk", "pad"):
        named = checkpoint.tokenizer_config.get(f"{kind}_token")
        text = named.get("content") if isinstance(named, dict) else named
        index = ids.get(str(text).encode()) if text is not None else None
        if index is None:
            index = next(iter(_declared(checkpoint.config, kind)), None)
        if index is not None and 0 <= index < len(tokens):
            special[_GGUF_NAMES.get(kind, kind)] = index
    others = [i for i in _declared(checkpoint.generation_config, "eos") if i != special.get("eos")]
    if others and 0 <= others[0] < len(tokens):
        special["eot"] = others[0]
    return special


def _declared(config: dict[str, Any], kind: str) -> list[int]:
    value = config.get(f"{kind}_token_id")
    values = value if isinstance(value, list) else [value]
    return [v for v in values if isinstance(v, int)]
