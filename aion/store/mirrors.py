"""Copies of vectors in memory, one a tenant and embedder, that follow the file whichever process writes.

The first search of a tenant reads the file, by vec0, and has its vectors copied meanwhile; later ones use the
copy. Before each search the copy reads what the log `vector_changes` says has changed since. When a
tenant's vectors are more than half of the memory allowed, the copy keeps a byte a dimension: it finds
candidates, and the file's vectors say which of them are nearest, which is as exact and hardly slower. When
bytes do not fit either, the file answers.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import apsw
import numpy as np

from aion.errors import StoreError
from aion.store import vector_tables
from aion.store.connection import Store
from aion.store.copies.provenance import generation
from aion.store.filters import chunks_query
from aion.store.mirror import ByteMirror, ExactMirror, Ids, as_ids, best
from aion.store.vector_tables import Table
from aion.types import Filters
from aion.types import Vectors as VectorArray

DEFAULT_MEMORY_BYTES = 512 * 2**20  # 174,000 vectors of 384 dimensions as they are, 1,300,000 in bytes
_EXACT_SHARE = 1 / 2  # of the memory, for one tenant
MARGIN_BYTES = 32 * 2**20  # a copy that has grown by so much over the limit is made anew, of bytes
_LOG = logging.getLogger(__name__)


_Key = tuple[Table, str]


@dataclass(slots=True)
class _Copy:
    """A mirror, how much of the log is in it, and of which content of the file (copies/). `lock` is held
    while it is read or changed."""

    mirror: ExactMirror | ByteMirror
    seen: int
    content: str
    lock: threading.Lock = field(default_factory=threading.Lock)


class Mirrors:
    """The copies, at most `memory_bytes` of them; those not asked for the longest time go first."""

    def __init__(self, store: Store, memory_bytes: int) -> None:
        self._store = store
        self._memory_bytes = memory_bytes
        self._copies: OrderedDict[_Key, _Copy] = OrderedDict()
        self._loading: set[_Key] = set()
        self._too_large: set[_Key] = set()
        self._lock = threading.Lock()
        self._load_lock = threading.Lock()

    def nearest(
        self,
        db: apsw.Connection,
        table: Table,
        tenant: str,
        query: VectorArray,
        k: int,
        filters: Filters | None,
    ) -> list[tuple[int, float]] | None:
        """The at most `k` nearest (chunk id, cosine), or None while there is no copy to ask."""
        key = (table, tenant)
        copy = self._find(key)
        if copy is None:
            self._load_behind(key)
            return None
        allowed = _allowed(db, tenant, filters) if filters else None
        with copy.lock:
            if not self._is_followed(db, key, copy):
                return None
            if isinstance(copy.mirror, ExactMirror):
                return copy.mirror.nearest(query, k, allowed)
            candidates = copy.mirror.candidates(query, k, allowed)
        return best(*_rescore(db, key, candidates, query), k)

    def fetch(
        self, db: apsw.Connection, table: Table, tenant: str, ids: Sequence[int]
    ) -> dict[int, VectorArray] | None:
        """The vectors of those chunks that have one, or None while there is no copy that has them all."""
        key = (table, tenant)
        copy = self._find(key)
        if copy is None:
            return None
        with copy.lock:
            if not isinstance(copy.mirror, ExactMirror) or not self._is_followed(db, key, copy):
                return None
            return copy.mirror.fetch(ids)

    def _find(self, key: _Key) -> _Copy | None:
        with self._lock:
            copy = self._copies.get(key)
            if copy is not None:
                self._copies.move_to_end(key)
        return copy

    def _is_followed(self, db: apsw.Connection, key: _Key, copy: _Copy) -> bool:
        """Bring a copy up to what the file has now; forget it where it has to be made anew."""
        if _follow(db, key, copy) and copy.mirror.n_bytes <= self._memory_bytes + MARGIN_BYTES:
            return True
        with self._lock:
            self._copies.pop(key, None)
        return False

    def load(self, db: apsw.Connection, table: Table, tenant: str) -> None:
        """Copy a tenant's vectors now, unless there is a copy, and make room for them."""
        key = (table, tenant)
        with self._load_lock:
            if key in self._too_large or self._find(key) is not None:
                return
            with unmapped(db):
                copy = _copy(db, key, self._memory_bytes)
        with self._lock:
            if copy is None:
                self._too_large.add(key)
                return
            self._copies[key] = copy
            while len(self._copies) > 1 and self._n_bytes() > self._memory_bytes:
                self._copies.popitem(last=False)

    def _n_bytes(self) -> int:
        return sum(copy.mirror.n_bytes for copy in self._copies.values())

    def _load_behind(self, key: _Key) -> None:
        """Copy in a thread of its own: a million vectors take seconds, and the question need not wait."""
        with self._lock:
            if self._memory_bytes == 0 or key in self._loading or key in self._too_large:
                return
            self._loading.add(key)
        threading.Thread(target=self._load_in_thread, args=key, name="vector-copy", daemon=True).start()

    def _load_in_thread(self, table: Table, tenant: str) -> None:
        try:
            with self._store.read() as db:
                self.load(db, table, tenant)
        except StoreError as error:  # closed meanwhile, or the table was dropped; the file answers then
            _LOG.info("Vectors of %s were not copied into memory: %s", tenant, error)
        finally:
            with self._lock:
                self._loading.discard((table, tenant))


