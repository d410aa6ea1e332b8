"""Calls llama.cpp for a planned batch. Decides nothing; owned by the engine thread.

Invariant: after `clear(slot)` no KV cell of that slot is left.
"""

from __future__ import annotations

from collections.abc import Sequence as SequenceOf
from typing import Any

import numpy as np

from aion.engine.gate import ComputeGate
from aion.engine.library import last_complaint, lib
from aion.engine.model import Model
from aion.engine.scheduler import Work
from aion.errors import EngineFailed, ModelError


class Runner:
    """A llama context with one reusable batch of at most `n_batch` tokens."""

    def __init__(
        self, model: Model, n_cells: int, n_slots: int, n_batch: int, n_threads: int, gate: ComputeGate
    ):
        self._model = model
        self._gate = gate
        self._shape = (n_cells, n_slots, n_batch, n_threads)
        self._n_batch = n_batch
        self.context = self._new_context()
        self._batch = lib.llama_batch_init(n_batch, 0, 1)
        self._token = np.ctypeslib.as_array(self._batch.token, (n_batch,))
        self._pos = np.ctypeslib.as_array(self._batch.pos, (n_batch,))
        self._wants = np.ctypeslib.as_array(self._batch.logits, (n_batch,))
        np.ctypeslib.as_array(self._batch.n_seq_id, (n_batch,))[:] = 1

    def context_params(self) -> Any:
        """What the context is made with."""
        n_cells, n_slots, n_batch, n_threads = self._shape
        params = lib.llama_context_default_params()
        params.n_ctx = n_cells
        params.n_seq_max = n_slots
        params.n_batch = params.n_ubatch = n_batch
        params.n_threads = params.n_threads_batch = n_threads
        params.kv_unified = True
        return params

    def _new_context(self) -> int:
        context = lib.llama_init_from_model(self._model.handle, self.context_params())
        if not context:
            raise ModelError(
                f"No context of {self._shape[0]} tokens could be made for {self._model.path} "
                f"({last_complaint()}); lower AION_CTX or AION_PARALLEL."
            )
        return int(context)

    def decode(self, work: SequenceOf[Work]) -> list[int]:
        """Compute a batch; return the logits row of each piece of work (-1 where none is wanted).

        Raises EngineFailed when llama.cpp refuses the batch.
        """
        rows, n = [], 0
        for piece in work:
            m = piece.end - piece.start
            self._token[n : n + m] = piece.sequence.tokens[piece.start : piece.end]
            self._pos[n : n + m] = np.arange(piece.start, piece.end)
            self._wants[n : n + m] = 0
            for i in range(n, n + m):
                self._batch.seq_id[i][0] = piece.sequence.slot
            n += m
            self._wants[n - 1] = piece.samples
            rows.append(n - 1 if piece.samples else -1)
        self._batch.n_tokens = n
        with self._gate:
            status = lib.llama_decode(self.context, self._batch)
            lib.llama_synchronize(self.context)
        if status != 0:
            raise EngineFailed(
                f"llama.cpp gave up on a batch of {n} tokens (status {status}: {last_complaint()})."
            )
        return rows

    def clear(self, slot: int) -> None:
        """Forget everything computed in `slot`."""
        if self.context:
            lib.llama_memory_seq_rm(lib.llama_get_memory(self.context), slot, -1, -1)

    def rebuild(self) -> None:
        """Throw the context away and make a new one, after a failed step."""
        lib.llama_free(self.context)
        self.context = 0
        self.context = self._new_context()

    def close(self) -> None:
        if self.context:
            lib.llama_batch_free(self._batch)
            lib.llama_free(self.context)
            self.context = 0
