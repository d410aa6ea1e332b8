"""A folder's vocabulary in llama.cpp beside the tokenizer transformers loads from the same folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from tokenizers import Tokenizer

from aion.convert.checkpoint import Checkpoint
from aion.convert.metadata import add_vocabulary
from aion.convert.vocab.read import read_vocabulary
from tests.convert.llama import Gguf, loaded
from tests.convert.tiny import write_json, write_safetensors

Json = dict[str, Any]


def write_tokenizer(folder: Path, n_vocab: int, config: Json | None = None, **files: Json) -> Path:
    """A checkpoint folder with a vocabulary of `n_vocab` rows and no weights to speak of. `files` are JSON
    files by their stem; `config` adds to config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(
        folder / "config.json",
        {"architectures": ["LlamaForCausalLM"], "vocab_size": n_vocab} | (config or {}),
    )
    write_safetensors(folder / "model.safetensors", {"none": np.zeros((1, 1), "<f4")})
    for stem, value in files.items():
        write_json(folder / f"{stem}.json", value)
    return folder


def write_vocabulary(folder: Path, name: str = "tested") -> Path:
    """A GGUF of the folder's vocabulary alone, for llama.cpp's vocab_only."""
    writer = gguf.GGUFWriter(None, "llama")
    writer.add_name(name)
    add_vocabulary(writer, read_vocabulary(Checkpoint(folder)))
    writer.write_header_to_file(folder / "vocabulary.gguf")
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.close()
    return folder / "vocabulary.gguf"


@contextmanager
def vocabulary(folder: Path, name: str = "tested") -> Iterator[Gguf]:
    with loaded(write_vocabulary(folder, name), vocab_only=True) as model:
        yield model


def plain_ids(tokenizer: Tokenizer, text: str) -> list[int]:
    """Ids of `text` as transformers gives them, special tokens spelled in it read as such."""
    return list(tokenizer.encode(text, add_special_tokens=False).ids)


def differing(model: Gguf, tokenizer: Tokenizer, texts: list[str], before: str = "") -> list[str]:
    """The texts to which llama.cpp gives other ids. `before` is what the caller puts before each."""
    return [
        text
        for text in texts
        if model.tokenize(before + text if text else text, parse_special=True) != plain_ids(tokenizer, text)
    ]
