"""Searching a tenant's full-text index: stems of a question in, BM25 out. Knows not how stems are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from aion.store.connection import Store
from aion.store.filters import chunks_query
from aion.store.lexical_tables import find_table
from aion.store.stem_counts import Rarity, StemCounts, any_of, size_of
from aion.types import Filters

MAX_STEMS = 32  # searched for; of a longer question the rarest
_MAX_WEIGHED = 256  # stems of a longer question whose rarity is looked at, half of them from its end
_MANY_CHUNKS = 20_000  # from here on common stems are left out where enough others are there
_ENOUGH_STEMS = 3
# Weights multiply how often a stem occurs, and so act as a smaller k1: 1.2 / 2. One occurrence in a chunk of
# 120 words says nearly all that several do.
_BM25 = "bm25({table}, 2.0, 2.0)"


class Lexical:
    """BM25 search over one tenant's chunks. Keeps counts of stems only; safe for threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._counts = StemCounts()

    def search(
        self, tenant: str, stems: Sequence[str], k: int, filters: Filters | None = None
    ) -> list[tuple[int, float]]:
        """The at most `k` best (chunk id, BM25), best first; BM25 >= 0, higher is better.

        A chunk needs only one of the stems: asking for all finds next to nothing. `filters` hold while
        searching, so that they cost no results.
        """
        with self._store.read() as db:
            table = find_table(db, tenant)
            if table is None:
                return []
            chosen = _choose(
                list(dict.fromkeys(stems)), partial(self._counts.of, db, table), size_of(db, table)[0]
            )
            if not chosen:
                return []
            within, parameters = chunks_query(tenant, filters) if filters else ("", ())
            # The + keeps the index from being asked for each of the chunks that pass in turn.
            rows = db.execute(
                f"SELECT rowid, -{_BM25.format(table=table)} AS score FROM {table} WHERE {table} MATCH ? "  # noqa: S608
                + (f"AND +rowid IN ({within}) " if within else "")
                + "ORDER BY score DESC, rowid LIMIT ?",
                (any_of(chosen), *parameters, k),
            )
            return [(chunk_id, max(score, 0.0)) for chunk_id, score in rows]

    def rarity(self, tenant: str, stems: Sequence[str]) -> Rarity:
        """In how many of the tenant's chunks each of the stems is; of a long question, the first ones."""
        with self._store.read() as db:
            table = find_table(db, tenant)
            if table is None:
                return Rarity(0, 0, dict.fromkeys(stems, 0))
            return self._counts.of(db, table, stems[:_MAX_WEIGHED])

    def languages(self, tenant: str) -> tuple[str, ...]:
        """In which stems the tenant's chunks are, of "pt" and "en"; "pt" stands for all but English."""
        other = "EXISTS (SELECT 1 FROM documents WHERE tenant = ?1 AND language {} 'en')"
        with self._store.read() as db:
            is_there: Any = db.execute(
                f"SELECT {other.format('<')} OR {other.format('>')}, {other.format('=')}", (tenant,)
            ).fetchone()
        found = tuple(name for name, there in zip(("pt", "en"), is_there, strict=True) if there)
        return found or ("pt",)


def _choose(stems: list[str], rarity: Callable[[list[str]], Rarity], n_chunks: int) -> list[str]:
    """Those of the distinct stems to search for, in their order: not so many that a search takes long."""
    if len(stems) <= _ENOUGH_STEMS or (len(stems) <= MAX_STEMS and n_chunks < _MANY_CHUNKS):
        return stems
    if len(stems) > _MAX_WEIGHED:
        stems = stems[: _MAX_WEIGHED // 2] + stems[-_MAX_WEIGHED // 2 :]
    found = rarity(stems)
    present = sorted((stem for stem in stems if found.counts[stem]), key=lambda stem: found.counts[stem])
    rare = [stem for stem in present if found.counts[stem] < found.limit]
    kept = set((rare if len(rare) >= _ENOUGH_STEMS else present[:_ENOUGH_STEMS])[:MAX_STEMS])
    return [stem for stem in stems if stem in kept]
