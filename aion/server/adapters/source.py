"""Finds the GGUF behind AION_ADAPTER_DIR, converting a PEFT folder that is newer than its GGUF."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from aion.convert.lora import convert_lora
from aion.errors import ModelError

_logger = logging.getLogger(__name__)
GGUF_NAME = "adapter.gguf"
_PEFT_FILES = ("adapter_config.json", "adapter_model.safetensors", "adapters.safetensors")


def adapter_file(source: Path, base: Path) -> Path:
    """The GGUF adapter of `source`: itself when it is a file, else that of the folder.

    A folder with PEFT's files is converted for the GGUF `base` into its adapter.gguf, which then bears the
    time of the newest of them: whenever the two differ (a new training, a former one put back), it is
    converted again. Raises ModelError or CheckpointError in one sentence.
    """
    if source.is_file():
        return source
    if not source.is_dir():
        raise ModelError(f"The adapter {source} does not exist; train one, or name another path.")
    out = source / GGUF_NAME
    peft = [source / name for name in _PEFT_FILES if (source / name).exists()]
    if len(peft) > 1:
        newest = max(path.stat().st_mtime_ns for path in peft)
        if not out.exists() or out.stat().st_mtime_ns != newest:
            for warning in convert_lora(source, base, out, "f16", overwrite=True).warnings:
                _logger.warning("%s", warning)
            os.utime(out, ns=(newest, newest))
        return out
    if (source / "adapter_model.bin").exists() and not out.exists():
        raise ModelError(
            f"{source} holds a pickle, which AION reads only when asked: "
            f"aion convert-lora --adapter {source} --base {base} --allow-pickle --out {out}"
        )
    found = sorted(source.glob("*.gguf"))
    if len(found) != 1:
        what = f"{len(found)} GGUF files" if found else "neither PEFT's files nor a GGUF"
        raise ModelError(f"{source} holds {what}; name the adapter's file or folder in AION_ADAPTER_DIR.")
    return found[0]
