"""Fetches a model by name into the models folder: a ready GGUF where the hub has one, else a checkpoint that
is converted here. The one place where gigabytes come over the network, and only when asked to."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from aion.convert.description import refuse_unconvertible
from aion.convert.hub import (
    DownloadProgress,
    HubId,
    Repository,
    cached_checkpoint,
    fetch_checkpoint,
    fetch_gguf,
    look_up,
)
from aion.convert.hub.selection import gguf_files
from aion.engine.catalog import find_by_name
from aion.errors import HubError, HubUnreachable
from aion.partial import whole_file
from aion.server.model_files.make_gguf import Recipe, is_of_another, obtain, plain_type
from aion.server.model_files.one_maker import GgufProgress


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for: `file_type` (None: the 16-bit type of the checkpoint, or a ready f16), or one
    `file` of a repository of GGUF files."""

    hub_id: HubId
    file_type: str | None
    file: str | None = None
    allow_pickle: bool = False

    @property
    def ready_type(self) -> str:
        return self.file_type or "f16"

    @property
    def name(self) -> str:
        """The model's name: the repository's without the "-GGUF" that many bear."""
        return re.sub(r"[-._]gguf$", "", self.hub_id.name, flags=re.IGNORECASE)


def pull(
    wish: Wish,
    models_dir: Path,
    *,
    n_threads: int,
    fetching: DownloadProgress | None = None,
    converting: GgufProgress | None = None,
) -> Path:
    """The GGUF file in `models_dir`, the first one of a split model; what is there already is used again.

    A checkpoint that is whole in the hub's cache, and a GGUF in `models_dir`, need no network. One that AION
    cannot convert is refused before its weights are fetched. Raises HubError, CheckpointError, ModelError.
    """
    try:
        repository = look_up(wish.hub_id)
    except HubUnreachable:
        cached = cached_checkpoint(wish.hub_id, allow_pickle=wish.allow_pickle)
        found = _found_before(wish, models_dir)
        if found is not None and (cached is None or wish.file):
            return found
        if cached is None or wish.file:
            raise
        folder = cached
    else:
        if wish.file or _has_ready(repository, wish):
            return _ready(repository, wish, models_dir, fetching)
        folder = fetch_checkpoint(
            repository, fetching, allow_pickle=wish.allow_pickle, check=refuse_unconvertible
        )
    file_type = wish.file_type or plain_type(folder, allow_pickle=wish.allow_pickle)
    recipe = Recipe(file_type, wish.name, wish.hub_id.page, wish.allow_pickle, n_threads=n_threads)
    return obtain(folder, models_dir, recipe, converting)


def _has_ready(repository: Repository, wish: Wish) -> bool:
    """True when a GGUF of the type is there, or nothing else is."""
    if not repository.has_checkpoint:
        return repository.has_gguf
    try:
        return bool(gguf_files(repository.files, wish.hub_id, wish.ready_type))
    except HubError:
        return False


def _found_before(wish: Wish, models_dir: Path) -> Path | None:
    """The one file that an earlier pull of the same wish has left, whose size nobody can be asked now."""
    if wish.file is not None:
        named = [models_dir / Path(wish.file).name]
    else:
        ends = f"-{wish.ready_type}.gguf"
        named = [path for path in find_by_name(wish.name, models_dir) if path.name.lower().endswith(ends)]
    page = wish.hub_id.page
    return next((path for path in named if path.is_file() and not is_of_another(path, page)), None)


def _ready(repository: Repository, wish: Wish, models_dir: Path, fetching: DownloadProgress | None) -> Path:
    names = gguf_files(repository.files, wish.hub_id, wish.ready_type, wish.file)
    outs = [models_dir / Path(name).name for name in names]
    if len(names) == 1 and wish.file is None:
        outs = [models_dir / f"{wish.name}-{wish.ready_type.upper()}.gguf"]
    sizes = [repository.files[name].n_bytes for name in names]
    if not all(_is_there(out, size) for out, size in zip(outs, sizes, strict=True)):
        for path, out in zip(fetch_gguf(repository, wish.ready_type, wish.file, fetching), outs, strict=True):
            _place(path.resolve(), out)
    return outs[0]


def _is_there(out: Path, n_bytes: int) -> bool:
    if not out.exists():
        return False
    if out.stat().st_size != n_bytes:
        raise HubError(
            f"{out} has {out.stat().st_size} bytes and the hub's file {n_bytes}; move it away and pull again."
        )
    return True


def _place(blob: Path, out: Path) -> None:
    """`blob` under the name `out` too: a second name of the same bytes, a copy where the disk is another."""
    partial = out.with_name(f".{out.name}.link")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        try:
            os.link(blob, partial)
            partial.replace(out)
        except OSError:
            with whole_file(out) as copy:
                shutil.copyfile(blob, copy)
    except OSError as error:
        raise HubError(
            f"{out} cannot be written ({error.strerror or error}); free space, or set AION_MODELS_DIR."
        ) from error
