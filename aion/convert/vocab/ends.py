"""What a tokenizer puts before and after a text by itself, as transformers' `encode` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aion.convert.checkpoint import Checkpoint
from aion.convert.vocab.pieces import Piece
from aion.errors import CheckpointError

_ENDS = ("eos", "eot", "eom")


def with_ends(
    checkpoint: Checkpoint, tokens: Sequence[Piece], special: Mapping[str, int], *, default_bos: bool
) -> tuple[dict[str, int], dict[str, bool]]:
    """`special` as llama.cpp needs it to put the same tokens around a text, and add_bos_token and
    add_eos_token.

    The post_processor of tokenizer.json alone decides where there is that file (transformers then drops
    what tokenizer_config.json says); without it tokenizer_config.json, and last `default_bos`. llama.cpp
    can put only bos and eos: another single token after a text becomes the eos, and the named one the eot
    or eom, which end an answer as well (Qwen3-Embedding). CheckpointError for all else.
    """
    if not checkpoint.tokenizer_json:
        config = checkpoint.tokenizer_config
        bos, eos = bool(config.get("add_bos_token", default_bos)), bool(config.get("add_eos_token"))
        return dict(special), _flags(special, bos=bos, eos=eos)
    where = str(checkpoint.folder / "tokenizer.json")
    before, after = _around(checkpoint.tokenizer_json.get("post_processor"), where)
    _refuse_other_beginning(before, tokens, special, where)
    ends = _with_end(after, tokens, special, where) if after else dict(special)
    return ends, _flags(ends, bos=bool(before), eos=bool(after))


def _flags(special: Mapping[str, int], *, bos: bool, eos: bool) -> dict[str, bool]:
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


def _refuse_other_beginning(
    before: Sequence[str], tokens: Sequence[Piece], special: Mapping[str, int], where: str
) -> None:
    bos = tokens[special["bos"]].text.decode() if "bos" in special else None
    if before and list(before) != [bos]:
        raise CheckpointError(
            f"{where} puts {' '.join(before)} before a text, and llama.cpp can put only bos ({bos!r}) there; "
            "correct bos_token in tokenizer_config.json."
        )


def _with_end(
    after: Sequence[str], tokens: Sequence[Piece], special: Mapping[str, int], where: str
) -> dict[str, int]:
    """`special` with the one token of `after` as eos, and the former eos at another place for ends."""
    last = next((i for i, piece in enumerate(tokens) if [piece.text.decode()] == list(after)), None)
    if last is None:
        raise CheckpointError(
            f"{where} puts {' '.join(after)} after a text, and llama.cpp can put only one token of the "
            "vocabulary there; correct the post_processor."
        )
    ends = {kind: index for kind, index in special.items() if kind not in _ENDS or index != last}
    former = ends.pop("eos", None)
    if former is not None:
        free = next((kind for kind in _ENDS if kind != "eos" and kind not in ends), None)
        if free is None:
            raise CheckpointError(
                f"{where} puts {' '.join(after)} after a text, and three other tokens end an answer, more "
                "than a GGUF has places for; take one out of eos_token_id in generation_config.json."
            )
        ends[free] = former
    return ends | {"eos": last}
