"""What the log says in figures, over any stretch of time. SQL only; what a figure means is said in
aion/events/metrics.py.

A stretch is [first, end), both UTC in the log's own form (2026-01-31T09:30:00.000Z). Every query is answered
from an index of export_tables.py: INDEXED BY, because the planner would rather read the events themselves,
and MATERIALIZED, because an expression that is aggregated is otherwise worked out of `meta` again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from aion.store.connection import Store


class Stretch(NamedTuple):
    """A named stretch of time, a day say."""

    name: str
    first: str
    end: str


class AnswerGroup(NamedTuple):
    """Answers of one source and reason."""

    source: str
    reason: str
    n: int
    n_prompt: int
    n_completion: int
    n_unsupported: int


class DayRow(NamedTuple):
    """One day's answers: all, those a paid API wrote, those AION declined to give, those the local model was
    not trusted with, and of the latter those that were forced."""

    name: str
    n: int
    n_paid: int
    n_declined: int
    n_distrusted: int
    n_forced: int


class BinRow(NamedTuple):
    """Answers whose C is in one of the bins of [0, 1], by the method that found C."""

    method: str
    bin: int
    n: int
    n_local: int
    sum_c: float


class StageRow(NamedTuple):
    """Milliseconds of one stage of the answers of one kind: "local", "fallback" or "declined"."""

    kind: str
    stage: str
    n: int
    p50: float
    p95: float
    total: float


class PaidRow(NamedTuple):
    """Paid calls to one model on one day; the cost is in millionths of the prices' currency."""

    name: str
    model: str
    n: int
    n_failed: int
    cost_micros: int
    tokens_in: int
    tokens_out: int


_ANSWERS = """
    WITH answers AS MATERIALIZED (
        SELECT at, meta ->> '$.source' AS source, meta ->> '$.reason' AS reason, meta ->> '$.C' AS c,
            meta ->> '$.tau' AS tau, meta ->> '$.confidence_method' AS method,
            meta ->> '$.n_prompt' AS n_prompt, meta ->> '$.n_completion' AS n_completion,
            meta ->> '$.ms' AS ms, json_array_length(meta, '$.unsupported') AS n_unsupported
        FROM events INDEXED BY events_answers
        WHERE kind = 'answer' AND tenant = :tenant AND at >= :first AND at < :end
    )
"""
_BY_REASON = f"""{_ANSWERS}
    SELECT coalesce(source, ''), coalesce(reason, ''), count(*), coalesce(sum(n_prompt), 0),
        coalesce(sum(n_completion), 0), coalesce(sum(n_unsupported > 0), 0)
    FROM answers GROUP BY 1, 2
"""  # noqa: S608
_BY_DAY = """
    SELECT day.value ->> 0, count(*), sum(meta ->> '$.source' IS 'fallback'),
        sum(meta ->> '$.source' IS NOT 'fallback' AND meta ->> '$.reason' IS NOT 'confident'),
        sum(meta ->> '$.reason' IS NOT 'confident'),
        sum((meta ->> '$.reason' IN ('forced', 'fallback_off')) IS TRUE)
    FROM json_each(:days) AS day CROSS JOIN events INDEXED BY events_answers
    WHERE kind = 'answer' AND tenant = :tenant AND at >= day.value ->> 1 AND at < day.value ->> 2
    GROUP BY day.key ORDER BY day.key
"""
_CONFIDENCE = f"""{_ANSWERS}
    SELECT coalesce(method, 'mean-cosine'), max(0, min(:n_bins - 1, CAST(c * :n_bins AS INTEGER))),
        count(*), sum(reason IS 'confident'), sum(c)
    FROM answers WHERE c IS NOT NULL GROUP BY 1, 2
"""  # noqa: S608
_TAUS = f"""{_ANSWERS}
    SELECT tau, count(*) FROM answers WHERE tau IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1
"""  # noqa: S608
_KIND = """
    CASE WHEN source = 'fallback' THEN source WHEN reason = 'confident' THEN 'local'
        ELSE 'declined' END AS kind
"""
_TIMED = """
    SELECT kind, stage, count(*), percentile_cont(value, 0.5), percentile_cont(value, 0.95), sum(value)
    FROM timed WHERE typeof(stage) = 'text' AND typeof(value) IN ('integer', 'real') GROUP BY 1, 2
"""
_STAGES = f"""{_ANSWERS}, timed AS MATERIALIZED (
        SELECT {_KIND}, stage.key AS stage, stage.value AS value
        FROM answers, json_each(CASE WHEN json_valid(ms) THEN ms END) AS stage
    ) {_TIMED}
"""  # noqa: S608
_STAGE = f"""{_ANSWERS}, timed AS MATERIALIZED (
        SELECT {_KIND}, :stage AS stage, ms ->> ('$."' || :stage || '"') AS value
        FROM answers WHERE json_valid(ms)
    ) {_TIMED}
"""  # noqa: S608
_PAID = """
    SELECT day.value ->> 0, meta ->> '$.model', count(*), sum(meta ->> '$.tokens_out' IS 0),
        coalesce(sum(meta ->> '$.cost_micros'), 0), coalesce(sum(meta ->> '$.tokens_in'), 0),
        coalesce(sum(meta ->> '$.tokens_out'), 0)
    FROM json_each(:days) AS day CROSS JOIN events INDEXED BY events_paid
    WHERE kind = 'fallback' AND tenant = :tenant AND meta ->> '$.model' <> ''
        AND at >= day.value ->> 1 AND at < day.value ->> 2
    GROUP BY day.key, 2 ORDER BY day.key, 2
"""


