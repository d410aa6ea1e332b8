"""Which document answers which question, as people said. By source, and where it is known by the text of the
chunk, so that a document that is ingested again keeps its judgments. Rows may be added and removed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import apsw

from aion.store.connection import Store

FEEDBACK: Final = "feedback"


@dataclass(frozen=True, slots=True)
class Judgment:
    """`grade` 0 says that it does not answer, higher is better; `text_hash` None is about the whole
    document; `origin` says who judged ("label": the operator); `at` is UTC, ISO 8601."""

    id: int
    at: str
    question: str
    source: str
    text_hash: bytes | None
    grade: float
    origin: str


class Judgments:
    """The judgments of each tenant. Stateless; safe for threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(
        self,
        tenant: str,
        question: str,
        source: str,
        grade: float,
        origin: str,
        text_hash: bytes | None = None,
    ) -> int:
        """Store a judgment in place of an earlier one of the same origin about the same; returns its id."""
        with self._store.write() as db:
            return put(db, tenant, question, source, text_hash, origin, grade)

    def list(self, tenant: str, question: str | None = None) -> tuple[Judgment, ...]:
        """All in the order they were given, or those of one question."""
        only = "" if question is None else "AND question = :question"
        with self._store.read() as db:
            rows = db.execute(
                "SELECT id, at, question, source, text_hash, grade, origin FROM judgments "  # noqa: S608
                f"WHERE tenant = :tenant {only} ORDER BY id",
                {"tenant": tenant, "question": question},
            )
            return tuple(Judgment(*row) for row in rows)

    def remove(self, tenant: str, judgment_id: int) -> bool:
        """Forget one; False when the tenant has none of that id."""
        with self._store.write() as db:
            db.execute("DELETE FROM judgments WHERE tenant = ? AND id = ?", (tenant, judgment_id))
            return db.changes() > 0


def put(
    db: apsw.Connection,
    tenant: str,
    question: str,
    source: str,
    text_hash: bytes | None,
    origin: str,
    grade: float,
) -> int:
    """As `Judgments.add`, inside the caller's transaction."""
    take_back(db, tenant, question, source, text_hash, origin)
    db.execute(
        """
        INSERT INTO judgments (tenant, question, source, text_hash, origin, grade, at)
        VALUES (?, ?, ?, ?, ?, ?, strftime('%Y-%m-%dT%H:%M:%fZ'))
        """,
        (tenant, question, source, text_hash, origin, grade),
    )
    return db.last_insert_rowid()


def take_back(
    db: apsw.Connection, tenant: str, question: str, source: str, text_hash: bytes | None, origin: str
) -> None:
    """Forget what was said of it, inside the caller's transaction."""
    db.execute(
        "DELETE FROM judgments WHERE tenant = ? AND question = ? AND source = ? AND text_hash IS ? "
        "AND origin = ?",
        (tenant, question, source, text_hash, origin),
    )
