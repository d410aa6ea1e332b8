"""What an adapter needs to know of its base: names, shapes, heads. Read from a GGUF's header or from a
checkpoint's config.json; of the weights only the norms, for the fingerprint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aion.convert.architectures.encoder import Encoder
from aion.convert.architectures.names import Names
from aion.convert.architectures.registry import architecture_of, names_of
from aion.convert.checkpoint import Checkpoint
from aion.convert.description import Description
from aion.convert.fingerprint import checkpoint_fingerprint, gguf_fingerprint
from aion.convert.gguf_file import GgufFile
from aion.errors import CheckpointError

_WITHOUT_LOGITS = ("bert",)
_UNUSED = {"bert": Encoder.heads}


@dataclass(frozen=True, slots=True)
class Base:
    """`shapes` are those of "NAME.weight" in the GGUF, (rows, row length), by NAME.

    `fingerprint` is None, and `problem` says why, when the weights are not there.
    """

    path: Path
    name: str
    names: Names
    shapes: Mapping[str, tuple[int, ...]]
    n_layer: int
    n_head: int
    n_head_kv: int
    head_dim: int
    fingerprint: str | None
    problem: str | None = None

    def is_unused(self, module: str) -> bool:
        """The base rightly leaves `module` out: the pooler of an embedding model."""
        paths = [module.removeprefix(p) for p in self.names.prefixes if module.startswith(p)]
        return any(path.startswith(_UNUSED.get(self.names.gguf, ())) for path in paths)

    @property
    def is_tied(self) -> bool:
        """The output is the table of token embeddings once more."""
        return "output" not in self.shapes and self.names.gguf not in _WITHOUT_LOGITS


def read_base(path: Path, *, allow_pickle: bool = False) -> Base:
    """The base at `path`, a GGUF file or a checkpoint folder. Raises CheckpointError."""
    return _from_folder(path, allow_pickle) if path.is_dir() else _from_gguf(path)


def _from_gguf(path: Path) -> Base:
    file = GgufFile(path)
    kind = file.metadata.get("general.type", "model")
    if kind != "model":
        raise CheckpointError(f"{path} is a GGUF of the type {kind!r}, not a model; name the base model.")
    shapes = {name: tensor.shape for name, tensor in file.tensors.items()}
    name = str(file.metadata.get("general.name") or path.stem)
    return _base(path, name, names_of(file.architecture), shapes, file.metadata, gguf_fingerprint(file))


def _from_folder(path: Path, allow_pickle: bool) -> Base:
    problem = None
    checkpoint: Checkpoint
    try:
        checkpoint = Checkpoint(path, allow_pickle=allow_pickle)
    except CheckpointError as error:
        checkpoint, problem = Description(path), error.message
    architecture = architecture_of(checkpoint)
    shapes = {plan.name: plan.shape for plan in architecture.tensors()}
    fingerprint = None if problem else checkpoint_fingerprint(checkpoint, architecture)
    return _base(
        path, path.resolve().name, architecture.names, shapes, architecture.metadata(), fingerprint, problem
    )


def _base(
    path: Path,
    name: str,
    names: Names,
    shapes: Mapping[str, tuple[int, ...]],
    metadata: Mapping[str, str | int | float | bool],
    fingerprint: str | None,
    problem: str | None = None,
) -> Base:
    def number(key: str, default: int = 0) -> int:
        value = metadata.get(f"{names.gguf}.{key}", default)
        if not isinstance(value, int) or value <= 0:
            raise CheckpointError(f"{path} has {names.gguf}.{key} = {value!r}; convert the base again.")
        return value

    n_embd, n_head = number("embedding_length"), number("attention.head_count")
    weights = {key.removesuffix(".weight"): shape for key, shape in shapes.items() if key.endswith(".weight")}
    if "token_embd" not in weights:
        raise CheckpointError(f"{path} has no token_embd.weight; name the base model's own file.")
    return Base(
        path, name, names, weights, number("block_count"), n_head,
        number("attention.head_count_kv", n_head), number("attention.key_length", n_embd // n_head),
        fingerprint, problem,
    )  # fmt: skip
