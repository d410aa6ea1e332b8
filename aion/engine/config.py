"""What an engine is made with, in one piece."""

from __future__ import annotations

from dataclasses import dataclass, replace

from aion.engine.context import DEFAULT_OPTIONS, ContextOptions, ContextShape, flash_attention_of, shape_of
from aion.engine.model import Model

_CELL_READS = 2
"""A byte of a cell takes about as long to read as two of the weights: a model of 125M parameters goes through
its weights in the time of 1,600 cells, one of 1.1B in that of 9,000."""


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """`n_ctx` is the most tokens one sequence may have, prompt and answer together; `n_parallel` sequences
    are computed together and share `n_cells` KV cells (None: so many that all may be that long), or, `apart`,
    have cells enough each to itself. That is faster on a CPU, for models that can share prefixes.

    `n_kept` is the most prefixes of ended sequences that are kept for later ones (`apart` every idle slot
    keeps its own, but with 0); `speculates` computes
    guessed tokens ahead where that pays (the text is the same). At most `n_waiting_max` sequences wait, each
    for `queue_timeout_s` seconds at most (None: as long as it takes).
    """

    n_ctx: int
    n_parallel: int
    n_threads: int
    n_batch: int = 512
    n_cells: int | None = None
    apart: bool = False
    n_kept: int = 8
    n_waiting_max: int = 64
    queue_timeout_s: float | None = None
    speculates: bool = True
    options: ContextOptions = DEFAULT_OPTIONS

    def n_ctx_for(self, model: Model) -> int:
        """`n_ctx`, but no more than the model was trained for."""
        return min(self.n_ctx, model.n_ctx_train)

    def shape_for(self, model: Model) -> ContextShape:
        """The context such an engine computes in."""
        shape = shape_of(
            self.n_ctx_for(model),
            self.n_parallel,
            n_kept=self.n_kept if model.can_share_prefixes else 0,
            n_batch=self.n_batch,
            n_cells=self.n_cells,
            apart=self.apart and model.can_share_prefixes,
        )
        if shape.apart and flash_attention_of(shape, self.options) == "off":
            shape = replace(shape, n_round_cells=model.n_bytes // (_CELL_READS * model.n_cell_bytes))
        return shape
