"""Paths of this machine that a request may name: adapters in the folders meant for them, nothing else."""

from __future__ import annotations

from pathlib import Path

from aion.errors import InvalidRequest
from aion.settings import Settings

_MAX_SHOWN = 200


def adapter_path(settings: Settings, given: str) -> Path:
    """The file or folder `given` names, without links. Raises InvalidRequest for one that lies elsewhere,
    whether it is there or not, so that nobody learns what else this machine has."""
    found = _resolved(given)
    if found is not None and any(found.is_relative_to(folder) for folder in _folders(settings)):
        return found
    folder = _folder(settings.adapter_dir)
    raise InvalidRequest(
        f"path is {given[:_MAX_SHOWN]!r}; an adapter must lie in AION_ADAPTER_DIR ({folder}), "
        f"AION_MODELS_DIR ({settings.models_dir}) or AION_TRAIN_ROOT ({settings.train_root}): put it "
        "there, or load it from where it is by setting AION_ADAPTER_DIR.",
        param="path",
    )


def _folders(settings: Settings) -> list[Path]:
    named = (_folder(settings.adapter_dir), settings.models_dir, settings.train_root)
    return [folder for folder in (_resolved(str(path)) for path in named) if folder is not None]


def _folder(path: Path) -> Path:
    """AION_ADAPTER_DIR may be a GGUF, and then its folder is meant."""
    return path.parent if path.suffix == ".gguf" or path.is_file() else path


def _resolved(text: str) -> Path | None:
    """None for what no path can be: NUL, a name too long, links in a circle."""
    try:
        return Path(text).resolve() if text else None
    except (OSError, ValueError, RuntimeError):
        return None
