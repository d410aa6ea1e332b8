"""The kinds of events: their values, in brackets, and what their meta says.

answer (1): `prompt`, `reply`, `rank`, `source` of the contract, and the rest of `record.AnswerRecord`.
retrieval (its passages): `query`, `original`?, `ms`, `stages`, `stems`, `similar`; a row a passage beside it.
fallback (0): as `record.FallbackRecord`, with `prompt` and `tag`.
feedback (1, -1 or 0): `thumb`? (up, down, none), `correction`?, `passages`? [{`n`, `relevant`}], `comment`?.
document.added, .changed, .removed (its chunks): `document`, `source`, `title`, `location`.
adapter.loaded, .reloaded, .merged, .removed (1): `name` and what is known of `path`, `sha256`, `effect`.
train.* : of the learning loop.
error (0): `route`, `message`, `type`; never what was asked.
erasure, retention (events deleted): `n` {kind: count} and by what rule; nothing of what was deleted.

`subject` is the event that another one is about: the answer of its retrieval, of its fallback and of each
feedback. The store itself writes document.*, erasure and retention, in the transaction that they tell of.
"""

from __future__ import annotations

from typing import Final

from aion.store.event_rows import (
    DOCUMENT_ADDED,
    DOCUMENT_CHANGED,
    DOCUMENT_REMOVED,
    ERASURE,
    RETENTION,
    RETRIEVAL,
)

__all__ = [
    "ADAPTER_LOADED",
    "ADAPTER_MERGED",
    "ADAPTER_RELOADED",
    "ADAPTER_REMOVED",
    "ANSWER",
    "DOCUMENT_ADDED",
    "DOCUMENT_CHANGED",
    "DOCUMENT_REMOVED",
    "ERASURE",
    "ERROR",
    "FALLBACK",
    "FEEDBACK",
    "KINDS",
    "RETENTION",
    "RETRIEVAL",
    "TRAIN_FAILED",
    "TRAIN_FINISHED",
    "TRAIN_PROMOTED",
    "TRAIN_ROLLED_BACK",
    "TRAIN_STARTED",
]

ANSWER: Final = "answer"
FALLBACK: Final = "fallback"
FEEDBACK: Final = "feedback"
ERROR: Final = "error"

ADAPTER_LOADED: Final = "adapter.loaded"
ADAPTER_RELOADED: Final = "adapter.reloaded"
ADAPTER_MERGED: Final = "adapter.merged"
ADAPTER_REMOVED: Final = "adapter.removed"

TRAIN_STARTED: Final = "train.started"
TRAIN_FINISHED: Final = "train.finished"
TRAIN_FAILED: Final = "train.failed"
TRAIN_PROMOTED: Final = "train.promoted"
TRAIN_ROLLED_BACK: Final = "train.rolled_back"

KINDS: Final = (
    ANSWER, RETRIEVAL, FALLBACK, FEEDBACK, ERROR, ERASURE, RETENTION,
    DOCUMENT_ADDED, DOCUMENT_CHANGED, DOCUMENT_REMOVED,
    ADAPTER_LOADED, ADAPTER_RELOADED, ADAPTER_MERGED, ADAPTER_REMOVED,
    TRAIN_STARTED, TRAIN_FINISHED, TRAIN_FAILED, TRAIN_PROMOTED, TRAIN_ROLLED_BACK,
)  # fmt: skip
