"""What an ingestion did, in numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field


@dataclass(slots=True)
class Summary:
    """What became of each document. `failed` has (source, reason), `notes` (source, what of it was not read)
    of those stored now; `ignored` counts files of unknown kinds, `ignored_kinds` by suffix.

    `n_chunks` are those of the documents stored now, `n_twins` of them had words that are stored already.
    """

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    ignored: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    ignored_kinds: Counter[str] = field(default_factory=Counter, compare=False)
    n_chunks: int = field(default=0, compare=False)
    n_twins: int = field(default=0, compare=False)

    @property
    def n_stored(self) -> int:
        return self.added + self.changed

    def as_json(self) -> dict[str, object]:
        """Plain data; `failed` as a list of {"source", "reason"}, `notes` of {"source", "note"}, `chunks` and
        `duplicates` as numbers."""
        fields = asdict(self)
        fields["chunks"], fields["duplicates"] = fields.pop("n_chunks"), fields.pop("n_twins")
        fields["ignored_kinds"] = dict(self.ignored_kinds)
        fields["failed"] = [{"source": source, "reason": reason} for source, reason in self.failed]
        fields["notes"] = [{"source": source, "note": note} for source, note in self.notes]
        return fields
