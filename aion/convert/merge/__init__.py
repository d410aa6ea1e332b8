"""Adapters made part of their base: GGUF into GGUF without a checkpoint, PEFT into a checkpoint.

Needs numpy and gguf only; llama.cpp's quantiser comes in as an argument.
"""

from aion.convert.merge.checkpoint import MergedType, merge_checkpoint
from aion.convert.merge.gguf_adapter import ScaledAdapter
from aion.convert.merge.gguf_model import merge_gguf

__all__ = ["MergedType", "ScaledAdapter", "merge_checkpoint", "merge_gguf"]
