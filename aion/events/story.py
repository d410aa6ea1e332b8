"""An event with all that is known about it: why an answer was given, and what people said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aion.errors import NotFound
from aion.events.kinds import ANSWER, FALLBACK, FEEDBACK, RETRIEVAL
from aion.store.events import EventRow, Events
from aion.types import Passage


@dataclass(frozen=True, slots=True)
class Story:
    """An event and, of an answer, what it came from and what came of it. `passages` are those of the
    retrieval, in order."""

    event: EventRow
    retrieval: EventRow | None = None
    passages: tuple[Passage, ...] = ()
    fallback: EventRow | None = None
    feedback: tuple[EventRow, ...] = ()


def tell(events: Events, tenant: str, event_id: int) -> Story:
    """The event of that id; of a retrieval, too, its passages. Raises NotFound."""
    event = events.find(tenant, event_id)
    if event is None:
        raise NotFound(f"There is no event {event_id}; `aion events list` shows what there is.")
    about = {kind: [row for row in events.about(tenant, event_id) if row.kind == kind] for kind in _PARTS}
    retrieval = event if event.kind == RETRIEVAL else next(iter(about[RETRIEVAL]), None)
    return Story(
        event,
        None if retrieval is event else retrieval,
        events.retrieved(tenant, retrieval.id) if retrieval else (),
        next(iter(about[FALLBACK]), None),
        tuple(about[FEEDBACK]),
    )


_PARTS = (RETRIEVAL, FALLBACK, FEEDBACK)


@dataclass(frozen=True, slots=True)
class Opinion:
    """What counts of all feedback on an answer: the latest of each part. `relevant` is by passage."""

    thumb: str | None
    correction: str | None
    comment: str | None
    relevant: dict[int, bool]


def opinion(feedback: Sequence[EventRow]) -> Opinion:
    """Of feedback, oldest first. A thumb "none", an empty text and a passage's null take back."""
    said: dict[str, object] = {}
    relevant: dict[int, bool] = {}
    for event in feedback:
        said |= {name: event.meta[name] for name in ("thumb", "correction", "comment") if name in event.meta}
        for n, judged in judged_passages(event):
            relevant.pop(n, None)
            if judged is not None:
                relevant[n] = judged
    thumb = _text(said.get("thumb"))
    return Opinion(
        None if thumb == "none" else thumb,
        _text(said.get("correction")),
        _text(said.get("comment")),
        dict(sorted(relevant.items())),
    )


def judged_passages(feedback: EventRow) -> list[tuple[int, bool | None]]:
    """The passages one feedback judges; None takes a judgment back."""
    told = feedback.meta.get("passages")
    return [(each["n"], each["relevant"]) for each in told] if isinstance(told, list) else []


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def answered(events: Events, tenant: str, event_id: int, asker: str | None = None) -> Story:
    """The story of an answer, to what `asker` asked; None: to anyone. Raises NotFound when it is none."""
    found = events.find(tenant, event_id)
    is_anyones = asker is None
    if found is None or found.kind != ANSWER or not (is_anyones or found.meta.get("asker", "") == asker):
        other = f" (it is of kind {found.kind})" if found is not None and is_anyones else ""
        raise NotFound(
            f"There is no answer {event_id}{other}; event_id is the one an answer came with.",
            param="event_id",
        )
    return tell(events, tenant, event_id)