class Metrics:
    """Figures of one tenant at a time. Stateless; safe for threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def answers(self, tenant: str, first: str, end: str) -> tuple[AnswerGroup, ...]:
        """How many answers there were by source and reason, with their tokens."""
        rows = self._rows(_BY_REASON, {"tenant": tenant, "first": first, "end": end})
        return tuple(AnswerGroup(*row) for row in rows)

    def by_day(self, tenant: str, days: Sequence[Stretch]) -> tuple[DayRow, ...]:
        """Answers a day, in the order of `days`; a day without any has no row."""
        rows = self._rows(_BY_DAY, {"tenant": tenant, "days": json.dumps(days)})
        return tuple(DayRow(*row) for row in rows)

    def confidence(self, tenant: str, first: str, end: str, n_bins: int) -> tuple[BinRow, ...]:
        """How C is distributed over `n_bins` bins of equal width; 1 is in the last one."""
        values = {"tenant": tenant, "first": first, "end": end, "n_bins": n_bins}
        return tuple(BinRow(*row) for row in self._rows(_CONFIDENCE, values))

    def taus(self, tenant: str, first: str, end: str) -> dict[float, int]:
        """Under which tau how many answers were judged, the most frequent first."""
        return dict(self._rows(_TAUS, {"tenant": tenant, "first": first, "end": end}))

    def stage(self, tenant: str, first: str, end: str, stage: str) -> tuple[StageRow, ...]:
        """Latency of one stage."""
        values = {"tenant": tenant, "first": first, "end": end, "stage": stage}
        return tuple(StageRow(*row) for row in self._rows(_STAGE, values))

    def stages(self, tenant: str, first: str, end: str) -> tuple[StageRow, ...]:
        """Latency by stage; percentiles between two values are interpolated."""
        rows = self._rows(_STAGES, {"tenant": tenant, "first": first, "end": end})
        return tuple(StageRow(*row) for row in rows)

    def paid(self, tenant: str, days: Sequence[Stretch]) -> tuple[PaidRow, ...]:
        """Paid calls a day and model, in the order of `days`; a fallback that was wanted and not called,
        which has no model, is left out."""
        rows = self._rows(_PAID, {"tenant": tenant, "days": json.dumps(days)})
        return tuple(PaidRow(*row) for row in rows)

    def _rows(self, statement: str, values: dict[str, Any]) -> list[Any]:
        with self._store.read() as db:
            return db.execute(statement, values).fetchall()
