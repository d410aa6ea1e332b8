"""What describes a checkpoint, without its weights: enough to say whether AION can convert it."""

from __future__ import annotations

from pathlib import Path

from aion.convert.architectures.registry import architecture_of, refuse_quantized
from aion.convert.checkpoint import Checkpoint
from aion.convert.vocab.read import read_vocabulary


class Description(Checkpoint):
    """A folder whose weights are not there, or cannot be read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = self.json("config.json")
        self._file_of = {}


def refuse_unconvertible(folder: Path) -> None:
    """CheckpointError when the architecture, the vocabulary or a quantisation keeps the checkpoint described
    in `folder` from being converted, whatever its weights are."""
    description = Description(folder)
    refuse_quantized(description)
    architecture_of(description).metadata()
    read_vocabulary(description)
