"""Special tokens that swallow the spaces after them, as Phi-3's do.

A GGUF has no field for it. llama.cpp does it for every special token but <unk>, <s> and <|endoftext|>
when "phi-3" or "phi3" is in the model's name, and for no other model (llama-vocab.cpp); a model so
named without these tokens does not load. So the name must say what the tokens do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from aion.convert.checkpoint import Checkpoint
from aion.convert.vocab.pieces import Piece, PieceType

_PLAIN = {"<unk>", "<s>", "<|endoftext|>"}
_NAME = re.compile(r"phi(-?)3", re.IGNORECASE)
_SPECIAL = (PieceType.CONTROL, PieceType.UNKNOWN, PieceType.USER_DEFINED)


def strips_right(checkpoint: Checkpoint, tokens: Sequence[Piece]) -> bool:
    """Whether the special tokens strip exactly as llama.cpp's Phi-3 does."""
    declared = list(checkpoint.tokenizer_json.get("added_tokens") or [])
    declared += checkpoint.tokenizer_config.get("added_tokens_decoder", {}).values()
    stripping = {str(t.get("content")) for t in declared if isinstance(t, dict) and t.get("rstrip")}
    special = {piece.text.decode() for piece in tokens if piece.type in _SPECIAL}
    return bool(stripping) and {*_PLAIN, "</s>"} <= special and stripping == special - _PLAIN


def fitting_name(name: str, strips: bool) -> str:
    """`name`, changed as little as makes llama.cpp strip or not.

    >>> fitting_name("phi3-chat", False), fitting_name("chat", True)
    ('phi 3-chat', 'chat (Phi-3)')
    """
    if strips:
        return name if _NAME.search(name) else f"{name} (Phi-3)"
    return _NAME.sub(lambda match: f"{match[0][:3]} 3", name)
