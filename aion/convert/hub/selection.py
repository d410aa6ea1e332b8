"""Which files of a repository are needed. Names in, names out; no network."""

from __future__ import annotations

import re
from collections.abc import Iterable

from aion.convert.hub.hub_id import HubId
from aion.errors import HubError

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
PICKLE_SINGLE, PICKLE_INDEX = "pytorch_model.bin", "pytorch_model.bin.index.json"
_CONFIGURATION = re.compile(
    r"(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|tekken|modules"
    r"|sentence_bert_config|config_sentence_transformers|chat_template|adapter_config)\.json"
    r"|tokenizer\.model(\.v\d+)?|.*\.bpe\.model|spiece\.model|vocab\.txt|merges\.txt|chat_template\.jinja"
    r"|additional_chat_templates/[\w-]+\.jinja|README\.md|\w+_Pooling/config\.json"
)
_SHARD = re.compile(r"model-\d+-of-\d+\.safetensors")
_PICKLE = re.compile(r"pytorch_model(-\d+-of-\d+)?\.bin")
_PART = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$", re.I)


def configuration_files(names: Iterable[str]) -> list[str]:
    """What describes a model: configuration, vocabulary, template, card."""
    return sorted(name for name in names if _CONFIGURATION.fullmatch(name))


def weight_files(names: Iterable[str], wanted: HubId, *, allow_pickle: bool = False) -> list[str]:
    """The safetensors of a checkpoint, one file before shards, as transformers takes them; pickles only
    where there are none and `allow_pickle`.

    HubError when there is nothing that can be read.
    """
    present = set(names)
    shards = sorted(name for name in present if _SHARD.fullmatch(name))
    if SINGLE in present:
        return [SINGLE]
    if INDEX in present and shards:
        return [INDEX, *shards]
    pickles = sorted(name for name in present if _PICKLE.fullmatch(name))
    if pickles and allow_pickle:
        return [PICKLE_SINGLE] if PICKLE_SINGLE in present else [*({PICKLE_INDEX} & present), *pickles]
    if pickles:
        raise HubError(
            f"{wanted} holds its weights only as pickles ({pickles[0]}); name a revision that has "
            "safetensors, or read them, without running code in them, with --allow-pickle."
        )
    of_mistral = sorted(name for name in present if name.startswith("consolidated"))
    what = f"only {of_mistral[0]}, in Mistral's own form, and " if of_mistral else ""
    raise HubError(f"{wanted} holds {what}no model.safetensors; name a repository that has one.")


def gguf_files(
    names: Iterable[str], wanted: HubId, file_type: str = "q4_k_m", file: str | None = None
) -> list[str]:
    """The GGUF of `file_type` (by its name), or `file`: one name, or all parts of a split one in order.

    HubError with what is there when it is not, or when several fit.
    """
    present = sorted(n for n in names if n.lower().endswith(".gguf") and "mmproj" not in n.lower())
    if file is not None:
        chosen = [name for name in present if file in (name, name.rpartition("/")[2])]
    else:
        wished = re.sub("^f(?=16|32)", "(fp|f)", re.escape(file_type.lower()))
        mark = re.compile(rf"(?<![a-z0-9]){wished}(?![a-z0-9_])")
        chosen = [name for name in present if mark.search(name.lower().rpartition("/")[2])]
    models = {_PART.sub("", name) for name in chosen}
    if len(models) == 1:
        (model,) = models
        return [name for name in present if _PART.sub("", name) == model]
    asked = file or file_type.upper()
    what = "several GGUF files" if models else "no GGUF file"
    there = ", ".join(name for name in present if not _PART.search(name) or "-00001-of" in name)
    raise HubError(f"{wanted} has {what} for {asked}; name one with --file: {there or 'there is none'}.")
