"""Special and added tokens, gathered from the many files that declare them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aion.convert.checkpoint import Checkpoint
from aion.convert.vocab.pieces import Piece
from aion.errors import CheckpointError

_GGUF_NAMES = {"unk": "unknown", "pad": "padding", "sep": "seperator"}
_MIDDLE = {"fim_pre": "prefix_token", "fim_suf": "suffix_token", "fim_mid": "middle_token"}
_DECODER = dict.fromkeys(("bos", "eos", "unk", "pad"))


def added_tokens(checkpoint: Checkpoint) -> Iterator[tuple[int, str, bool]]:
    """(id, text, special) of added tokens, from the least to the most exact of the files."""
    try:
        for text, index in checkpoint.json("added_tokens.json", required=False).items():
            yield int(index), text, False
        for token in checkpoint.tokenizer_json.get("added_tokens", []):
            yield int(token["id"]), str(token["content"]), bool(token.get("special"))
        for index, token in checkpoint.tokenizer_config.get("added_tokens_decoder", {}).items():
            yield int(index), str(token["content"]), bool(token.get("special"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{checkpoint.folder} lists added tokens in an unknown form ({error!r})."
        ) from error


def special_ids(
    checkpoint: Checkpoint, tokens: tuple[Piece, ...], kinds: Mapping[str, str | None] = _DECODER
) -> dict[str, int]:
    """Ids of `kinds`, of "eot", "eom" and "fim_pre", "fim_suf", "fim_mid", those that are known, under
    GGUF's names ("unk" is "unknown").

    A kind's value is the token's text where neither tokenizer_config.json nor the older
    special_tokens_map.json says it, None for no guess.
    """
    ids = {piece.text: index for index, piece in reversed(list(enumerate(tokens)))}
    special: dict[str, int] = {}
    older = checkpoint.json("special_tokens_map.json", required=False)
    for kind, usual in kinds.items():
        key = f"{kind}_token"
        named = checkpoint.tokenizer_config.get(key) or older.get(key) or usual
        text = named.get("content") if isinstance(named, dict) else named
        index = ids.get(str(text).encode()) if text is not None else None
        if index is None:
            index = next(iter(_declared(checkpoint.config, kind)), None)
        if index is not None and 0 <= index < len(tokens):
            special[_GGUF_NAMES.get(kind, kind)] = index
    return special | _middle(checkpoint, ids) | _other_ends(checkpoint, tokens, special.get("eos"))


def _middle(checkpoint: Checkpoint, ids: Mapping[bytes, int]) -> dict[str, int]:
    """The fill-in-middle tokens that tokenizer_config.json declares (Code Llama's way)."""
    texts = {kind: checkpoint.tokenizer_config.get(key) for kind, key in _MIDDLE.items()}
    found = {kind: ids.get(text.encode()) for kind, text in texts.items() if isinstance(text, str)}
    return {kind: index for kind, index in found.items() if index is not None}


def _other_ends(checkpoint: Checkpoint, tokens: Sequence[Piece], eos: int | None) -> dict[str, int]:
    """The other tokens that end a generation, as "eot" and "eom": a GGUF has room for two."""
    declared = _declared(checkpoint.generation_config, "eos") or _declared(checkpoint.config, "eos")
    others = [i for i in dict.fromkeys(declared) if i != eos and 0 <= i < len(tokens)]
    eom = next((i for i in others if tokens[i].text == b"<|eom_id|>"), None)
    rest = [i for i in others if i != eom]
    found = {"eot": rest[0] if rest else None, "eom": rest[1] if eom is None and len(rest) > 1 else eom}
    return {kind: index for kind, index in found.items() if index is not None}


def _declared(config: dict[str, Any], kind: str) -> list[int]:
    value = config.get(f"{kind}_token_id")
    values = value if isinstance(value, list) else [value]
    return [v for v in values if isinstance(v, int)]
