"""Which GGUF file answers: what AION_BASE_MODEL names is found, converted when it is a checkpoint that is
here, or stood in for by the embedded model with the command that fetches it. Downloads nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aion.convert.hub import HubId, cached_checkpoint, hub_id
from aion.engine.catalog import (
    ModelChoice,
    embedded_chat_model,
    existing_file,
    find_by_name,
    is_as_asked,
)
from aion.errors import ModelError
from aion.machine import n_physical_cores
from aion.server.model_files.make_gguf import Recipe, is_of_another, obtain, place, plain_type
from aion.server.model_files.one_maker import GgufProgress
from aion.settings import Settings

FOUR_BIT = "q4_k_m"


@dataclass(frozen=True, slots=True)
class Conversion:
    """A checkpoint folder that is to be served as the GGUF of `recipe` in the models folder."""

    folder: Path
    recipe: Recipe
    models_dir: Path

    @property
    def file_name(self) -> str:
        return place(self.folder, self.models_dir, self.recipe).name


def find_base_model(settings: Settings) -> ModelChoice | Conversion:
    """What AION_BASE_MODEL stands for, nothing done yet.

    A GGUF path; a checkpoint folder; a hub id whose GGUF is in the models folder or whose checkpoint is
    whole in the hub's cache; an absent hub id or an empty name is the embedded model. Raises ModelError,
    CheckpointError.
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
    return _of_the_hub(settings, wanted)


def provide_base_model(settings: Settings, progress: GgufProgress | None = None) -> ModelChoice:
    """The file to load, converted first where that is needed. Raises ModelError, CheckpointError."""
    found = find_base_model(settings)
    if isinstance(found, ModelChoice):
        return found
    return ModelChoice(obtain(found.folder, settings.models_dir, found.recipe, progress), is_embedded=False)


def _of_the_hub(settings: Settings, wanted: HubId) -> ModelChoice | Conversion:
    """A GGUF of the wanted precision, else the cached checkpoint in it, else a GGUF of another precision."""
    in_4bit = settings.load_in_4bit
    named = find_by_name(wanted.name, settings.models_dir, prefer_4bit=in_4bit)
    found = next((file for file in named if not is_of_another(file, wanted.page)), None)
    if found is not None and is_as_asked(found, in_4bit):
        return ModelChoice(found, is_embedded=False)
    cached = cached_checkpoint(wanted)
    if cached is not None:
        return _conversion(settings, cached, wanted.name, wanted.page)
    if found is not None:
        notice = (
            f"AION_LOAD_IN_4BIT={str(in_4bit).lower()} asks for {'4' if in_4bit else '16'} bits, and of "
            f"{wanted} only {found.name} is here, so it answers; `aion pull {wanted}` fetches the other."
        )
        return ModelChoice(found, is_embedded=False, notice=notice)
    notice = (
        f"{wanted} is not on this machine, so the small embedded model answers. "
        f"Fetch it with `aion pull {wanted}`, or name a GGUF file or a checkpoint folder in AION_BASE_MODEL, "
        "and start again."
    )
    return embedded_chat_model(settings.models_dir, notice)


def _conversion(settings: Settings, folder: Path, name: str, repository: str | None = None) -> Conversion:
    file_type = FOUR_BIT if settings.load_in_4bit else plain_type(folder)
    n_threads = settings.threads or n_physical_cores()
    recipe = Recipe(file_type, name, repository, n_threads=n_threads)
    return Conversion(folder, recipe, settings.models_dir)


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
