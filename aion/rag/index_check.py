"""Whether the indexes say what the documents say: nearest neighbours against brute force, the full-text index
against stems made now, vectors, rows and the file itself. Changes nothing; knows no SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aion.errors import StoreError
from aion.rag.index import stem_pair
from aion.store.index import Index
from aion.store.integrity import Integrity
from aion.store.vectors import Vectors
from aion.types import Vectors as VectorArray

N_TEXTS = 500  # chunks whose stems are compared
N_QUERIES = 20  # searches compared with brute force, and neighbours of each
K = 10
_N_NAMED = 20  # documents, in a remedy
_LENGTH_ERROR = 1e-3
_COSINE_ERROR = 1e-4
_TEXT = "aion index rebuild --text"
_VECTORS = "aion index rebuild --vectors"
_RESTORE = "aion restore BACKUP, or move the file away and ingest again"
PARTS = ("file", "rows", "full text", "vectors")  # in the order in which they are looked at

Progress = Callable[[str], None]
"""Called with what is looked at next."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong and what mends it. `is_note`: nothing is wrong, but worth knowing."""

    subject: str
    text: str
    remedy: str
    is_note: bool = False


def check(
    index: Index, integrity: Integrity, vectors: Vectors, embedder: str | None, progress: Progress
) -> list[Problem]:
    """All that is wrong; [] when nothing is. `embedder` is the one in use, where it is known; `vectors` keeps
    no copies in memory, which are of another moment. Raises StoreError."""
    looks: tuple[Callable[[], Iterator[Problem]], ...] = (
        lambda: _file(integrity),
        lambda: _rows(integrity),
        lambda: _texts(integrity),
        lambda: _all_vectors(index, integrity, vectors, embedder),
    )
    problems: list[Problem] = []
    with integrity.snapshot():  # others may write meanwhile
        for what, look in zip(PARTS, looks, strict=True):
            progress(what)
            try:
                problems += look()
            except UnicodeDecodeError as error:  # no damage to SQLite, to which texts are bytes
                problems.append(Problem(what, f"a text is damaged ({error})", _RESTORE))
            if what == "file" and problems:
                return problems  # nothing can be read with trust from a damaged file
        if index.is_rebuild_begun():
            begun = "a rebuild is running, or was ended before it was done"
            problems.append(Problem("rebuild", begun, "aion index rebuild goes on with it", is_note=True))
    return problems


def _file(integrity: Integrity) -> Iterator[Problem]:
    for damage in integrity.damage():
        yield Problem("file", damage, _RESTORE)


def _rows(integrity: Integrity) -> Iterator[Problem]:
    for table, parent, n in integrity.rows_without_parent():
        yield Problem("rows", f"{n} rows of {table} belong to rows of {parent} that are gone", _RESTORE)
    for what, ids in integrity.bad_chunks().items():
        named = sorted(set(ids))[:_N_NAMED]
        which = " ".join(map(str, named))
        yield Problem(
            "rows",
            f"{len(ids)} {what}, of {len(set(ids))} documents",
            f"aion documents delete {which}, then ingest them again (aion ingest), then aion index rebuild",
        )


def _texts(integrity: Integrity) -> Iterator[Problem]:
    for tenant in integrity.tenants():
        for what in _text_faults(integrity, tenant):
            yield Problem("full text", f"{what} (tenant {tenant})", _TEXT)


def _text_faults(integrity: Integrity, tenant: str) -> Iterator[str]:
    try:
        if integrity.is_text_index_whole(tenant):
            yield from _text_differences(integrity, tenant)
        else:
            yield "FTS5 finds its index damaged"
    except StoreError as error:  # the file itself is sound: that was looked at first
        yield f"the index cannot be read ({error.__cause__ or error})"


def _text_differences(integrity: Integrity, tenant: str) -> Iterator[str]:
    rows = integrity.text_rows(tenant)
    if rows.n_orphans:
        yield f"{rows.n_orphans} rows of chunks that have no text"
    if rows.n_missing:
        yield f"{rows.n_missing} chunks are not in the index"
    texts = integrity.sample(tenant, N_TEXTS)
    held = integrity.stems(tenant, [text.id for text in texts])
    wrong = [text.id for text in texts if held[text.id] != tuple(stems.split() for stems in stem_pair(text))]
    if len(wrong) > rows.n_missing:
        yield f"{len(wrong)} of {len(texts)} sampled chunks, {wrong[0]} for one, have stems of another text"


