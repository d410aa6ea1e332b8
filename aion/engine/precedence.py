"""Who goes first and who gives way, among sequences. Plain comparisons; decides nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from aion.engine.plan import Work
from aion.engine.sequence import Sequence


def youngest(sequences: Iterable[Sequence]) -> Sequence:
    """Who gives way: batch work before interactive, the latest first."""
    return max(sequences, key=lambda s: (s.is_batch, s.id))


def prefill_order(sequence: Sequence) -> tuple[bool, bool, int, int]:
    """Sorts prompts: interactive before batch, one that waits to go on first, then the shortest, less what
    overtook it."""
    n_missing = len(sequence.tokens) - sequence.n_past
    return sequence.is_batch, not sequence.n_completion, n_missing - sequence.n_overtaken, sequence.id


def count_overtaken(prompts: Iterable[Sequence], work: Iterable[Work]) -> None:
    """Every prompt notes how many tokens of others were taken instead of its own."""
    prompts = list(prompts)
    own = {piece.sequence.id: piece.n_tokens for piece in work}
    n_taken = sum(own.get(sequence.id, 0) for sequence in prompts)
    for sequence in prompts:
        sequence.n_overtaken += n_taken - own.get(sequence.id, 0)
