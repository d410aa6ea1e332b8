"""Proves that an adapter does something: a short prompt is computed without it and with it.

An adapter can load without an error and change nothing, or turn every logit into NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aion.engine.adapter import NO_EFFECT, Effect
from aion.engine.gate import ComputeGate
from aion.engine.library import lib
from aion.engine.model import Model
from aion.errors import ModelError

_PROMPT = "Quanto custa o tour de dia inteiro em Sintra, e o que está incluído?"
_N_TOKENS = 16


def effect_size(model: Model, effect: Effect, n_threads: int, gate: ComputeGate) -> float:
    """The largest change `effect` makes to a logit of the probe prompt, in logits (nats).

    Computes in a small context of its own, so that running generations only wait for the gate. Raises
    ModelError when a logit is no number.
    """
    with gate:
        context = _new_context(model, n_threads)
    try:
        plain = _logits(model, context, NO_EFFECT, gate)
        changed = _logits(model, context, effect, gate)
        NO_EFFECT.apply(context)
    finally:
        lib.llama_free(context)
    if not np.isfinite(changed).all():
        raise ModelError(
            f"The adapter {effect.label!r} makes logits that are no numbers; its weights are very large: "
            "convert it with --type f32, or train it again with a lower learning rate."
        )
    return float(np.abs(changed - plain).max())


def _new_context(model: Model, n_threads: int) -> Any:
    params = lib.llama_context_default_params()
    params.n_ctx = params.n_batch = params.n_ubatch = 2 * _N_TOKENS
    params.n_seq_max = 1
    params.n_threads = params.n_threads_batch = n_threads
    context = lib.llama_init_from_model(model.handle, params)
    if not context:
        raise ModelError("No memory is left to try the adapter; free some, or lower AION_CTX.")
    return context


def _logits(model: Model, context: Any, effect: Effect, gate: ComputeGate) -> NDArray[np.float32]:
    """Logits of the last probe token, of shape (n_vocab,)."""
    tokens = model.tokenize(_PROMPT, bos=True)[:_N_TOKENS]
    array = (lib.llama_token * len(tokens))(*tokens)
    with gate:
        effect.apply(context)
        lib.llama_memory_clear(lib.llama_get_memory(context), True)
        status = lib.llama_decode(context, lib.llama_batch_get_one(array, len(tokens)))
        if status != 0:
            raise ModelError(f"The adapter {effect.label!r} cannot be computed (llama.cpp status {status}).")
        return np.ctypeslib.as_array(lib.llama_get_logits_ith(context, -1), (model.n_vocab,)).copy()
