"""The `model` of a tokenizer.json that is a BPE: texts, merges, and what no GGUF can say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aion.errors import CheckpointError


def texts_of(tokenizer: Mapping[str, Any], where: str) -> dict[str, int]:
    """`model.vocab`: texts to ids. `where` names the file in a CheckpointError."""
    texts = tokenizer["model"].get("vocab")
    if not isinstance(texts, dict) or not all(type(i) is int and i >= 0 for i in texts.values()):
        raise CheckpointError(f"{where} has a model.vocab that maps no texts to ids; copy it again.")
    if len(set(texts.values())) != len(texts):
        raise CheckpointError(f"{where} has two texts for one id in model.vocab; copy it again.")
    return texts


def merges_of(tokenizer: Mapping[str, Any], where: str) -> list[tuple[str, str]]:
    """`model.merges` in order, from "a b" and from ["a", "b"]."""
    listed, merges = tokenizer["model"].get("merges"), []
    if not isinstance(listed, list) or not listed:
        raise CheckpointError(
            f"{where} has model.merges = {str(listed)[:60]}, no list of pairs; copy it again."
        )
    for merge in listed:
        pair = merge.split(" ") if isinstance(merge, str) else merge
        if not isinstance(pair, list) or len(pair) != 2 or {type(pair[0]), type(pair[1])} != {str}:
            raise CheckpointError(f"{where} has the merge {merge!r}, which is no pair; copy it again.")
        merges.append((pair[0], pair[1]))
    return merges


def refuse_affixes(tokenizer: Mapping[str, Any], where: str) -> None:
    """CheckpointError for marks inside or after words, which llama.cpp's BPE does not know."""
    for key in ("continuing_subword_prefix", "end_of_word_suffix"):
        if value := tokenizer["model"].get(key):
            raise CheckpointError(f"{where} has {key} = {value!r}, llama.cpp has none; train it without.")
