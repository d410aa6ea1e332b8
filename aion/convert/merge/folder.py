"""A folder that appears under its name only when it is whole, and what goes into it beside the weights."""

from __future__ import annotations

import contextlib
import fcntl
import glob
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from aion.errors import CheckpointError

_PARTIAL = re.compile(r"\..+\.[0-9a-f]{8}\.partial")
_REPLACED = re.compile(r"\..+\.[0-9a-f]{8}\.replaced")
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


@contextlib.contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """A temporary folder beside `out`: it becomes `out` (what was there goes) when the block ends well, and
    vanishes when it does not. What a killed process left is removed first. Raises OSError."""
    _remove_abandoned(out.parent)
    with _locked_beside(out) as path:
        try:
            yield path
            _put(path, out)
        finally:
            shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def _locked_beside(out: Path) -> Iterator[Path]:
    while True:
        path = _beside(out)
        path.mkdir()
        lock = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():  # another process took it for abandoned before it was locked
                continue
            yield path
            return
        finally:
            os.close(lock)


def _put(path: Path, out: Path) -> None:
    """Rename `path` to `out`; what was there stays when that fails, and is deleted only when the new one has
    its name, so that a kill in between loses neither."""
    replaced = _beside(out, "replaced")
    if out.exists():
        out.rename(replaced)
    try:
        path.rename(out)
    except OSError:
        if replaced.exists():
            replaced.rename(out)
        raise
    for old in out.parent.glob(f".{glob.escape(out.name)}.*.replaced"):
        if _REPLACED.fullmatch(old.name):
            shutil.rmtree(old, ignore_errors=True)


def _beside(out: Path, kind: str = "partial") -> Path:
    return out.with_name(f".{out.name}.{secrets.token_hex(4)}.{kind}")


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


def _remove_abandoned(folder: Path) -> None:
    """The lock dies with its holder, however it dies, so a folder whose lock is free has no writer."""
    for path in folder.glob(".*.partial"):
        if not path.is_dir() or not _PARTIAL.fullmatch(path.name):
            continue
        with contextlib.suppress(OSError):
            lock = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path)
            finally:
                os.close(lock)
