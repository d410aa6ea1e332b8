"""Calls llama.cpp for a planned batch. Decides nothing; owned by the engine thread.

Invariant: after `clear(slot)` no KV cell of that slot is left.
"""

from __future__ import annotations

import time
from collections.abc import Sequence as SequenceOf
from typing import Any

import numpy as np

from aion.engine.adapter import NO_EFFECT, Adapter, Effect
from aion.engine.context import DEFAULT_OPTIONS, ContextOptions, context_params
from aion.engine.gate import ComputeGate
from aion.engine.interrupt import Interrupt
from aion.engine.library import forget_complaints, last_complaint, lib
from aion.engine.model import Model
from aion.engine.scheduler import Share, Work
from aion.errors import EngineFailed, ModelError

_ABORTED = 2  # llama_decode's status when the abort callback said so


class Interrupted(Exception):
    """A computation was stopped on purpose; the sequences of the batch are as they were before it."""


class Runner:
    """A llama context with one reusable batch of at most `n_batch` tokens, all under one effect."""

    def __init__(
        self,
        model: Model,
        n_cells: int,
        n_slots: int,
        n_batch: int,
        n_threads: int,
        gate: ComputeGate,
        options: ContextOptions = DEFAULT_OPTIONS,
    ):
        self._model = model
        self._gate = gate
        self._shape = (n_cells, n_slots, n_batch, n_threads)
        self._options = options
        self._n_batch = n_batch
        self._effect = NO_EFFECT
        self._n_threads = n_threads
        self.interrupt = Interrupt()
        self.seconds = 0.0
        """How long the latest batch took to compute, without the wait for the gate."""
        self.context = self._new_context()
        self._batch = lib.llama_batch_init(n_batch, 0, 1)
        self._token = np.ctypeslib.as_array(self._batch.token, (n_batch,))
        self._pos = np.ctypeslib.as_array(self._batch.pos, (n_batch,))
        self._wants = np.ctypeslib.as_array(self._batch.logits, (n_batch,))
        np.ctypeslib.as_array(self._batch.n_seq_id, (n_batch,))[:] = 1

    def context_params(self) -> Any:
        """What the context is made with."""
        return context_params(*self._shape, self._options)

    def _new_context(self) -> int:
        context = lib.llama_init_from_model(self._model.handle, self.context_params())
        if not context:
            raise ModelError(
                f"No context of {self._shape[0]} tokens could be made for {self._model.path} "
                f"({last_complaint()}); lower AION_CTX or AION_PARALLEL."
            )
        self.interrupt.attach(context)
        return int(context)

    def decode(self, work: SequenceOf[Work]) -> list[int]:
        """Compute a batch; return the first logits row of each piece of work (-1 where none is wanted).

        Raises EngineFailed when llama.cpp refuses the batch, Interrupted when `interrupt` was set meanwhile;
        nothing of the batch is in the KV cache then.
        """
        self._apply(work[0].sequence.effect)
        rows, n = [], 0
        for piece in work:
            m = piece.n_tokens
            self._token[n : n + m] = [*piece.sequence.tokens[piece.start : piece.end], *piece.draft]
            self._pos[n : n + m] = np.arange(piece.start, piece.start + m)
            self._wants[n : n + m] = 0
            for i in range(n, n + m):
                self._batch.seq_id[i][0] = piece.sequence.slot
            n += m
            self._wants[n - piece.n_logits : n] = 1
            rows.append(n - piece.n_logits if piece.samples else -1)
        self._batch.n_tokens = n
        with self._gate:
            forget_complaints()
            started = time.perf_counter()
            status = lib.llama_decode(self.context, self._batch)
            lib.llama_synchronize(self.context)
            self.seconds = time.perf_counter() - started
        if status == _ABORTED and self.interrupt.is_set:
            for piece in work:
                assert piece.sequence.slot is not None
                self.clear(piece.sequence.slot, piece.start)
            raise Interrupted
        if status != 0:
            raise EngineFailed(
                f"llama.cpp gave up on a batch of {n} tokens (status {status}: {last_complaint()})."
            )
        return rows

    def use_threads(self, n_threads: int) -> None:
        """Compute with so many from the next batch on."""
        if n_threads != self._n_threads:
            lib.llama_set_n_threads(self.context, n_threads, n_threads)
            self._n_threads = n_threads

    def _apply(self, effect: Effect) -> None:
        if effect != self._effect:
            effect.apply(self.context)
            self._effect = effect

    def free(self, adapter: Adapter) -> None:
        """Free an adapter that no sequence uses; the context lets go of it first."""
        with self._gate:
            if any(part is adapter for part, _ in self._effect.parts):
                self._apply(NO_EFFECT)
            adapter.free()

    def share(self, share: Share) -> None:
        """Let one slot hold the first cells of another too; nothing is copied."""
        memory = lib.llama_get_memory(self.context)
        lib.llama_memory_seq_cp(memory, share.donor, share.slot, 0, share.n_tokens)

    def clear(self, slot: int, n_past: int = 0) -> None:
        """Forget what is computed in `slot` from token `n_past` on. Raises EngineFailed when the model
        cannot forget a part."""
        if not self.context:
            return
        memory = lib.llama_get_memory(self.context)
        if not lib.llama_memory_seq_rm(memory, slot, n_past or -1, -1):
            raise EngineFailed(f"llama.cpp could not forget what follows token {n_past} of a sequence.")

    def wipe(self) -> None:
        """Forget everything computed, and overwrite it: what is only forgotten still takes part in
        attention, masked, and NaN comes through."""
        lib.llama_memory_clear(lib.llama_get_memory(self.context), True)

    def rebuild(self) -> None:
        """Throw the context away and make a new one, after a failed step."""
        with self._gate:
            lib.llama_free(self.context)
            self.context = 0
            self._effect = NO_EFFECT
            self._n_threads = self._shape[3]
            self.context = self._new_context()

    def close(self) -> None:
        if self.context:
            lib.llama_batch_free(self._batch)
            lib.llama_free(self.context)
            self.context = 0
