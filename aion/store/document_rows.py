"""Which row a document is, and under what source: by its location, or by its source when it has none.

Everything runs inside the caller's transaction, so that two processes cannot give one name twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import count

import apsw

from aion.errors import InvalidRequest
from aion.types import LoadedDocument


def find(db: apsw.Connection, tenant: str, document: LoadedDocument) -> int | None:
    """The id of the row this document is stored in, None when it is new.

    A file that schema 1 knew by its source only is recognised by it: none of its chunks has a hash. `<> ''`
    is what lets SQLite use the index over locations, which has no empty ones.
    """
    if not document.location:
        return _find(db, "source = ? AND location = ''", tenant, document.source)
    return _find(db, "location = ? AND location <> ''", tenant, document.location) or _find(
        db,
        "source = ? AND location = '' AND NOT EXISTS (SELECT 1 FROM chunks "
        "WHERE document_id = documents.id AND text_hash IS NOT NULL)",
        tenant,
        document.source,
    )


def _find(db: apsw.Connection, condition: str, tenant: str, value: str) -> int | None:
    row = db.execute(
        f"SELECT id FROM documents WHERE tenant = ? AND {condition}",  # noqa: S608
        (tenant, value),
    ).fetchone()
    return row[0] if row else None


def put(db: apsw.Connection, tenant: str, document: LoadedDocument, row_id: int | None) -> int:
    """Write the row of a document, a new one when `row_id` is None; returns its id.

    A stored document keeps its source. Raises InvalidRequest as `_free_source` does.
    """
    values = (
        document.title, document.content_hash, document.n_bytes, document.location, document.language,
        document.date,
    )  # fmt: skip
    if row_id is not None:
        db.execute(
            "UPDATE documents SET title = ?, content_hash = ?, n_bytes = ?, location = ?, language = ?, "
            "date = ?, added_at = strftime('%Y-%m-%dT%H:%M:%fZ') WHERE id = ?",
            (*values, row_id),
        )
        return row_id
    db.execute(
        "INSERT INTO documents (title, content_hash, n_bytes, location, language, date, tenant, source, "
        "added_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, strftime('%Y-%m-%dT%H:%M:%fZ'))",
        (*values, tenant, _free_source(db, tenant, document)),
    )
    return db.last_insert_rowid()


def put_tags(
    db: apsw.Connection, tenant: str, document_id: int, own: Iterable[str], given: Sequence[str]
) -> None:
    """The tags a document bears instead of those it bore, and those `given` to it, which stay for good."""
    db.execute("DELETE FROM document_tags WHERE document_id = ? AND NOT is_given", (document_id,))
    add_tags(db, tenant, document_id, given, is_given=True)
    add_tags(db, tenant, document_id, own, is_given=False)


def add_tags(
    db: apsw.Connection, tenant: str, document_id: int, tags: Iterable[str], *, is_given: bool
) -> None:
    """Add tags to a document, if it is still there; one that it has as its own becomes a given one, never the
    other way round."""
    db.executemany(
        "INSERT INTO document_tags (document_id, tenant, tag, is_given) "
        "SELECT id, tenant, ?, ? FROM documents WHERE id = ? AND tenant = ? "
        "ON CONFLICT DO UPDATE SET is_given = max(is_given, excluded.is_given)",
        [(tag, is_given, document_id, tenant) for tag in tags],
    )


def _free_source(db: apsw.Connection, tenant: str, document: LoadedDocument) -> str:
    """The first name of `names` that no other document has. A document without location has one name
    only: raises InvalidRequest when that is taken."""
    for name in names(document.source, document.location):
        if _find(db, "source = ?", tenant, name) is None:
            return name
        if not document.location:
            raise InvalidRequest(
                f"{name!r} is already the name of a file or page that was ingested; send this document "
                "under another name.",
                param="source",
            )
    raise AssertionError("names never ends")


def names(source: str, location: str) -> Iterator[str]:
    """What a document may be called: its source, then with one more parent folder of its location
    each, then numbered. `b.md`, `a/b.md`, `x/a/b.md` ..."""
    yield source
    rest = location.removesuffix(source)
    if rest != location and rest.endswith("/"):
        name = source
        for parent in reversed([part for part in rest.split("/") if part]):
            name = f"{parent}/{name}"
            yield name
    for n in count(2):
        yield f"{source} ({n})"
