"""A checkpoint folder to a GGUF file of any type, and once only: what is there already is used again.

Here because it joins two rooms: `convert` writes the plain types, the engine's llama.cpp the others.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from aion.convert import Checkpoint, FileType, convert
from aion.convert.card import SOURCE_HASH_KEY, Card
from aion.convert.encode import FILE_TYPES
from aion.convert.gguf_header import read_header
from aion.convert.output import refuse_existing
from aion.engine.quantize import quantize
from aion.errors import CheckpointError
from aion.server.one_maker import GgufProgress, one_maker

_MERGED_KEY = "aion.merged.names"
_WEIGHTS = (".safetensors", ".bin", ".gguf", ".pt", ".h5", ".msgpack", ".onnx")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a checkpoint becomes a GGUF. `name` None is the folder's; `repository` is the page it came from."""

    file_type: str = "f16"
    name: str | None = None
    repository: str | None = None
    allow_pickle: bool = False
    imatrix: Path | None = None
    n_threads: int = 1

    def file_name(self, folder: Path) -> str:
        return f"{self.name or folder.resolve().name}-{self.file_type.upper()}.gguf"


def obtain(folder: Path, models_dir: Path, recipe: Recipe, progress: GgufProgress | None = None) -> Path:
    """The GGUF of the checkpoint in `folder`, in `models_dir`: made now, or earlier from the same files.

    Several processes at once make it once. A file of that name that was not made from a checkpoint by
    AION is left alone. Raises CheckpointError, ModelError.
    """
    out, wanted = models_dir / recipe.file_name(folder), source_hash(folder)
    if _made_from(out) == wanted:
        return out
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        with one_maker(out, progress) as between:
            made_from = _made_from(out)
            if made_from == "":
                raise CheckpointError(
                    f"{out} exists and was not made from {folder}; move it away, or name it as the model."
                )
            if made_from != wanted:
                _make(folder, out, between, recipe, progress)
    except OSError as error:
        raise _unwritable(models_dir, error, "name another in AION_MODELS_DIR") from error
    return out


def make_gguf(
    folder: Path, out: Path, recipe: Recipe, *, overwrite: bool = False, progress: GgufProgress | None = None
) -> Path:
    """Convert `folder` to `out`, whole or not at all. Raises CheckpointError, ModelError."""
    refuse_existing(out, overwrite)
    if recipe.imatrix is not None and recipe.file_type in FILE_TYPES:
        raise CheckpointError(
            f"{recipe.file_type} uses no importance matrix; leave --imatrix out, or take q4_k_m."
        )
    try:
        with one_maker(out, progress) as between:
            refuse_existing(out, overwrite)
            _make(folder, out, between, recipe, progress)
    except OSError as error:
        raise _unwritable(out, error, "name another place") from error
    return out


def plain_type(folder: Path, *, allow_pickle: bool = False) -> FileType:
    """The 16-bit type that loses least: bf16 for a checkpoint in bfloat16, else f16."""
    config = Checkpoint(folder, allow_pickle=allow_pickle).config
    dtype = str(config.get("dtype") or config.get("torch_dtype") or "")
    return "bf16" if dtype.endswith("bfloat16") else "f16"


def source_hash(folder: Path) -> str:
    """Changes whenever a file of the checkpoint does: names, what small files hold, size and time of the
    weights (gigabytes, which would take long to read). No folder hashes as an empty one."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")):
        digest.update(f"{path.relative_to(folder).as_posix()}\n".encode())
        if path.suffix in _WEIGHTS:
            stat = path.stat()
            digest.update(f"{stat.st_size} {stat.st_mtime_ns}\n".encode())
        else:
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _make(folder: Path, out: Path, between: Path, recipe: Recipe, progress: GgufProgress | None) -> None:
    """`out` through llama.cpp's quantiser and `between` where AION's converter does not write the type."""
    if recipe.file_type not in FILE_TYPES:
        plain = replace(recipe, file_type=plain_type(folder, allow_pickle=recipe.allow_pickle))
        _make(folder, between, between, plain, progress)
        quantize(
            between, out, recipe.file_type, imatrix=recipe.imatrix, n_threads=recipe.n_threads,
            progress=progress, overwrite=True,
        )  # fmt: skip
        return
    card = Card(repository=recipe.repository, source_hash=source_hash(folder))
    file_type = cast("FileType", recipe.file_type)
    convert(
        folder, out, file_type, recipe.name, progress,
        overwrite=True, card=card, allow_pickle=recipe.allow_pickle,
    )  # fmt: skip


def _made_from(path: Path) -> str | None:
    """The hash of the source of a GGUF; "" when it says none or adapters were merged into it since, None
    when there is no such file."""
    if not path.exists():
        return None
    try:
        header = read_header(path)
    except CheckpointError:
        return ""
    return "" if _MERGED_KEY in header.pairs else str(header.metadata.get(SOURCE_HASH_KEY, ""))


def _unwritable(path: Path, error: OSError, remedy: str) -> CheckpointError:
    return CheckpointError(f"{path} cannot be written ({error.strerror or error}); {remedy}.")
