"""Which class converts which checkpoint, and which table belongs to a GGUF."""

from __future__ import annotations

from collections.abc import Callable

from aion.convert.architectures import llama
from aion.convert.architectures.architecture import Architecture
from aion.convert.architectures.names import Names
from aion.convert.checkpoint import Checkpoint
from aion.errors import CheckpointError

_FACTORIES: dict[str, Callable[[Checkpoint], Architecture]] = {
    "MistralForCausalLM": llama.Llama,
    "MistralModel": llama.Llama,
    "LlamaForCausalLM": llama.Llama,
    "LlamaModel": llama.Llama,
}
_NAMES = {names.gguf: names for names in (llama.NAMES,)}


def architecture_of(checkpoint: Checkpoint) -> Architecture:
    """The architecture of a checkpoint; CheckpointError with the known ones when it is none of them."""
    factory = _FACTORIES.get(checkpoint.architecture)
    if factory is None:
        path = checkpoint.folder / "config.json"
        raise CheckpointError(
            f"{path} names the architecture {checkpoint.architecture!r}; known are {', '.join(_FACTORIES)}."
        )
    return factory(checkpoint)


def names_of(gguf_architecture: str) -> Names:
    """The table of a GGUF's `general.architecture`; CheckpointError when AION converts no such model."""
    found = _NAMES.get(gguf_architecture)
    if found is None:
        raise CheckpointError(
            f"The GGUF's architecture {gguf_architecture!r} is unknown here; known are {', '.join(_NAMES)}."
        )
    return found
