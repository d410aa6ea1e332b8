"""Hugging Face checkpoints to GGUF, exactly, offline and a tensor at a time.

Needs numpy and gguf only: neither torch nor llama_cpp. It knows nothing of stores, engines or HTTP.
"""

from aion.convert.checkpoint import Checkpoint
from aion.convert.encode import FileType
from aion.convert.writer import convert

__all__ = ["Checkpoint", "FileType", "convert"]
