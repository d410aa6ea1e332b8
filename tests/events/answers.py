"""Answers to put on record."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from aion.events.log import EventLog
from aion.events.record import AnswerRecord, FallbackRecord, Recorded
from aion.types import Passage, Retrieval

TENANT = "t"
PASSAGE = Passage(
    1, 5, 2, "a.md", "A", "A\nO tour custa 45 €.", 3, 0.9, 0.8, 1.5, page=2, rerank=0.7, lexical_rank=1,
    dense_rank=4, wording=0.5, stems=("custa", "tour"),
)  # fmt: skip
FOUND = Retrieval("Quanto?", (PASSAGE,), 2.0, stems=("quanto",), stages=(("embed", 1.0),), n_similar=1)
ANSWER = AnswerRecord(
    "Quanto?", "45 [1]", "local", 0.9, "calibrated", 0.62, "confident", "nano", "tone", "pt", (1,),
    ((1, 3, 6),), ((0, 2),), {"retrieval": 2.0}, 30, 4, 1,
)  # fmt: skip
PAID = FallbackRecord("low_confidence", "gpt-x", 120, 300, 40, {"messages": ["Quanto custa?"]})


def answer(log: EventLog, prompt: str = "Quanto?", tenant: str = TENANT, **changes: object) -> Recorded:
    """Record one answer and wait for it."""
    changed = replace(ANSWER, prompt=prompt, **changes)  # type: ignore[arg-type]
    return asyncio.run(log.answered(tenant, FOUND, changed))
