"""Which GGUF file answers: what AION_BASE_MODEL names is found, converted when it is a checkpoint that is
here, or stood in for by the embedded model with the command that fetches it. Downloads nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aion.convert.hub import cached_checkpoint, hub_id
from aion.engine.catalog import ModelChoice, embedded_chat_model, existing_file, find_by_name
from aion.errors import ModelError
from aion.server.make_gguf import Recipe, obtain, plain_type
from aion.server.one_maker import GgufProgress
from aion.settings import Settings, n_physical_cores

FOUR_BIT = "q4_k_m"


@dataclass(frozen=True, slots=True)
class Conversion:
    """A checkpoint folder that is to be served as the GGUF of `recipe` in the models folder."""

    folder: Path
    recipe: Recipe

    @property
    def file_name(self) -> str:
        return self.recipe.file_name(self.folder)


def find_base_model(settings: Settings) -> ModelChoice | Conversion:
    """What AION_BASE_MODEL stands for, nothing done yet.

    A GGUF path; a checkpoint folder; a hub id whose GGUF is in the models folder or whose checkpoint is
    whole in the hub's cache; an absent hub id or an empty name is the embedded model. Raises ModelError.
    """
    name, models_dir = settings.base_model, settings.models_dir
    if not name:
        return embedded_chat_model(models_dir)
    path = Path(name)
    if _is_folder(path):
        return _conversion(settings, path, path.resolve().name)
    wanted = hub_id(name)
    if wanted is None or name.endswith(".gguf") or _exists(path):
        return ModelChoice(_file(name), is_embedded=False)
    found = find_by_name(wanted.name, models_dir, prefer_4bit=settings.load_in_4bit)
    if found is not None:
        return ModelChoice(found, is_embedded=False)
    cached = cached_checkpoint(wanted)
    if cached is not None:
        return _conversion(settings, cached, wanted.name, wanted.page)
    notice = (
        f"{name} is not on this machine, so the small embedded model answers. "
        f"Fetch it with `aion pull {name}`, or name a GGUF file or a checkpoint folder in AION_BASE_MODEL, "
        "and start again."
    )
    return embedded_chat_model(models_dir, notice)


def provide_base_model(settings: Settings, progress: GgufProgress | None = None) -> ModelChoice:
    """The file to load, converted first where that is needed. Raises ModelError, CheckpointError."""
    found = find_base_model(settings)
    if isinstance(found, ModelChoice):
        return found
    return ModelChoice(obtain(found.folder, settings.models_dir, found.recipe, progress), is_embedded=False)


def _conversion(settings: Settings, folder: Path, name: str, repository: str | None = None) -> Conversion:
    file_type = FOUR_BIT if settings.load_in_4bit else plain_type(folder)
    n_threads = settings.threads or n_physical_cores()
    return Conversion(folder, Recipe(file_type, name, repository, n_threads=n_threads))


def _file(name: str) -> Path:
    if name.endswith(".gguf") or _exists(Path(name)):
        return existing_file(Path(name))
    raise ModelError(
        f"AION_BASE_MODEL={name!r} is neither a GGUF file, a folder nor a hub id such as owner/name; "
        "give one of these, or leave it empty."
    )


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name too long, a zero byte, a folder that may not be read
        return False


def _is_folder(path: Path) -> bool:
    return _exists(path) and path.is_dir()