def _all_vectors(
    index: Index, integrity: Integrity, vectors: Vectors, embedder: str | None
) -> Iterator[Problem]:
    names = [row.name for row in index.embedders()]
    for name in names:
        try:
            yield from _vectors(integrity, vectors, name)
        except StoreError as error:  # the file itself is sound: that was looked at first
            yield Problem("vectors", f"those of {name} cannot be read ({error.__cause__ or error})", _VECTORS)
    if embedder is None:
        return
    missing = integrity.vector_rows(embedder).n_missing if embedder in names else index.count_texts()
    if missing:
        what = f"{missing} chunks have no vector of {embedder}, the embedder in use"
        yield Problem(
            "vectors", what, f"aion serve fills them in while it answers, or {_VECTORS}", is_note=True
        )
    elif len(names) > 1:
        others = ", ".join(name for name in names if name != embedder)
        yield Problem(
            "vectors", f"vectors of {others} are not used any more", f"{_VECTORS} frees the space", True
        )


def _vectors(integrity: Integrity, vectors: Vectors, name: str) -> Iterator[Problem]:
    n_orphans = integrity.vector_rows(name).n_orphans
    if n_orphans:
        yield Problem("vectors", f"{n_orphans} vectors of {name} for chunks that have no text", _VECTORS)
    n_bad, queries = _lengths(integrity, name)
    if n_bad:
        yield Problem("vectors", f"{n_bad} vectors of {name} are not finite or not of length 1", _VECTORS)
        return
    n_wrong = _n_unlike_brute_force(integrity, vectors, name, queries)
    if n_wrong:
        what = f"{n_wrong} of {len(queries)} searches with {name} found other neighbours than brute force"
        yield Problem("vectors", what, _VECTORS)


def _lengths(integrity: Integrity, name: str) -> tuple[int, list[tuple[str, VectorArray]]]:
    """How many vectors are unusable, and (tenant, vector) of a few good ones, of every batch some."""
    n_bad, queries = 0, []
    for _, tenants, array in integrity.vectors(name):
        with np.errstate(all="ignore"):  # of numbers that are none
            lengths = np.linalg.norm(array, axis=1)
        good = np.isfinite(lengths) & (np.abs(lengths - 1) < _LENGTH_ERROR)
        n_bad += int((~good).sum())
        queries += [(tenants[n], array[n]) for n in np.flatnonzero(good)[:: max(1, len(good) // N_QUERIES)]]
    return n_bad, queries[:: max(1, len(queries) // N_QUERIES)][:N_QUERIES]


def _n_unlike_brute_force(
    integrity: Integrity, vectors: Vectors, name: str, queries: list[tuple[str, VectorArray]]
) -> int:
    """How many of the queries, moved a little off a stored vector, find others than the nearest. Equally near
    ones may change places, so cosines are compared."""
    random = np.random.default_rng(0)
    asked = [(tenant, _unit(v + 0.3 * _unit(random.standard_normal(len(v))))) for tenant, v in queries]
    best = [np.zeros(0) for _ in asked]
    for _, tenants, array in integrity.vectors(name):
        of = np.array(tenants)
        for n, (tenant, query) in enumerate(asked):
            best[n] = np.sort(np.concatenate([best[n], array[of == tenant] @ query]))[::-1][:K]
    n_wrong = 0
    for (tenant, query), expected in zip(asked, best, strict=True):
        found = np.array([cosine for _, cosine in vectors.nearest(tenant, name, query, K)])
        n_wrong += len(found) != len(expected) or bool(np.abs(found - expected).max() > _COSINE_ERROR)
    return n_wrong


def _unit(vector: NDArray[np.floating]) -> VectorArray:
    unit: VectorArray = (vector / np.linalg.norm(vector)).astype(np.float32)
    return unit
