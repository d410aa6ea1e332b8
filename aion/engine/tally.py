"""What an engine has done since its start, in plain numbers: the engine thread adds, any thread reads."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

STEP_SIZES = (1, 2, 4, 8, 16, 32, 64)
"""Steps are counted by how many sequences they compute: up to so many, and more."""


@dataclass(slots=True)
class Tally:
    """Prompts: sequences admitted with the tokens of their prompts, and of these how many began with tokens
    computed before. Steps: tokens and sequences computed, in how much time, steps by `STEP_SIZES`."""

    n_admitted: int = 0
    n_prompt: int = 0
    n_hits: int = 0
    n_reused: int = 0
    n_computed: int = 0
    n_together: int = 0
    compute_s: float = 0.0
    step_sizes: list[int] = field(default_factory=lambda: [0] * (len(STEP_SIZES) + 1))

    def admitted(self, n_prompt: int) -> None:
        self.n_admitted += 1
        self.n_prompt += n_prompt

    def reused(self, n_tokens: int) -> None:
        """A sequence begins with so many tokens computed before."""
        if n_tokens:
            self.n_hits += 1
            self.n_reused += n_tokens

    def stepped(self, n_sequences: int, n_tokens: int, seconds: float) -> None:
        self.n_computed += n_tokens
        self.n_together += n_sequences
        self.compute_s += seconds
        self.step_sizes[bisect_left(STEP_SIZES, n_sequences)] += 1
