"""What an ingestion from the web did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field

Progress = Callable[[int, int, str], None]
"""Called as (pages done, pages known of, what is done or waited for now)."""


@dataclass(slots=True)
class CrawlSummary:
    """Documents added, changed, unchanged, removed; (URL, reason) of pages that were left out on purpose
    (`skipped`), that failed, and of stored documents whose page is gone (`gone`); (URL, what of it was not
    read) of documents stored now (`notes`).

    `n_left` links were known and not asked for, because the limit of pages was reached.
    """

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    gone: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    n_pages: int = 0
    n_left: int = 0

    def as_json(self) -> dict[str, object]:
        """Plain data, with {"url", "reason"} for each page that did not go in, {"url", "note"} for notes."""
        lists = {
            name: [{"url": url, "reason": reason} for url, reason in getattr(self, name)]
            for name in ("skipped", "failed", "gone")
        }
        notes = [{"url": url, "note": note} for url, note in self.notes]
        return asdict(self) | lists | {"notes": notes}
