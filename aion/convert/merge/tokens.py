"""Whether the tokenizer beside an adapter has tokens that its base does not have.

A table of embeddings may have rows to spare (Qwen: 151,936 for 151,665 tokens), so tokens can be added
without a trace in the tensors' shapes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_JSON = "tokenizer.json"


def adds_tokens(base: Path, adapter: Path) -> bool:
    """True when the folder `adapter` names a token that the folder `base` does not, or by another id."""
    added = set(_added(adapter))
    return bool(added) and not added <= {*_added(base), *_vocabulary(base)}


def _added(folder: Path) -> Iterator[tuple[str, int]]:
    """(text, id) of the tokens that were added to a vocabulary, by each of the files that may list them."""
    yield from _numbers(_read(folder / "added_tokens.json"))
    for item in _list(_read(folder / _JSON).get("added_tokens")):
        yield from _numbers({item.get("content"): item.get("id")})
    decoder = _read(folder / "tokenizer_config.json").get("added_tokens_decoder")
    for index, item in (decoder if isinstance(decoder, dict) else {}).items():
        if isinstance(item, dict) and index.isdecimal():
            yield from _numbers({item.get("content"): int(index)})


def _vocabulary(folder: Path) -> Iterator[tuple[str, int]]:
    model = _read(folder / _JSON).get("model")
    vocab = model.get("vocab") if isinstance(model, dict) else None
    if isinstance(vocab, list):  # Unigram: pieces and scores
        vocab = {piece[0]: index for index, piece in enumerate(vocab) if isinstance(piece, list) and piece}
    yield from _numbers(vocab if isinstance(vocab, dict) else {})


def _numbers(found: dict[Any, Any]) -> Iterator[tuple[str, int]]:
    yield from (
        (text, index) for text, index in found.items() if isinstance(text, str) and type(index) is int
    )


def _list(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _read(path: Path) -> dict[str, Any]:
    """The file's JSON object, {} when it is none or not there: it is read, and refused, later."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
