"""Puts what is known of a model into a GGUF's key-value pairs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gguf

from aion.convert.card import Card
from aion.convert.checkpoint import F32_MAX, Checkpoint
from aion.convert.encode import FILE_TYPES, FileType
from aion.convert.vocab.stripping import fitting_name
from aion.convert.vocab.vocabulary import LEADING_SPACE_KEY, NORMALIZER_KEY, Vocabulary

Value = str | int | float | bool

_I32_MAX = (1 << 31) - 1
_SAMPLING = {
    "top_k": ("top_k",),
    "top_p": ("top_p",),
    "min_p": ("min_p",),
    "xtc_probability": ("xtc_probability",),
    "xtc_threshold": ("xtc_threshold",),
    "temp": ("temperature",),
    "penalty_last_n": ("penalty_last_n",),
    "penalty_repeat": ("penalty_repeat", "repetition_penalty"),
    "mirostat": ("mirostat",),
    "mirostat_tau": ("mirostat_tau",),
    "mirostat_eta": ("mirostat_eta",),
}
_WHOLE = {"top_k", "penalty_last_n", "mirostat"}


def add_value(writer: gguf.GGUFWriter, key: str, value: Value) -> None:
    """One pair: int as u32, float as f32."""
    adds: dict[type, Callable[[str, Any], None]] = {
        bool: writer.add_bool, int: writer.add_uint32, float: writer.add_float32, str: writer.add_string,
    }  # fmt: skip
    adds[type(value)](key, value)


def add_general(writer: gguf.GGUFWriter, card: Card, name: str, file_type: FileType, n_weights: int) -> None:
    """general.*: name, size, file type, and what the card says."""
    writer.add_type("model")
    writer.add_name(name)
    writer.add_size_label(gguf.size_label(n_weights, 0, 0, 0))
    writer.add_file_type(FILE_TYPES[file_type][0])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    for key, value in card.metadata().items():
        if isinstance(value, str | int):
            add_value(writer, key, value)
        else:
            writer.add_array(key, value)


def add_sampling(writer: gguf.GGUFWriter, checkpoint: Checkpoint) -> None:
    """What generation_config.json recommends, under general.sampling.*. What is no number, or does not fit
    GGUF's i32 or f32, is left out."""
    for key, names in _SAMPLING.items():
        said = (checkpoint.generation_config.get(name) for name in names)
        value = next((value for value in said if value is not None), None)
        if not isinstance(value, int | float) or isinstance(value, bool):
            continue
        if key in _WHOLE:
            if abs(value) <= _I32_MAX and value == int(value):
                writer.add_int32(f"general.sampling.{key}", int(value))
        elif abs(value) <= F32_MAX:
            writer.add_float32(f"general.sampling.{key}", float(value))


def add_vocabulary(writer: gguf.GGUFWriter, vocabulary: Vocabulary) -> None:
    """tokenizer.*; and general.name, where llama.cpp reads from it what special tokens do."""
    if name := writer.kv_data[0].get(gguf.Keys.General.NAME):
        name.value = fitting_name(str(name.value), vocabulary.strips_right)
    writer.add_tokenizer_model(vocabulary.model)
    writer.add_tokenizer_pre(vocabulary.pre)
    writer.add_token_list([piece.text for piece in vocabulary.tokens])
    if vocabulary.has_scores:
        writer.add_token_scores([piece.score for piece in vocabulary.tokens])
    writer.add_token_types([int(piece.type) for piece in vocabulary.tokens])
    if vocabulary.merges:
        writer.add_token_merges(vocabulary.merges)
    if vocabulary.charsmap:
        writer.add_precompiled_charsmap(vocabulary.charsmap)
    if vocabulary.token_type_count is not None:
        writer.add_token_type_count(vocabulary.token_type_count)
    for kind, index in vocabulary.special.items():
        writer.add_uint32(f"tokenizer.ggml.{kind}_token_id", index)
    for flag, value in vocabulary.flags.items():
        writer.add_bool(f"tokenizer.ggml.{flag}", value)
    writer.add_bool(LEADING_SPACE_KEY, vocabulary.leading_space)
    if vocabulary.normalizer:
        writer.add_string(NORMALIZER_KEY, vocabulary.normalizer)
    _add_templates(writer, vocabulary)


def _add_templates(writer: gguf.GGUFWriter, vocabulary: Vocabulary) -> None:
    if vocabulary.chat_template is not None:
        writer.add_chat_template(vocabulary.chat_template)
    for name, text in sorted(vocabulary.named_templates.items()):
        writer.add_string(gguf.Keys.Tokenizer.CHAT_TEMPLATE_N.format(name=name), text)
    if vocabulary.named_templates:
        writer.add_array(gguf.Keys.Tokenizer.CHAT_TEMPLATES, sorted(vocabulary.named_templates))
