"""Events as clients see them, over HTTP and from `--json` alike."""

from __future__ import annotations

from dataclasses import asdict

from aion.events.story import Story, opinion
from aion.server.as_json import passage_json, why_json
from aion.store.events import EventRow
from aion.types import Passage


def event_json(event: EventRow) -> dict[str, object]:
    """One event as it was written; what does not apply to it is left out."""
    shown: dict[str, object] = {
        "id": event.id,
        "at": event.at,
        "kind": event.kind,
        "value": event.value,
        "meta": event.meta,
    }
    if event.conversation is not None:
        shown["conversation"] = event.conversation
    if event.subject is not None:
        shown["subject"] = event.subject
    return shown


def story_json(story: Story) -> dict[str, object]:
    """An event with what is known about it. Of the passages it says which the model read and which the text
    cites; of feedback what counts."""
    shown = event_json(story.event)
    if story.retrieval is not None:
        shown["retrieval"] = event_json(story.retrieval)
    if story.passages:
        n_sent, cited = _n_sent(story), story.event.meta.get("cited")
        named = cited if isinstance(cited, list) else []
        shown["passages"] = [_passage(passage, n_sent, named) for passage in story.passages]
    if story.fallback is not None:
        shown["fallback"] = event_json(story.fallback)
    if story.feedback:
        shown["feedback"] = [event_json(event) for event in story.feedback]
        told = asdict(opinion(story.feedback))
        told["relevant"] = [{"n": n, "relevant": relevant} for n, relevant in told["relevant"].items()]
        shown["opinion"] = {name: value for name, value in told.items() if value}
    return shown


def _passage(passage: Passage, n_sent: int | None, cited: list[object]) -> dict[str, object]:
    shown = passage_json(passage) | {"why": why_json(passage)}
    if n_sent is not None:
        shown |= {"sent": passage.n <= n_sent, "cited": passage.n in cited}
    return shown


def _n_sent(story: Story) -> int | None:
    """How many of the passages the model read; None where it is no answer or nobody noted it."""
    n_sent = story.event.meta.get("n_sent")
    return n_sent if isinstance(n_sent, int) else None
