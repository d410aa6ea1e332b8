"""What llama.cpp will not do as the model's own program does, told by a GGUF's metadata alone."""

from __future__ import annotations

from pathlib import Path

from aion.convert.gguf_header import read_header
from aion.errors import CheckpointError

# llama.cpp reads attention.sliding_window for none of these (llama-model.cpp).
_WITHOUT_WINDOW = ("llama", "qwen2", "qwen3", "phi3")


def caveats(path: Path) -> list[str]:
    """A sentence for each, of the GGUF at `path`; none when it cannot be read: who opens it says why."""
    try:
        metadata = read_header(path).metadata
    except CheckpointError:
        return []
    kind = metadata.get("general.architecture")
    window = metadata.get(f"{kind}.attention.sliding_window")
    n_ctx = metadata.get(f"{kind}.context_length")
    if kind not in _WITHOUT_WINDOW or not isinstance(window, int) or not isinstance(n_ctx, int):
        return []
    if not 0 < window < n_ctx:
        return []
    return [
        f"This model attends to the last {window} tokens only, and llama.cpp to all: its answers are the "
        f"model's own within {window} tokens of context, and other ones beyond them (AION_CTX)."
    ]
