"""The chat templates of a checkpoint folder, wherever their time kept them."""

from __future__ import annotations

import json
import re
from pathlib import Path

from aion.convert.checkpoint import Checkpoint
from aion.errors import CheckpointError

_FOLDER = "additional_chat_templates"


def chat_templates(checkpoint: Checkpoint) -> tuple[str | None, dict[str, str]]:
    """The default template, None when there is none, and the others by name.

    A file chat_template.jinja goes before tokenizer_config.json, and that before chat_template.json;
    the files of additional_chat_templates join those of a list. What is neither letter nor digit in a
    name becomes _, as it is a part of a GGUF key.
    """
    named = _configured(checkpoint) | _files(checkpoint)
    default = named.pop("default", None)
    return default, {re.sub(r"[^A-Za-z0-9]", "_", name): text for name, text in named.items()}


def _files(checkpoint: Checkpoint) -> dict[str, str]:
    paths = {path.stem: path for path in sorted((checkpoint.folder / _FOLDER).glob("*.jinja"))}
    default = checkpoint.folder / "chat_template.jinja"
    if default.exists():
        paths["default"] = default
    return {name: _text(path) for name, path in paths.items()}


def _configured(checkpoint: Checkpoint) -> dict[str, str]:
    for file in ("tokenizer_config.json", "chat_template.json"):
        found = checkpoint.json(file, required=False).get("chat_template")
        if found is None:
            continue
        entries = found if isinstance(found, list) else [{"name": "default", "template": found}]
        named = {e.get("name"): e.get("template") for e in entries if isinstance(e, dict)}
        if len(named) != len(entries) or not all(isinstance(t, str) for pair in named.items() for t in pair):
            raise CheckpointError(
                f"{checkpoint.folder / file} has a chat_template that is no text: "
                f"{json.dumps(found)[:60]}; correct it."
            )
        return {str(name): str(text) for name, text in named.items()}
    return {}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} is not readable text ({error}); copy it again.") from error
