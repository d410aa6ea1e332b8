"""The C sampler chain of one sequence, made from its `Sampling`. Owned by the engine thread."""

from __future__ import annotations

import secrets
from typing import Any

from aion.engine.library import lib
from aion.types import Sampling

_PENALTY_WINDOW = 64


class Sampler:
    """Chooses tokens from the logits of a context. Each sequence has its own, so seeds do not mix."""

    def __init__(self, sampling: Sampling, n_vocab: int) -> None:
        self._chain = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
        if sampling.repetition_penalty != 1.0:
            penalty = sampling.repetition_penalty
            self._add(lib.llama_sampler_init_penalties(n_vocab, _PENALTY_WINDOW, penalty, 0.0, 0.0))
        if sampling.temperature <= 0.0:
            self._add(lib.llama_sampler_init_greedy())
            return
        if 0 < sampling.top_k < n_vocab:
            self._add(lib.llama_sampler_init_top_k(sampling.top_k))
        if sampling.top_p < 1.0:
            self._add(lib.llama_sampler_init_top_p(sampling.top_p, 1))
        if sampling.min_p > 0.0:
            self._add(lib.llama_sampler_init_min_p(sampling.min_p, 1))
        self._add(lib.llama_sampler_init_temp(sampling.temperature))
        # 0xFFFFFFFF would ask llama.cpp for a seed of its own choice
        seed = secrets.randbits(31) if sampling.seed is None else sampling.seed % 0xFFFFFFFF
        self._add(lib.llama_sampler_init_dist(seed))

    def _add(self, sampler: Any) -> None:
        lib.llama_sampler_chain_add(self._chain, sampler)

    def sample(self, context: Any, row: int) -> int:
        """The next token from logits row `row` of the last batch; it is accepted into the chain."""
        return int(lib.llama_sampler_sample(self._chain, context, row))

    def close(self) -> None:
        """Free the chain; harmless when called twice."""
        if self._chain:
            lib.llama_sampler_free(self._chain)
            self._chain = None