@contextmanager
def unmapped(db: apsw.Connection) -> Iterator[None]:
    """Read without mapping the file: all of the vectors' pages would count as this process's memory."""
    size = db.execute("PRAGMA mmap_size").get
    db.execute("PRAGMA mmap_size = 0")
    try:
        yield
    finally:
        db.execute(f"PRAGMA mmap_size = {size}")


def _copy(db: apsw.Connection, key: _Key, memory_bytes: int) -> _Copy | None:
    """A new copy, None when even one of bytes would be too large."""
    seen, _, content = _log_ends(db)
    n_dims = key[0].n_dims
    n_numbers = _count(db, key) * n_dims
    if n_numbers > memory_bytes:
        return None
    mirror = ExactMirror(n_dims) if 4 * n_numbers <= memory_bytes * _EXACT_SHARE else ByteMirror(n_dims)
    for ids, vectors in _batches(db, key):
        mirror.put(ids, vectors)
    return _Copy(mirror, seen, content)


def _follow(db: apsw.Connection, key: _Key, copy: _Copy) -> bool:
    """Bring a copy up to what the file has now; False when it has to be made anew."""
    last, first, content = _log_ends(db)
    if content != copy.content:
        return False
    if last == copy.seen:
        return True
    if first > copy.seen + 1:
        return False
    changed = _changed(db, key, copy.seen, last)
    if len(changed):
        copy.mirror.drop(changed)
        ids, vectors = _fetch(db, key, changed)
        copy.mirror.put(ids, vectors)
    copy.seen = last
    return True


def _log_ends(db: apsw.Connection) -> tuple[int, int, str]:
    """The last and the first number in the log, 0 and 0 when it is empty, and of which content it tells."""
    row: Any = db.execute("SELECT (SELECT max(id) FROM vector_changes), (SELECT min(id) FROM vector_changes)")
    last, first = next(row)
    return last or 0, first or 0, generation(db)


def _changed(db: apsw.Connection, key: _Key, after: int, last: int) -> Ids:
    table, tenant = key
    runs = db.execute(
        "SELECT first_chunk, last_chunk FROM vector_changes "
        "WHERE id > ? AND id <= ? AND embedder_id = ? AND tenant = ?",
        (after, last, table.id, tenant),
    )
    ranges = [np.arange(first, last + 1, dtype=np.int64) for first, last in runs]
    return np.unique(np.concatenate(ranges)) if ranges else as_ids(())


def _allowed(db: apsw.Connection, tenant: str, filters: Filters) -> Ids:
    sql, parameters = chunks_query(tenant, filters)
    return np.fromiter((chunk_id for (chunk_id,) in db.execute(sql, parameters)), dtype=np.int64)


def _rescore(db: apsw.Connection, key: _Key, ids: Ids, query: VectorArray) -> tuple[Ids, VectorArray]:
    found, vectors = _fetch(db, key, ids)
    return found, vectors @ query


def _fetch(db: apsw.Connection, key: _Key, ids: Sequence[int] | Ids) -> tuple[Ids, VectorArray]:
    """Those of the chunks that have a vector, and their vectors, shape (n, n_dims)."""
    table, tenant = key
    rows = vector_tables.fetch(db, table, tenant, ids)
    vectors = np.frombuffer(b"".join(blob for _, blob in rows), dtype="<f4")
    return as_ids([chunk_id for chunk_id, _ in rows]), vectors.reshape(len(rows), table.n_dims)


# vec0 gives its rows one by one, of all tenants. Its own tables have them by the hundred: a chunk of places
# with the row ids, a bit for each place in use (lowest first), and the vectors behind one another.
_CHUNKS = """
    SELECT places.validity, places.rowids, vectors FROM {table}_chunks AS places
    JOIN {table}_vector_chunks00 AS held ON held.rowid = places.chunk_id WHERE partition00 = ?
"""


def _batches(db: apsw.Connection, key: _Key) -> Iterator[tuple[Ids, VectorArray]]:
    """All vectors of a tenant, about a hundred at a time."""
    table, tenant = key
    rows: Any = db.execute(_CHUNKS.format(table=table.name), (tenant,))
    for validity, rowids, blob in rows:
        used = np.unpackbits(np.frombuffer(validity, dtype=np.uint8), bitorder="little").astype(bool)
        ids = np.frombuffer(rowids, dtype="<i8")[used]
        yield ids, np.frombuffer(blob, dtype="<f4").reshape(-1, table.n_dims)[used]


def _count(db: apsw.Connection, key: _Key) -> int:
    table, tenant = key
    rows: Any = db.execute(
        f"SELECT validity FROM {table.name}_chunks WHERE partition00 = ?",  # noqa: S608
        (tenant,),
    )
    return sum(int.from_bytes(validity, "little").bit_count() for (validity,) in rows)
