"""The chat template of a checkpoint folder, wherever its time kept it."""

from __future__ import annotations

import json

from aion.convert.checkpoint import Checkpoint
from aion.errors import CheckpointError


def chat_template(checkpoint: Checkpoint) -> str | None:
    """The default template's text; None when there is none."""
    path = checkpoint.folder / "chat_template.jinja"
    if path.exists():
        return path.read_text(encoding="utf-8")
    template = checkpoint.tokenizer_config.get("chat_template")
    if isinstance(template, list):
        named = {t.get("name"): t.get("template") for t in template if isinstance(t, dict)}
        template = named.get("default")
    if template is None or isinstance(template, str):
        return template
    path = checkpoint.folder / "tokenizer_config.json"
    raise CheckpointError(
        f"{path} has a chat_template that is no text: {json.dumps(template)[:60]}; correct it."
    )
