"""A checkpoint folder to a GGUF file of any type, and once only: what is there already is used again.

Here because it joins two rooms: `convert` writes the plain types, the engine's llama.cpp the others.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from aion.convert import Checkpoint, FileType, convert
from aion.convert.card import REPOSITORY_KEY, SOURCE_HASH_KEY, SOURCE_ID_KEY, Card
from aion.convert.encode import FILE_TYPES
from aion.convert.gguf_header import read_header
from aion.convert.hub.selection import configuration_files
from aion.convert.output import refuse_existing
from aion.engine.quantize import quantize
from aion.errors import CheckpointError
from aion.server.model_files.one_maker import GgufProgress, one_maker

_MERGED_KEY = "aion.merged.names"
_NO_NAME = re.compile(r"[/\\\0]+")
_DESCRIBING_FOLDERS = ("additional_chat_templates/*", "*_Pooling/*")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a checkpoint becomes a GGUF. `name` None is the folder's; `repository` is the page it came from."""

    file_type: str = "f16"
    name: str | None = None
    repository: str | None = None
    allow_pickle: bool = False
    imatrix: Path | None = None
    n_threads: int = 1

    def file_name(self, folder: Path, mark: str = "") -> str:
        """NAME-TYPE.gguf, or NAME-MARK-TYPE.gguf; never a path, whatever the name."""
        name = _NO_NAME.sub("-", self.name or folder.resolve().name).lstrip(".-") or "model"
        return "-".join(filter(None, [name, mark, f"{self.file_type.upper()}.gguf"]))

    def source_id(self, folder: Path) -> str:
        """Tells one source from another of the same name, by its repository or its place on this machine."""
        place = self.repository or str(folder.resolve())
        return hashlib.sha256(place.encode(errors="surrogateescape")).hexdigest()[:16]


def obtain(folder: Path, models_dir: Path, recipe: Recipe, progress: GgufProgress | None = None) -> Path:
    """The GGUF of the checkpoint in `folder`, in `models_dir`: made now, or earlier from the same files.

    Several processes at once make it once. A file of that name that was not made from a checkpoint by
    AION is left alone. Raises CheckpointError, ModelError.
    """
    wanted = source_hash(folder, allow_pickle=recipe.allow_pickle)
    while True:
        out = place(folder, models_dir, recipe)
        if _recorded(out, SOURCE_HASH_KEY) == wanted:
            return out
        try:
            models_dir.mkdir(parents=True, exist_ok=True)
            with one_maker(out, progress) as between:
                if place(folder, models_dir, recipe) != out:
                    continue  # meanwhile another source's GGUF has taken the name
                made_from = _recorded(out, SOURCE_HASH_KEY)
                if made_from == "":
                    raise CheckpointError(
                        f"{out} exists and was not made from {folder}; move it away, or name it as the model."
                    )
                if made_from != wanted:
                    _make(folder, out, between, recipe, progress)
        except OSError as error:
            raise _failed(folder, models_dir, error, "name another in AION_MODELS_DIR") from error
        return out


def place(folder: Path, models_dir: Path, recipe: Recipe) -> Path:
    """Where `obtain` keeps the GGUF: NAME-TYPE.gguf, with a mark of the source in its name where that is the
    GGUF of another source of the same name."""
    plain = models_dir / recipe.file_name(folder)
    own = recipe.source_id(folder)
    marked = plain.with_name(recipe.file_name(folder, own[:8]))
    if _recorded(marked, SOURCE_ID_KEY) == own:
        return marked
    return plain if _recorded(plain, SOURCE_ID_KEY) in (None, "", own) else marked


def is_of_another(path: Path, page: str) -> bool:
    """True for a GGUF that AION made of another repository than the hub's `page`, or of a folder that is
    not the first of its name."""
    own, repository = _recorded(path, SOURCE_ID_KEY), _recorded(path, REPOSITORY_KEY) or ""
    if not own:
        return False
    is_marked = f"-{own[:8]}-" in path.name
    return repository.lower() != page.lower() if repository else is_marked


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
        raise _failed(folder, out, error, "name another place") from error
    return out


def plain_type(folder: Path, *, allow_pickle: bool = False) -> FileType:
    """The 16-bit type that loses least: bf16 where most of the weights are bfloat16, else f16."""
    checkpoint = Checkpoint(folder, allow_pickle=allow_pickle)
    n_bytes = {name: checkpoint.n_bytes(name) for name in checkpoint.names}
    n_bf16 = sum(n for name, n in n_bytes.items() if checkpoint.dtype(name) == "BF16")
    return "bf16" if 2 * n_bf16 > sum(n_bytes.values()) else "f16"


def source_hash(folder: Path, *, allow_pickle: bool = False) -> str:
    """Changes whenever a file that the conversion reads does: what the small ones hold, size and time of the
    weights (gigabytes, which would take long to read). Other files of the folder do not count. Raises
    CheckpointError."""
    digest = hashlib.sha256()
    path = folder
    try:
        for path in _describing(folder):
            digest.update(f"{path.relative_to(folder).as_posix()}\n".encode())
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        for path in sorted(Checkpoint(folder, allow_pickle=allow_pickle).files):
            stat = path.stat()
            digest.update(f"{path.name} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    except OSError as error:
        raise _unreadable(path, error) from error
    return digest.hexdigest()


def _describing(folder: Path) -> list[Path]:
    """The checkpoint's small files, by their names."""
    present = [path for pattern in ("*", *_DESCRIBING_FOLDERS) for path in folder.glob(pattern)]
    names = configuration_files(path.relative_to(folder).as_posix() for path in present if path.is_file())
    return [folder / name for name in names]


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
    found = source_hash(folder, allow_pickle=recipe.allow_pickle)
    card = Card(repository=recipe.repository, source_hash=found, source_id=recipe.source_id(folder))
    file_type = cast("FileType", recipe.file_type)
    convert(
        folder, out, file_type, recipe.name, progress,
        overwrite=True, card=card, allow_pickle=recipe.allow_pickle,
    )  # fmt: skip


def _recorded(path: Path, key: str) -> str | None:
    """What a GGUF says of its source; "" when it says nothing or adapters were merged into it since, None
    when there is no such file."""
    if not path.exists():
        return None
    try:
        header = read_header(path)
    except CheckpointError:
        return ""
    return "" if _MERGED_KEY in header.pairs else str(header.metadata.get(key, ""))


def _failed(folder: Path, out: Path, error: OSError, remedy: str) -> CheckpointError:
    """The sentence for what the system refuses: a file of the source, or the output."""
    path = Path(error.filename) if isinstance(error.filename, str) else out
    is_output = path.is_relative_to(out) or path.name.startswith(f".{out.name}")
    if path.is_relative_to(folder) and not is_output:
        return _unreadable(path, error)
    return CheckpointError(f"{out} cannot be written ({error.strerror or error}); {remedy}.")


def _unreadable(path: Path, error: OSError) -> CheckpointError:
    return CheckpointError(
        f"{path} cannot be read ({error.strerror or error}); check its rights and the disk, or copy it again."
    )
