"""The front matter of a model card (README.md): the lines between two "---" at its beginning.

Reads what model cards have there: `key: value`, `key: [a, b]`, and a key with "- item" lines under it.
Everything else of YAML is passed over. Knows no key by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

_LINE = re.compile(r"^([\w-]+):(?:[ \t]+(.*?))?[ \t]*$")
_ITEM = re.compile(r"^[ \t]*-[ \t]+(.*?)[ \t]*$")
_PAIR = re.compile(r"^[\w-]+:(?:[ \t]|$)")
_QUOTED = re.compile(r"""(["'])(.*?)\1(?:[ \t]+#.*)?""")
_NOT_PLAIN = (">", "|", "{", "&", "*", "!")


def read_front_matter(path: Path) -> Mapping[str, tuple[str, ...]]:
    """The texts of each key at the left margin, one for `key: value`; {} when there is no front matter."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    if not lines or lines[0].strip() != "---":
        return {}
    found: dict[str, list[str]] = {}
    key = ""
    for line in lines[1:]:
        if line.strip() == "---":
            break
        if match := _LINE.match(line):
            key = match[1]
            found[key] = _values(match[2] or "")
        elif key and (item := _ITEM.match(line)) and not _PAIR.match(item[1]):
            found[key] += _values(item[1])
    return {key: tuple(texts) for key, texts in found.items() if texts}


def _values(written: str) -> list[str]:
    """The texts that stand after a key or a dash."""
    if written.startswith("[") and written.endswith("]"):
        return [text for part in written[1:-1].split(",") for text in _values(part.strip())]
    if quoted := _QUOTED.fullmatch(written):
        return [quoted[2]] if quoted[2] else []
    plain = re.split(r"(?:^|[ \t])#", written)[0].strip()
    return [plain] if plain and not plain.startswith(_NOT_PLAIN) else []
