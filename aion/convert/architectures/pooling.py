"""How sentence-transformers makes one vector of a text's tokens, as llama.cpp's number."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from aion.convert.checkpoint import Checkpoint, read_json
from aion.errors import CheckpointError

RANK = 4
"""llama.cpp's number for a score in place of a vector."""
_POOLING = {"mean": 1, "cls": 2, "lasttoken": 3}
_POOLING_FLAGS = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_lasttoken": "lasttoken",
}
_MODULES = "modules.json"
_KNOWN = ("Transformer", "Pooling", "Normalize")  # AION's vectors are always normalised


def pooling(checkpoint: Checkpoint) -> int | None:
    """llama.cpp's pooling type of a sentence-transformers folder, None where nothing says one.

    Raises CheckpointError for a pooling, or a step after it, that llama.cpp would leave out.
    """
    name = f"{_pooling_folder(checkpoint)}/config.json"
    found = checkpoint.json(name, required=False)
    if not found:
        return None
    on = [key for key, value in found.items() if key.startswith("pooling_mode_") and value is True]
    modes = [_POOLING_FLAGS.get(key, key) for key in on] or [str(found.get("pooling_mode", "mean"))]
    if len(modes) != 1 or modes[0] not in _POOLING:
        raise CheckpointError(
            f"{checkpoint.folder / name} asks for {' and '.join(modes)}; llama.cpp pools by mean, cls or "
            "last only."
        )
    if found.get("include_prompt") is False and modes[0] == "mean":
        raise CheckpointError(
            f"{checkpoint.folder / name} leaves the prompt's tokens out of the mean (include_prompt = "
            "false); llama.cpp does not."
        )
    return _POOLING[modes[0]]


def _pooling_folder(checkpoint: Checkpoint) -> str:
    folder = "1_Pooling"
    for module in _modules(checkpoint):
        kind = str(module.get("type")).rpartition(".")[2]
        if kind not in _KNOWN:
            raise CheckpointError(
                f"{checkpoint.folder / _MODULES} has a step {kind!r} after the model, which llama.cpp would "
                f"leave out; known are {', '.join(_KNOWN)}."
            )
        if kind == "Pooling":
            folder = str(module.get("path"))
    if PurePosixPath(folder).is_absolute() or ".." in PurePosixPath(folder).parts:
        raise CheckpointError(
            f"{checkpoint.folder / _MODULES} places the pooling in {folder!r}, outside its folder; copy "
            "it again."
        )
    return folder


def _modules(checkpoint: Checkpoint) -> list[dict[str, Any]]:
    path = checkpoint.folder / _MODULES
    if not path.exists():
        return []
    modules = read_json(path)
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        raise CheckpointError(f"{path} is no list of modules; copy it again.")
    return modules
