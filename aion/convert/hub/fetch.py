"""A checkpoint or a GGUF of the hub, here: from the cache where the network is away, else fetched."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from huggingface_hub import try_to_load_from_cache

from aion.convert.hub.download import DownloadProgress, download
from aion.convert.hub.hub_id import HubId
from aion.convert.hub.repository import Repository, look_up
from aion.convert.hub.selection import (
    INDEX,
    PICKLE_INDEX,
    PICKLE_SINGLE,
    SINGLE,
    configuration_files,
    gguf_files,
    weight_files,
)
from aion.errors import HubUnreachable


def fetch_checkpoint(
    wanted: HubId | Repository,
    progress: DownloadProgress | None = None,
    *,
    weights: bool = True,
    allow_pickle: bool = False,
    check: Callable[[Path], None] | None = None,
) -> Path:
    """The folder of a whole checkpoint, or (`weights` false) of what describes it.

    Only the files needed are fetched, weights last; before them `check` is called with the folder, and
    what it raises ends the fetch. Without a network a whole one in the cache is used. Raises HubError.
    """
    try:
        repository = look_up(wanted) if isinstance(wanted, HubId) else wanted
    except HubUnreachable:
        assert isinstance(wanted, HubId)
        cached = cached_checkpoint(wanted, weights=weights, allow_pickle=allow_pickle)
        if cached is None:
            raise
        return cached
    names = configuration_files(repository.files)
    if weights:
        whole = names + weight_files(repository.files, repository.hub_id, allow_pickle=allow_pickle)
        if check is not None:
            check(download(repository, names, are_all=False))
        names = whole
    return download(repository, names, progress)


def fetch_gguf(
    repository: Repository,
    file_type: str = "q4_k_m",
    file: str | None = None,
    progress: DownloadProgress | None = None,
) -> list[Path]:
    """The ready GGUF of `file_type`, or named `file`: one path, or all parts of a split one in order."""
    names = gguf_files(repository.files, repository.hub_id, file_type, file)
    folder = download(repository, names, progress)
    return [folder / name for name in names]


def cached_checkpoint(wanted: HubId, *, weights: bool = True, allow_pickle: bool = False) -> Path | None:
    """The folder of a checkpoint that is whole in the cache, None when it is not. Pickles count only with
    `allow_pickle`. No network."""
    found = try_to_load_from_cache(wanted.repository, "config.json", revision=wanted.revision)
    if not isinstance(found, str):
        return None
    folder = Path(found).parent
    return folder if not weights or _has_weights(folder, allow_pickle) else None


def _has_weights(folder: Path, allow_pickle: bool) -> bool:
    layouts = [(SINGLE, INDEX), *([(PICKLE_SINGLE, PICKLE_INDEX)] if allow_pickle else [])]
    for single, index in layouts:
        if (folder / single).exists():
            return True
        if (folder / index).exists():
            shards = _shards(folder / index)
            return bool(shards) and all((folder / shard).exists() for shard in shards)
    return False


def _shards(index: Path) -> set[str]:
    """The files that an index names, none when it cannot be read."""
    try:
        return set(map(str, json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return set()
