"""What is said about a model beside its numbers: author, licence, description, source.

Read from the front matter of a checkpoint's README.md when it has one; only plain `key: value` lines.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from pathlib import Path

SOURCE_HASH_KEY = "aion.source.hash"
_KEYS = {
    "author": "general.author",
    "license": "general.license",
    "license_name": "general.license.name",
    "license_link": "general.license.link",
    "description": "general.description",
    "url": "general.source.url",
    "repository": "general.source.repo_url",
    "source_hash": SOURCE_HASH_KEY,
}
_OWN = {"repository", "source_hash"}
_LINE = re.compile(r"^(\w+):[ \t]+(\S.*?)[ \t]*$")


@dataclass(frozen=True, slots=True)
class Card:
    """None where nothing is known. `repository` (a URL) and `source_hash` (tells whether a checkpoint is
    still the one a GGUF was made from) are never taken from a README."""

    author: str | None = None
    license: str | None = None
    license_name: str | None = None
    license_link: str | None = None
    description: str | None = None
    url: str | None = None
    repository: str | None = None
    source_hash: str | None = None

    def over(self, other: Card) -> Card:
        """This card, its gaps filled from `other`."""
        return Card(**{f.name: getattr(self, f.name) or getattr(other, f.name) for f in fields(self)})

    def metadata(self) -> dict[str, str]:
        """GGUF keys and their values, only the known ones."""
        return {key: getattr(self, name) for name, key in _KEYS.items() if getattr(self, name)}


def read_card(folder: Path) -> Card:
    """The card in `folder`/README.md, empty when there is none or it has no front matter."""
    try:
        lines = (folder / "README.md").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return Card()
    if not lines or lines[0].strip() != "---":
        return Card()
    found: dict[str, str] = {}
    for line in lines[1:]:
        if line.strip() == "---":
            break
        match = _LINE.match(line)
        if match and match[1] in _KEYS.keys() - _OWN:
            found[match[1]] = match[2].strip("\"'")
    return Card(**found)
