"""An event told to a person: what was asked, what was found and why, what was answered, what came of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from aion.cli.console import out
from aion.cli.search import show_passage

if TYPE_CHECKING:
    from aion.events.story import Story
    from aion.store.events import EventRow


def print_story(story: Story) -> None:
    """An answer part by part; any other event as it was written."""
    event = story.event
    conversation = f", conversation {event.conversation}" if event.conversation else ""
    about = f", about event {event.subject}" if event.subject is not None else ""
    head = f"Event {event.id}, {event.kind}, {event.at}{conversation}{about}"
    out.print(f"[bold]{escape(head)}[/]")
    if event.kind == "answer":
        _answer(story)
    else:
        out.print(json.dumps(event.meta, ensure_ascii=False, indent=2), markup=False)
        _passages(story)


def _answer(story: Story) -> None:
    meta = story.event.meta
    _part("Question", str(meta.get("prompt", "")))
    searched = story.retrieval.meta.get("query") if story.retrieval else None
    if searched not in (None, meta.get("prompt")):
        _part("Searched for", str(searched))
    _passages(story)
    _part("Why", _why(meta))
    _part("Answer", str(meta.get("reply", "")))
    _part("Unsupported", _cut_out(meta))
    if story.fallback is not None:
        _fallback(story.fallback)
    for event in story.feedback:
        _part(f"Feedback {event.id}, {event.at[:19]}", _lines(event.meta))
    _part("Milliseconds", _pairs(meta.get("ms")))


def _part(title: str, text: str) -> None:
    if text:
        out.print(f"\n[dim]{escape(title)}[/]")
        out.print(Padding(Text(text), (0, 0, 0, 2), expand=False), soft_wrap=False)


def _why(meta: dict[str, object]) -> str:
    """Who answered and for what reason, with the figures it was decided by."""
    confidence, tau = meta.get("C"), meta.get("tau")
    judged = f"C = {confidence:.3f}" if isinstance(confidence, int | float) else "C is not known"
    if isinstance(tau, int | float):
        judged += f", tau = {tau:g}"
    if method := meta.get("confidence_method"):
        judged += f" ({method})"
    adapter = f" with adapter {meta['adapter']}" if meta.get("adapter") else ""
    sent = meta.get("n_sent")
    read = f", which read {sent} passage{'' if sent == 1 else 's'}" if sent else ""
    tokens = f"{meta.get('n_prompt', 0)} tokens in, {meta.get('n_completion', 0)} out"
    reason = meta.get("reason", "no reason noted")
    return f"{reason}: {judged}\n{meta.get('source')} {meta.get('model', '')}{adapter}{read}; {tokens}"


def _cut_out(meta: dict[str, object]) -> str:
    """The sentences that share too little with the passages."""
    reply, spans = str(meta.get("reply", "")), meta.get("unsupported")
    return "\n".join(reply[s["start"] : s["end"]] for s in spans) if isinstance(spans, list) else ""


def _passages(story: Story) -> None:
    """What was found, as a search shows it, and what became of it."""
    cited, sent = story.event.meta.get("cited"), story.event.meta.get("n_sent")
    if story.passages:
        out.print("\n[dim]Found[/]")
    for passage in story.passages:
        notes = []
        if isinstance(sent, int) and story.event.kind == "answer":
            notes.append("read by the model" if passage.n <= sent else "not read by the model")
        if isinstance(cited, list) and passage.n in cited:
            notes.append("cited")
        show_passage(passage, ", ".join(notes))


def _fallback(event: EventRow) -> None:
    meta = event.meta
    cost = meta.get("cost_micros")
    paid = f"{cost / 1e6:.6f}" if isinstance(cost, int) else "unknown"
    told = f"{meta.get('reason')}; {meta.get('model') or 'no model'}, cost {paid}, "
    told += f"{meta.get('tokens_in', 0)} tokens in, {meta.get('tokens_out', 0)} out"
    if meta.get("error"):
        told += f"\nfailed: {meta['error']}"
    _part("Fallback", told)
    if payload := meta.get("payload"):
        text = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False, indent=2)
        _part("What left this machine", text)


def _lines(meta: dict[str, object]) -> str:
    return "\n".join(
        f"{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in meta.items()
    )


def _pairs(value: object) -> str:
    return ", ".join(f"{name} {ms}" for name, ms in value.items()) if isinstance(value, dict) else ""
