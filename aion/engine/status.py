"""What an engine tells of itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """A snapshot for /health: what runs, what waits, what was done since the start (steps, tokens, guessed
    tokens and how many of them were right, sequences that lost their place to others and began again)."""

    n_running: int
    n_waiting: int
    n_steps: int
    n_tokens: int
    n_drafted: int
    n_accepted: int
    n_preempted: int
