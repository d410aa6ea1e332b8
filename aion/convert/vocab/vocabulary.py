"""A checkpoint's vocabulary in GGUF's terms, whatever its kind. Reads nothing; `read` does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aion.convert.vocab.pieces import Piece

LEADING_SPACE_KEY = "aion.tokenizer.leading_space"
NORMALIZER_KEY = "aion.tokenizer.normalizer"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """As many tokens as the embedding has rows; ids are positions.

    `model` and `pre` are tokenizer.ggml.model and .pre (llama.cpp's algorithm and its splitting rules).
    `special` maps GGUF's names ("bos", "eos", "unknown", "padding", "seperator", "cls", "mask", "eot"
    ...) to ids, only those that exist. `flags` holds tokenizer.ggml.<flag> ("add_bos_token",
    "add_space_prefix" ...). `merges` are those of a byte-level BPE, "left right". `charsmap` is a
    unigram model's normalisation. `leading_space` true: one space belongs before a text, and llama.cpp
    must not add it (see `sentencepiece`). `normalizer` is "nfc" when a text must be composed before it
    is tokenized, which llama.cpp does not do. `strips_right`: special tokens swallow the spaces after
    them (see `stripping`). `named_templates` are chat templates beside the default one.
    """

    model: str
    tokens: tuple[Piece, ...]
    special: Mapping[str, int]
    flags: Mapping[str, bool]
    pre: str = "default"
    merges: tuple[str, ...] = ()
    charsmap: bytes = b""
    token_type_count: int | None = None
    leading_space: bool = False
    normalizer: str = ""
    strips_right: bool = False
    has_scores: bool = True
    chat_template: str | None = None
    named_templates: Mapping[str, str] = field(default_factory=dict)
