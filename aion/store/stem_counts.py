"""How rare stems are: in how many chunks of a full-text index each is, counted once and remembered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import apsw

from aion.store.copies.provenance import generation

_COMMON_SHARE = 0.1  # of the chunks; a stem in more of them tells little and takes long to count
_COMMON = 1_000  # chunks; counted so far in small indexes too
_MAX_REMEMBERED = 50_000  # stems of one index, about 5 MB
_MAX_TABLES = 64


@dataclass(frozen=True, slots=True)
class Rarity:
    """Of an index of `n_chunks`: in how many chunks stems are. `limit` stands for as many or more."""

    n_chunks: int
    limit: int
    counts: dict[str, int]


@dataclass(slots=True)
class _Known:
    """Counts of one index in one state. Ids of chunks are never given twice, so that the number of chunks
    and the last id tell one state from another, but for a restore, which `generation` tells."""

    state: tuple[int, int, str]
    counts: dict[str, int] = field(default_factory=dict)


class StemCounts:
    """Counts in the indexes of one store, forgotten when an index changes, whichever process changed it.
    Safe for threads: what two count at once they count alike."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def of(self, db: apsw.Connection, table: str, stems: Iterable[str]) -> Rarity:
        """How rare each of the stems is in the index `table`."""
        n_chunks, last = size_of(db, table)
        known, state = self._known.get(table), (n_chunks, last, generation(db))
        if known is None or known.state != state or len(known.counts) > _MAX_REMEMBERED:
            known = self._forget(table, state)
        limit = max(int(n_chunks * _COMMON_SHARE), _COMMON)
        counts = {}
        for stem in stems:
            found = known.counts.get(stem)
            if found is None:
                found = known.counts[stem] = _count(db, table, stem, limit)
            counts[stem] = found
        return Rarity(n_chunks, limit, counts)

    def _forget(self, table: str, state: tuple[int, int, str]) -> _Known:
        if len(self._known) >= _MAX_TABLES:
            self._known.clear()
        self._known[table] = _Known(state)
        return self._known[table]


def size_of(db: apsw.Connection, table: str) -> tuple[int, int]:
    """The number of chunks in the index `table` and the last one's id; 3 microseconds for 10,000."""
    # Asked apart: SQLite is fast at either, and reads all rows for both together.
    n_chunks, last = f"SELECT count(*) FROM {table}_docsize", f"SELECT max(id) FROM {table}_docsize"  # noqa: S608
    row = db.execute(f"SELECT ({n_chunks}), coalesce(({last}), 0)").fetchone()
    assert row is not None
    return row[0], row[1]


def any_of(stems: Iterable[str]) -> str:
    """An FTS5 query in which every stem, each once, is a quoted string and so never an operator."""
    return " OR ".join('"' + stem.replace('"', '""') + '"' for stem in stems)


def _count(db: apsw.Connection, table: str, stem: str, limit: int) -> int:
    found = db.execute(
        f"SELECT count(*) FROM (SELECT 1 FROM {table} WHERE {table} MATCH ? LIMIT ?)",  # noqa: S608
        (any_of([stem]), limit),
    )
    return int(found.get)
