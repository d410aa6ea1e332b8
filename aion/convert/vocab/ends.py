"""What a tokenizer puts before and after a text by itself, as transformers' `encode` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aion.convert.checkpoint import Checkpoint
from aion.convert.vocab.pieces import Piece
from aion.errors import CheckpointError


def end_flags(
    checkpoint: Checkpoint, tokens: Sequence[Piece], special: Mapping[str, int], *, default_bos: bool
) -> dict[str, bool]:
    """add_bos_token and add_eos_token.

    The post_processor of tokenizer.json alone decides where there is that file (transformers then drops
    what tokenizer_config.json says); without it tokenizer_config.json, and last `default_bos`.
    CheckpointError for other tokens than bos and eos.
    """
    if checkpoint.tokenizer_json:
        where = str(checkpoint.folder / "tokenizer.json")
        before, after = _around(checkpoint.tokenizer_json.get("post_processor"), where)
        bos = _is_only(before, "bos", tokens, special, where)
        eos = _is_only(after, "eos", tokens, special, where)
    else:
        config = checkpoint.tokenizer_config
        bos, eos = bool(config.get("add_bos_token", default_bos)), bool(config.get("add_eos_token"))
    return {"add_bos_token": bos and "bos" in special, "add_eos_token": eos and "eos" in special}


def _around(processor: Any, where: str) -> tuple[list[str], list[str]]:
    """Texts of the tokens before and after one sequence."""
    kind = processor.get("type") if isinstance(processor, dict) else None
    if processor is None or kind == "ByteLevel":
        return [], []
    try:
        if kind == "Sequence":
            around = [_around(step, where) for step in processor["processors"]]
            return [t for before, _ in around for t in before], [t for _, after in around for t in after]
        if kind == "TemplateProcessing":
            return _around_template(processor["single"])
    except (KeyError, TypeError, IndexError, AttributeError, StopIteration) as error:
        raise CheckpointError(
            f"{where} has a post_processor in an unknown form ({error!r}); copy it again."
        ) from error
    raise CheckpointError(
        f"{where} has the post_processor {kind!r}, which llama.cpp cannot do; set it to null."
    )


def _around_template(parts: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[str]]:
    at = next(i for i, part in enumerate(parts) if "Sequence" in part)
    texts = [str(part["SpecialToken"]["id"]) if "SpecialToken" in part else "" for part in parts]
    return texts[:at], texts[at + 1 :]


def _is_only(
    texts: Sequence[str], kind: str, tokens: Sequence[Piece], special: Mapping[str, int], where: str
) -> bool:
    if not texts:
        return False
    wanted = tokens[special[kind]].text.decode() if kind in special else None
    if list(texts) != [wanted]:
        side = "before" if kind == "bos" else "after"
        raise CheckpointError(
            f"{where} puts {' '.join(texts)} {side} a text, and llama.cpp can put only {kind} ({wanted!r}) "
            f"there; correct {kind}_token in tokenizer_config.json."
        )
    return True
