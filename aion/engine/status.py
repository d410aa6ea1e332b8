"""What an engine tells of itself."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from aion.engine.tally import STEP_SIZES

__all__ = ["STEP_SIZES", "EngineStatus"]


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """A snapshot for /health and /metrics: what runs, what waits, what was done since the start (steps,
    tokens, guessed tokens and how many of them were right, sequences that lost their place to others and
    began again).

    `n_pending` were submitted and have not ended, running or not. Running sequences hold `n_cells_used` of
    `n_cells` KV cells. Of `n_admitted` sequences with prompts of `n_prompt` tokens `n_hits` began with what
    was computed before, `n_reused` tokens. Steps computed `n_computed` tokens of `n_computed_together`
    sequences in `compute_s` seconds; `step_sizes` counts them by STEP_SIZES.
    """

    n_running: int
    n_waiting: int
    n_steps: int
    n_tokens: int
    n_drafted: int
    n_accepted: int
    n_preempted: int
    n_pending: int = 0
    n_cells: int = 0
    n_cells_used: int = 0
    n_admitted: int = 0
    n_prompt: int = 0
    n_hits: int = 0
    n_reused: int = 0
    n_computed: int = 0
    n_computed_together: int = 0
    compute_s: float = 0.0
    step_sizes: tuple[int, ...] = (0,) * (len(STEP_SIZES) + 1)

    def __add__(self, other: EngineStatus) -> EngineStatus:
        """That of two engines as if they were one."""
        sizes = tuple(map(sum, zip(self.step_sizes, other.step_sizes, strict=True)))
        numbers = {
            each.name: getattr(self, each.name) + getattr(other, each.name)
            for each in fields(self)
            if each.name != "step_sizes"
        }
        return EngineStatus(**numbers, step_sizes=sizes)

    def ended(self) -> EngineStatus:
        """What is left of it when the engine is gone: what was done, nothing that runs or is held."""
        return replace(self, n_running=0, n_waiting=0, n_pending=0, n_cells=0, n_cells_used=0)
