"""Hugging Face checkpoints to GGUF, exactly, offline and a tensor at a time.

Needs numpy and gguf only: neither torch nor llama_cpp. It knows nothing of stores, engines or HTTP.
"""

from aion.convert.architecture import Architecture, TensorPlan
from aion.convert.checkpoint import Checkpoint
from aion.convert.vocabulary import Vocabulary, read_vocabulary
from aion.convert.writer import FileType, convert

__all__ = ["Architecture", "Checkpoint", "FileType", "TensorPlan", "Vocabulary", "convert", "read_vocabulary"]
