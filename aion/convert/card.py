"""What is said about a model beside its numbers: author, licence, description, source, what it is made of.

Read from the front matter of a checkpoint's README.md when it has one; the keys are those of the hub's
model cards, their GGUF names those llama.cpp's converter writes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from aion.convert.front_matter import read_front_matter

REPOSITORY_KEY = "general.source.repo_url"
SOURCE_HASH_KEY = "aion.source.hash"
SOURCE_ID_KEY = "aion.source.id"
_KEYS = {
    "author": "general.author",
    "organization": "general.organization",
    "license": "general.license",
    "license_name": "general.license.name",
    "license_link": "general.license.link",
    "description": "general.description",
    "url": "general.source.url",
    "repository": REPOSITORY_KEY,
    "source_hash": SOURCE_HASH_KEY,
    "source_id": SOURCE_ID_KEY,
}
_LISTS = {"tags": "general.tags", "languages": "general.languages"}
_ORIGINS = {"base_models": "general.base_model", "datasets": "general.dataset"}
_HUB = "https://huggingface.co"
_ID = re.compile(r"[\w.-]+/[\w.-]+")
_PAGE = re.compile(r"https?://[^/]+/([\w.-]+)/([\w.-]+)/?")
Value = str | int | Sequence[str]


@dataclass(frozen=True, slots=True)
class Card:
    """None or () where nothing is known. `repository` (a URL), `source_hash` (tells whether a checkpoint is
    still the one a GGUF was made from) and `source_id` (tells one source from another of the same name) are
    never taken from a README. `base_models` and `datasets` are hub ids, URLs or names."""

    author: str | None = None
    organization: str | None = None
    license: str | None = None
    license_name: str | None = None
    license_link: str | None = None
    description: str | None = None
    url: str | None = None
    repository: str | None = None
    source_hash: str | None = None
    source_id: str | None = None
    tags: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    base_models: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()

    def over(self, other: Card) -> Card:
        """This card, its gaps filled from `other`."""
        return Card(**{f.name: getattr(self, f.name) or getattr(other, f.name) for f in fields(self)})

    def metadata(self) -> dict[str, Value]:
        """GGUF keys and their values, only the known ones. Who nobody names is the repository's owner, as
        on the hub's own pages."""
        page = _PAGE.fullmatch(self.repository or "")
        owner = Card(author=page[1], organization=page[1]) if page else Card()
        whole = self.over(owner)
        found: dict[str, Value] = {
            key: value for name, key in (_KEYS | _LISTS).items() if (value := getattr(whole, name))
        }
        for name, key in _ORIGINS.items():
            found |= _origins(key, getattr(whole, name))
        return found


def read_card(folder: Path) -> Card:
    """The card in `folder`/README.md, empty when there is none or it has no front matter."""
    found = read_front_matter(folder / "README.md")

    def text(key: str) -> str | None:
        return ", ".join(found.get(key, ())) or None

    def texts(*keys: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(text for key in keys for text in found.get(key, ())))

    return Card(
        author=text("author"),
        organization=text("organization"),
        license=text("license"),
        license_name=text("license_name"),
        license_link=text("license_link"),
        description=text("description"),
        url=text("url"),
        tags=texts("tags", "pipeline_tag"),
        languages=texts("languages", "language"),
        base_models=texts("base_model"),
        datasets=texts("datasets"),
    )


def _origins(key: str, named: Sequence[str]) -> Mapping[str, Value]:
    """The pairs under `key` (general.base_model) for what the model was made of."""
    found: dict[str, Value] = {f"{key}.count": len(named)} if named else {}
    for number, text in enumerate(named):
        is_page = "://" in text
        url = text if is_page else f"{_HUB}/{text}" if _ID.fullmatch(text) else None
        page = _PAGE.fullmatch(url or "")
        name = page[2] if page else None if is_page else text
        parts = {"name": name, "organization": page[1] if page else None, "repo_url": url}
        found |= {f"{key}.{number}.{part}": value for part, value in parts.items() if value}
    return found
