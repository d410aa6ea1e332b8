"""What a person names as a checkpoint: a folder, or a hub id whose files are fetched first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aion.cli.console import transferring
from aion.errors import CheckpointError


@dataclass(frozen=True, slots=True)
class Source:
    """`repository` is the page it comes from, None for a folder of one's own."""

    folder: Path
    name: str
    repository: str | None = None


def checkpoint_folder(
    source: str, *, allow_pickle: bool = False, check: Callable[[Path], None] | None = None
) -> Source:
    """The folder `source` names; of a hub id `check` sees what describes the model before its weights are
    fetched. HubError, or CheckpointError when it names none."""
    from aion.convert.hub import fetch_checkpoint, hub_id  # noqa: PLC0415 - loads an HTTP client

    folder = Path(source)
    try:
        if folder.is_file():
            raise CheckpointError(f"{source} is a file; name the checkpoint's folder, or a hub id.")
        if folder.is_dir():
            next(folder.iterdir(), None)
            return Source(folder, folder.resolve().name)
    except (OSError, ValueError) as error:  # a name too long, a zero byte, a folder that may not be read
        reason = error.strerror if isinstance(error, OSError) else error
        raise CheckpointError(
            f"{source:.200} cannot be read ({reason}); check the path and its rights."
        ) from error
    wanted = hub_id(source)
    if wanted is None:
        raise CheckpointError(
            f"{source} is neither a folder nor a hub id such as owner/name; check the path."
        )
    with transferring() as advance:
        fetched = fetch_checkpoint(wanted, advance, allow_pickle=allow_pickle, check=check)
    return Source(fetched, wanted.name, wanted.page)
