"""A log made up on the spot: answers with their retrievals, feedback and paid calls at given times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aion.store.connection import Store
from aion.store.event_rows import Entry, Line, line_of
from aion.store.events import Events
from aion.types import Event, Passage, Retrieval

TENANT = "t"
NOON = "2026-03-10T12:00:00.000Z"


def passage(n: int, document: int = 1, score: float = 0.5, text: str = "") -> Passage:
    """A passage of the document d`document`.md."""
    words = text or f"Tour {n}\nO tour {n} custa {n}0 €."
    return Passage(n, 100 + n, document, f"d{document}.md", f"D{document}", words, 1, score, score, 1.0)


@dataclass(frozen=True)
class Log:
    """Writes events as the router does."""

    store: Store
    tenant: str = TENANT
    passages: Sequence[Passage] = field(default_factory=lambda: [passage(n) for n in (1, 2, 3)])

    def answer(
        self,
        at: str = NOON,
        *,
        passages: Sequence[Passage] | None = None,
        conversation: str | None = None,
        original: str | None = None,
        **meta: object,
    ) -> int:
        """A confident local answer, unless `meta` says otherwise; returns its id."""
        found = self.passages if passages is None else passages
        retrieval = Retrieval("quanto custa o tour 1?", tuple(found), 5.0, original)
        whole: dict[str, object] = {
            "prompt": "Quanto custa o tour?", "reply": "Custa 10 €. [1]\n\nFontes: [1] d1.md", "rank": 1,
            "source": "local", "C": 0.8, "confidence_method": "calibrated", "tau": 0.62,
            "reason": "confident", "model": "nano", "adapter": "", "language": "pt", "cited": [1],
            "unsupported": [],
            "ms": {"retrieval": 5.0, "generation": 100.0, "total": 110.0}, "n_prompt": 50, "n_completion": 10,
            "n_sent": len(found), **meta,
        }  # fmt: skip
        lines = (
            Line(line_of(retrieval).event, tuple(found), about=1),
            Line(Event("answer", 1.0, whole), refs={"retrieval": 0}),
        )
        return self._write(Entry(self.tenant, lines, conversation, at))

    def feedback(self, answer: int, at: str = NOON, **meta: object) -> int:
        """Feedback on an answer."""
        return self._write(Entry(self.tenant, (Line(Event("feedback", 0.0, meta), subject=answer),), at=at))

    def event(self, kind: str, meta: Mapping[str, object], at: str = NOON) -> int:
        """Any other event."""
        return self._write(Entry(self.tenant, (Line(Event(kind, 0.0, dict(meta))),), at=at))

    def paid(self, at: str = NOON, **meta: object) -> int:
        """A paid call."""
        whole = {"model": "gpt-x", "cost_micros": 1500, "tokens_in": 90, "tokens_out": 12, **meta}
        return self.event("fallback", whole, at)

    def _write(self, entry: Entry) -> int:
        (ids,) = Events(self.store).write([entry])
        assert isinstance(ids, tuple)
        return ids[-1]
