"""Computes a sequence alone, to see whether the numbers that broke a batch are its own.

Owned by the engine thread.
"""

from __future__ import annotations

import numpy as np

from aion.engine.candidates import logits_row
from aion.engine.plan import Work
from aion.engine.runner import Runner
from aion.engine.sequence import Sequence


def computes_nan(runner: Runner, sequence: Sequence, n_batch: int, n_vocab: int) -> bool:
    """Whether the tokens of `sequence` that were computed give logits that are no numbers, alone in an empty
    context. Leaves the context without anything of use."""
    runner.wipe()
    runner.interrupt.clear()
    end = min(sequence.n_past, len(sequence.tokens))
    for start in range(0, end, n_batch):
        stop = min(start + n_batch, end)
        (row,) = runner.decode([Work(sequence, start, stop, samples=True)])
        if not np.isfinite(np.max(logits_row(runner.context, row, n_vocab))):
            return True
    return False
