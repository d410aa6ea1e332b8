"""What becomes of each tensor of a base when adapters are merged: its type, and who changes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gguf import GGMLQuantizationType as Ggml

from aion.convert.encode import FILE_TYPES, FileType, tensor_type
from aion.convert.gguf_file import GgufFile, GgufTensor
from aion.convert.merge.gguf_adapter import EMBEDDING, GgufAdapter
from aion.errors import CheckpointError

OUTPUT = "output.weight"
_NO_WEIGHTS = {Ggml.I8, Ggml.I16, Ggml.I32, Ggml.I64, Ggml.F64}
# Matrices that llama.cpp wants as f32
_F32_MATRICES = ("_norm.weight", "position_embd.weight", "token_types.weight", "ffn_gate_inp.weight")


@dataclass(frozen=True, slots=True)
class MergedTensor:
    """A tensor of the output: the base's tensor it starts from, its type, and the adapters that change
    it, each adding to it or (a norm) taking its place."""

    name: str
    source: GgufTensor
    kind: Ggml
    adapters: tuple[GgufAdapter, ...]

    @property
    def is_copied(self) -> bool:
        return not self.adapters and self.kind == self.source.kind


def plan(model: GgufFile, adapters: Sequence[GgufAdapter], file_type: str | None) -> list[MergedTensor]:
    """Every tensor of the output in the base's order; CheckpointError when an adapter does not fit."""
    sources = dict(model.tensors)
    touched = {name for adapter in adapters for name in adapter.names}
    if OUTPUT in touched or (EMBEDDING in touched and _makes_logits(model)):
        sources.setdefault(OUTPUT, model.tensor(EMBEDDING))  # the head was the embedding; now they part
    for adapter in adapters:
        _check_fits(model, adapter, sources)
    is_f32 = model.metadata.get("general.file_type") == FILE_TYPES["f32"][0]
    return [
        MergedTensor(
            name,
            source,
            _kind(name, source, file_type, is_f32),
            tuple(a for a in adapters if name in a.names),
        )
        for name, source in sources.items()
    ]


def _makes_logits(model: GgufFile) -> bool:
    """False for embedding models, which have no head."""
    return "bert" not in model.architecture and f"{model.architecture}.pooling_type" not in model.metadata


def _kind(name: str, source: GgufTensor, file_type: str | None, is_f32: bool) -> Ggml:
    """In a file that is not all f32 what is f32 has its reason and stays so."""
    if file_type is None or source.kind in _NO_WEIGHTS:
        return source.kind
    stays = not is_f32 or not name.endswith(".weight") or name.endswith(_F32_MATRICES)
    if source.kind == Ggml.F32 and stays:
        return Ggml.F32
    return tensor_type(source.shape, _checked(file_type))


def _checked(file_type: str) -> FileType:
    assert file_type in FILE_TYPES
    return file_type  # type: ignore[return-value]


def _check_fits(model: GgufFile, adapter: GgufAdapter, sources: dict[str, GgufTensor]) -> None:
    for name in adapter.names:
        if name not in sources:
            raise CheckpointError(
                f"{adapter.path} changes {name}, which {model.path} does not have; name its own base."
            )
        expected, found = sources[name].shape, adapter.shape(name)
        if expected != found:
            raise CheckpointError(
                f"{adapter.path} changes {name} as {list(found)}, and in {model.path} it is "
                f"{list(expected)}; name its own base."
            )
