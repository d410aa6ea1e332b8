"""Which GGUF files there are: the operator's where they are named, the embedded ones where not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from aion.errors import ModelError

CHAT_FILE = "aion-nano.gguf"
EMBED_FILE = "aion-embed.gguf"
_PACKAGE = Path(__file__).parents[1]
_TYPE = r"(ud-)?(i?q\d\w*|tq\d\w*|mxfp4\w*|b?f16|f32|fp16|fp32)"
_FULL = re.compile(r"[-._](b?f16|f32|fp16|fp32)([-._].*)?\.gguf$")


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A file to load. `notice` is "" unless it stands in for what was asked for."""

    path: Path
    is_embedded: bool
    notice: str = ""


def find_by_name(name: str, models_dir: Path, *, prefer_4bit: bool = True) -> list[Path]:
    """The GGUF files in `models_dir` called `name` (less "-GGUF") and then a type, the best first.

    "Qwen2-1.5B" is "Qwen2-1.5B-Q4_K_M.gguf" and not "Qwen2-1.5B-Instruct-Q4_K_M.gguf"; eight hexadecimal
    digits may stand between, by which AION parts models of one name. Case does not matter. In 4 bits come
    first (or last), what is not quantised after the rest, then it goes by their names.
    """
    stem = re.sub(r"[-._]gguf$", "", name.lower())
    form = re.compile(rf"{re.escape(stem)}(-[0-9a-f]{{8}})?([-._]{_TYPE}([-._].*)?)?\.gguf")
    files = models_dir.glob("[!.]*.gguf") if models_dir.is_dir() else []
    found = [f for f in files if form.fullmatch(f.name.lower()) and f.name not in (CHAT_FILE, EMBED_FILE)]
    return sorted(found, key=lambda f: (_is_4bit(f) != prefer_4bit, not is_as_asked(f, prefer_4bit), f.name))


def is_as_asked(file: Path, in_4bit: bool) -> bool:
    """By its name: for 4 bits any quantised file will do, somebody chose it; otherwise all but 4 bits."""
    return not (_FULL.search(file.name.lower()) if in_4bit else _is_4bit(file))


def _is_4bit(file: Path) -> bool:
    return re.search(r"i?q4_|mxfp4", file.name.lower()) is not None


def embedded_chat_model(models_dir: Path, notice: str = "") -> ModelChoice:
    """The chat model that comes with AION; `notice` says what it stands in for."""
    return ModelChoice(embedded_file(CHAT_FILE, models_dir), is_embedded=True, notice=notice)


def choose_embedder(path: Path | None, models_dir: Path) -> ModelChoice:
    """The file for AION_EMBED_MODEL, the embedded one when none is named."""
    if path is not None:
        return ModelChoice(existing_file(path, "AION_EMBED_MODEL"), is_embedded=False)
    return ModelChoice(embedded_file(EMBED_FILE, models_dir), is_embedded=True)


def choose_reranker(path: Path | None) -> Path | None:
    """The file for AION_RERANK_MODEL, None when none is named."""
    return None if path is None else existing_file(path, "AION_RERANK_MODEL")


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


def existing_file(path: Path, setting: str = "AION_BASE_MODEL") -> Path:
    """`path`, of that setting, when it is there; ModelError when it is not."""
    try:
        exists = path.exists()
    except (OSError, ValueError):  # a name too long, a zero byte, a folder that may not be read
        exists = False
    if not exists:
        raise ModelError(
            f"The model file {path} does not exist; correct {setting}, or leave it empty.", param=setting
        )
    return path
