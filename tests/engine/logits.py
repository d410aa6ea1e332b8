"""Real logits of the tiny model, and what samplers should make of them, in numpy."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aion.engine.candidates import Candidates, logits_row
from aion.engine.library import lib
from aion.engine.model import Model
from aion.engine.sampler import Sampler
from aion.types import Sampling

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scored:
    """A context that has just computed `prompt`; its logits are in row `row`."""

    model: Model
    context: Any
    prompt: list[int]
    row: int

    @property
    def logits(self) -> Floats:
        return logits_row(self.context, self.row, self.model.n_vocab).astype(np.float64)

    def distribution(self, sampling: Sampling, generated: Sequence[int] = ()) -> Floats:
        """The probabilities AION draws the next token by, shape (n_vocab,)."""
        with contextlib.closing(Sampler(sampling, self.model, self.prompt)) as sampler:
            for token in generated:
                lib.llama_sampler_accept(sampler._chain, token)
            candidates = Candidates.of_vocabulary(self.model.n_vocab)
            candidates.fill(logits_row(self.context, self.row, self.model.n_vocab))
            candidates.choose(sampler._chain)
            held = candidates.held()
            made = np.zeros(self.model.n_vocab)
            made[held["id"]] = held["p"]
            return made


@contextlib.contextmanager
def scored(model: Model, prompt: list[int]) -> Iterator[Scored]:
    params = lib.llama_context_default_params()
    params.n_ctx = params.n_batch = 64
    params.n_threads = params.n_threads_batch = 1
    context = lib.llama_init_from_model(model.handle, params)
    try:
        tokens = (lib.llama_token * len(prompt))(*prompt)
        assert lib.llama_decode(context, lib.llama_batch_get_one(tokens, len(prompt))) == 0
        yield Scored(model, context, prompt, -1)
    finally:
        lib.llama_free(context)


def expected(
    logits: Floats, sampling: Sampling, prompt: Sequence[int] = (), generated: Sequence[int] = ()
) -> Floats:
    """The definition: bias, penalties, top_k, top_p, min_p, then temperature."""
    changed = logits.copy()
    for token, bias in sampling.logit_bias:
        changed[token] += bias
    for token in set([*prompt[-64:], *generated][-64:]):
        factor = sampling.repetition_penalty
        changed[token] *= factor if changed[token] <= 0 else 1 / factor
    for token, n in Counter(generated).items():
        changed[token] -= n * sampling.frequency_penalty + sampling.presence_penalty
    order = np.argsort(-changed, kind="stable")
    if sampling.top_k:
        order = order[: sampling.top_k]
    if sampling.top_p < 1.0:
        p = softmax(changed[order])
        order = order[: int(np.searchsorted(np.cumsum(p), sampling.top_p)) + 1]
    p = softmax(changed[order])
    order = order[p >= sampling.min_p * p[0]]
    made = np.zeros(len(logits))
    made[order] = softmax(changed[order] / sampling.temperature)
    return made


def softmax(x: Floats) -> Floats:
    e = np.exp(x - x.max())
    return np.asarray(e / e.sum())
