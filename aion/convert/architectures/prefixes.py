"""What an embedding model wants before a question and before a passage, as AION's metadata.

Known from sentence-transformers' own file, or because the model is of the E5 family, whose card asks for
"query: " and "passage: " and whose checkpoints do not carry them.
"""

from __future__ import annotations

import re

from aion.convert.checkpoint import Checkpoint
from aion.errors import CheckpointError

QUERY_KEY = "aion.embedding.query_prefix"
PASSAGE_KEY = "aion.embedding.passage_prefix"
_FILE = "config_sentence_transformers.json"
_PASSAGE_NAMES = ("document", "passage", "corpus")
_E5 = re.compile(r"(?:multilingual-|(?<![\w-]))e5-(?:small|base|large)(?![a-z]|-instruct)", re.IGNORECASE)


def prefixes(checkpoint: Checkpoint) -> dict[str, str]:
    """Keys and values, only those that are not empty. CheckpointError for prompts that are no texts."""
    query, passage = _said(checkpoint)
    if not query and not passage and _is_e5(checkpoint):
        query, passage = "query: ", "passage: "
    return {key: text for key, text in ((QUERY_KEY, query), (PASSAGE_KEY, passage)) if text}


def _said(checkpoint: Checkpoint) -> tuple[str, str]:
    """Prompts as sentence-transformers chooses them: by name, else the default one."""
    found = checkpoint.json(_FILE, required=False)
    prompts = found.get("prompts") or {}
    if not isinstance(prompts, dict) or not all(isinstance(text, str) for text in prompts.values()):
        raise CheckpointError(f"{checkpoint.folder / _FILE} has prompts that are no texts; correct them.")
    default = str(prompts.get(found.get("default_prompt_name"), ""))
    passages = (prompts[name] for name in _PASSAGE_NAMES if name in prompts)
    return str(prompts.get("query", default)), str(next(passages, default))


def _is_e5(checkpoint: Checkpoint) -> bool:
    """By the folder's name, or the front matter of its README (its own name, or its base model's)."""
    names = [checkpoint.folder.resolve().name, str(checkpoint.config.get("_name_or_path", ""))]
    try:
        parts = (checkpoint.folder / "README.md").read_text(encoding="utf-8").split("---", 2)
    except (OSError, UnicodeDecodeError):
        parts = []
    if len(parts) == 3 and not parts[0].strip():
        names.append(parts[1])
    return any(_E5.search(name) for name in names)
