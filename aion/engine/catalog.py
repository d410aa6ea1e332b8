"""Which GGUF files are used: the operator's where they are, the embedded ones where not, said plainly."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from aion.errors import ModelError

CHAT_FILE = "aion-nano.gguf"
EMBED_FILE = "aion-embed.gguf"
_PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A file to load. `notice` is "" unless it stands in for what was asked for."""

    path: Path
    is_embedded: bool
    notice: str = ""


def choose_base_model(name: str, models_dir: Path) -> ModelChoice:
    """The file for AION_BASE_MODEL `name`: a GGUF path, or a hub id of which no file is here yet.

    Raises ModelError for a path that does not exist; an absent hub model gives the embedded one, and so
    does an empty name, without a notice.
    """
    if not name:
        return ModelChoice(embedded_file(CHAT_FILE, models_dir), is_embedded=True)
    if name.endswith(".gguf") or _exists(Path(name)):
        return ModelChoice(_existing(Path(name)), is_embedded=False)
    if not _is_hub_id(name):
        raise ModelError(
            f"AION_BASE_MODEL={name!r} is neither a GGUF file, a folder nor a hub id such as owner/name; "
            "give one of these, or leave it empty."
        )
    stem = name.partition("/")[2].lower()
    for file in sorted(models_dir.glob("*.gguf")) if models_dir.is_dir() else []:
        if re.match(rf"{re.escape(stem)}[-._]", file.name.lower()) and file.name not in (
            CHAT_FILE,
            EMBED_FILE,
        ):
            return ModelChoice(file, is_embedded=False)
    notice = (
        f"{name} is not on this machine, so the small embedded model answers. "
        f"Download a GGUF of it into {models_dir}/ (its name beginning with {stem}), "
        "or name any GGUF file in AION_BASE_MODEL, and start again."
    )
    return ModelChoice(embedded_file(CHAT_FILE, models_dir), is_embedded=True, notice=notice)


def choose_embedder(path: Path | None, models_dir: Path) -> ModelChoice:
    """The file for AION_EMBED_MODEL, the embedded one when none is named."""
    if path is not None:
        return ModelChoice(_existing(path), is_embedded=False)
    return ModelChoice(embedded_file(EMBED_FILE, models_dir), is_embedded=True)


def embedded_file(name: str, models_dir: Path) -> Path:
    """Where the embedded model `name` lies: the models folder, the installed package, the checkout."""
    places = [models_dir, _PACKAGE / "embedded", _PACKAGE.parent / "models"]
    for folder in places:
        if (folder / name).is_file():
            return folder / name
    looked = ", ".join(str(p) for p in places)
    raise ModelError(
        f"The embedded model {name} is in none of {looked}; reinstall AION or set AION_MODELS_DIR."
    )


def _existing(path: Path) -> Path:
    if not _exists(path):
        raise ModelError(
            f"The model file {path} does not exist; correct AION_BASE_MODEL or AION_EMBED_MODEL, "
            "or leave it empty to use the embedded model."
        )
    return path


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name too long, a folder that may not be read
        return False


def _is_hub_id(name: str) -> bool:
    parts = name.split("/")
    return len(parts) == 2 and all(parts) and not name.startswith((".", "~", "/"))
