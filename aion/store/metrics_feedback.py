"""What people said of answers, in figures and as judgments of passages. SQL only."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from aion.store.connection import Store


class FeedbackCounts(NamedTuple):
    """Feedback given in a stretch of time; one may have a thumb, a correction, a comment, judged passages."""

    n: int
    n_up: int
    n_down: int
    n_corrections: int
    n_comments: int
    n_judging: int


class JudgedPassage(NamedTuple):
    """That a passage of an answer is relevant, or not; `n` counts from 1. Where it was not judged itself
    (`is_said` false), the answer cites it and got a thumb up. Of several judgments the last comes last."""

    answer: int
    n: int
    is_relevant: bool
    is_said: bool


_GIVEN = """
    WITH given AS MATERIALIZED (
        SELECT id, subject, meta FROM events INDEXED BY events_feedback
        WHERE kind = 'feedback' AND tenant = :tenant AND at >= :first AND at < :end
    )
"""
# The thumb beside max(id) is that of the row with the highest id: SQLite says so of bare columns.
_JUDGED = f"""
    {_GIVEN}, thumbs AS MATERIALIZED (
        SELECT subject, meta ->> '$.thumb' AS thumb, max(id) FROM given
        WHERE meta ->> '$.thumb' IS NOT NULL GROUP BY subject
    ), judged AS (
        SELECT answer.id AS answer, cited.value AS n, 1 AS is_relevant, 0 AS is_said, 0 AS place
        FROM thumbs CROSS JOIN events AS answer NOT INDEXED
                ON answer.id = thumbs.subject AND answer.tenant = :tenant,
            json_each(answer.meta, '$.cited') AS cited
        WHERE thumb = 'up' AND cited.type = 'integer'
        UNION ALL
        SELECT subject, passage.value ->> '$.n', passage.value ->> '$.relevant', 1, given.id
        FROM given, json_each(given.meta, '$.passages') AS passage WHERE passage.type = 'object'
    )
    SELECT answer, n, is_relevant, is_said FROM judged WHERE answer IS NOT NULL AND typeof(n) = 'integer'
    ORDER BY is_said, place
"""  # noqa: S608


_COUNTS = f"""{_GIVEN}
    SELECT count(*), coalesce(sum(meta ->> '$.thumb' IS 'up'), 0),
        coalesce(sum(meta ->> '$.thumb' IS 'down'), 0), count(meta ->> '$.correction'),
        count(meta ->> '$.comment'), coalesce(sum(json_array_length(meta, '$.passages') > 0), 0)
    FROM given
"""  # noqa: S608
_N_PASSAGES = """
    SELECT subject, CAST(value AS INTEGER) FROM events INDEXED BY events_subject
    WHERE tenant = :tenant AND kind = 'retrieval' AND subject IN (SELECT value FROM json_each(:answers))
"""


class FeedbackMetrics:
    """Feedback of one tenant at a time, counted when it was given. Stateless; safe for threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def counts(self, tenant: str, first: str, end: str) -> FeedbackCounts:
        """How often what was said, from `first` to before `end`, both UTC, ISO 8601."""
        (row,) = self._rows(_COUNTS, tenant, first, end)
        return FeedbackCounts(*row)

    def judged(self, tenant: str, first: str, end: str) -> tuple[JudgedPassage, ...]:
        """The passages judged by what was said in the stretch; those only cited first."""
        return tuple(
            JudgedPassage(answer, n, bool(relevant), bool(said))
            for answer, n, relevant, said in self._rows(_JUDGED, tenant, first, end)
        )

    def n_passages(self, tenant: str, answers: Iterable[int]) -> dict[int, int]:
        """How many passages were found for each of the answers, by the answer's id."""
        with self._store.read() as db:
            rows: list[Any] = db.execute(
                _N_PASSAGES, {"tenant": tenant, "answers": json.dumps(list(answers))}
            ).fetchall()
        return dict(rows)

    def _rows(self, statement: str, tenant: str, first: str, end: str) -> list[Any]:
        with self._store.read() as db:
            return db.execute(statement, {"tenant": tenant, "first": first, "end": end}).fetchall()
