"""How sentence-transformers pools token vectors, as llama.cpp's number."""

from __future__ import annotations

from aion.convert.checkpoint import Checkpoint
from aion.errors import CheckpointError

_POOLING = {"mean": 1, "cls": 2, "lasttoken": 3}
_POOLING_FLAGS = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_lasttoken": "lasttoken",
}


def pooling(checkpoint: Checkpoint) -> int | None:
    """llama.cpp's pooling type of 1_Pooling/config.json, None when there is no such file."""
    name = "1_Pooling/config.json"
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
    return _POOLING[modes[0]]
