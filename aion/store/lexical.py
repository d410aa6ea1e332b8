"""The full-text index: stems of chunks in, BM25 out. Does not know how stems are made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import apsw

from aion.store.connection import Store


class Lexical:
    """BM25 search over one tenant's chunks. Stateless; safe for threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def search(self, tenant: str, stems: Sequence[str], k: int) -> list[tuple[int, float]]:
        """The at most `k` best (chunk id, BM25), best first; BM25 > 0, higher is better.

        A chunk needs only one of the stems: asking for all finds next to nothing.
        """
        if not stems:
            return []
        # CROSS JOIN keeps the order: looking each of the tenant's chunks up in the index takes minutes.
        with self._store.read() as db:
            rows = db.execute(
                """
                SELECT chunks.id, -bm25(chunks_fts) AS score
                FROM chunks_fts CROSS JOIN chunks ON chunks.id = chunks_fts.rowid
                WHERE chunks_fts MATCH ? AND chunks.tenant = ?
                ORDER BY score DESC, chunks.id LIMIT ?
                """,
                (_any_of(stems), tenant, k),
            )
            return [(chunk_id, score) for chunk_id, score in rows]


def _any_of(stems: Iterable[str]) -> str:
    """An FTS5 query in which every stem, each once, is a quoted string and so never an operator."""
    return " OR ".join('"' + stem.replace('"', '""') + '"' for stem in dict.fromkeys(stems))


def insert(db: apsw.Connection, rows: Iterable[tuple[int, str, str]]) -> None:
    """Index (chunk id, stemmed title, stemmed text) rows inside the caller's transaction."""
    db.executemany("INSERT INTO chunks_fts (rowid, title, text) VALUES (?, ?, ?)", rows)


def delete(db: apsw.Connection, chunk_ids: Iterable[int]) -> None:
    """Forget chunks inside the caller's transaction."""
    db.executemany("DELETE FROM chunks_fts WHERE rowid = ?", ((chunk_id,) for chunk_id in chunk_ids))
