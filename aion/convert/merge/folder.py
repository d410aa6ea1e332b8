"""Where a merged checkpoint may be put, and what goes into its folder beside the weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from aion.errors import CheckpointError

_WEIGHTS = {
    ".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".gguf", ".h5", ".msgpack", ".onnx", ".onnx_data", ".ot",
    ".tflite", ".partial",
}  # fmt: skip
_TEMPLATES = "additional_chat_templates"
_NOT_COPIED = {"config.json", "adapter_config.json"}
_TOKENIZER = {
    "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "vocab.json",
    "added_tokens.json", "merges.txt", "vocab.txt", "tekken.json", "chat_template.jinja",
    "chat_template.json",
}  # fmt: skip


def refuse_folder(out: Path, overwrite: bool, *sources: Path) -> None:
    """CheckpointError unless a checkpoint may be put at `out`: it is nothing yet, or, with `overwrite`, an
    empty folder or another checkpoint that holds none of `sources`."""
    place = out.resolve()
    for source in sources:
        if place == source.resolve() or place in source.resolve().parents:
            raise CheckpointError(f"{out} holds {source}, which is to be merged; name another output.")
    if not out.exists():
        return
    if not overwrite:
        raise CheckpointError(f"{out} exists already; delete it, name another, or ask to overwrite it.")
    if not out.is_dir() or (any(out.iterdir()) and not (out / "config.json").exists()):
        raise CheckpointError(f"{out} is no checkpoint, so it is not overwritten; name another output.")


def copy_others(base: Path, adapter: Path, into: Path, *, adapter_tokenizer: bool) -> None:
    """The files of the folder `base` that are neither weights nor config.json, its named chat templates and
    the folders of sentence-transformers' modules; with `adapter_tokenizer` the tokenizer's files and
    templates of the folder `adapter` in place of those of the same name."""
    for path in sorted(base.iterdir()):
        is_hidden = path.name.startswith(".") or path.name in _NOT_COPIED
        is_weights = path.suffix in _WEIGHTS or path.name.endswith(".index.json")
        if path.is_file() and not is_hidden and not is_weights:
            shutil.copyfile(path, into / path.name)
    for name in _modules(base):
        shutil.copytree(base / name, into / name)
    for folder in (base, adapter) if adapter_tokenizer else (base,):
        if (folder / _TEMPLATES).is_dir():
            shutil.copytree(folder / _TEMPLATES, into / _TEMPLATES, dirs_exist_ok=True)
    if adapter_tokenizer:
        for name in sorted(_TOKENIZER):
            if (adapter / name).exists():
                shutil.copyfile(adapter / name, into / name)


def _modules(base: Path) -> list[str]:
    try:
        listed = json.loads((base / "modules.json").read_text(encoding="utf-8"))
        names = [module["path"] for module in listed]
    except (OSError, ValueError, TypeError, KeyError):
        return []
    names = [name for name in names if isinstance(name, str) and name and Path(name).name == name]
    return [name for name in names if name != _TEMPLATES and (base / name).is_dir()]
