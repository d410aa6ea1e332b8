"""One context that turns token sequences into rows of numbers: vectors, or the scores of a reranker.

Decoders (with a KV memory) and encoders (BERT, without one) are the same to a caller. Knows neither texts nor
what the numbers mean. Thread-safe: one caller computes at a time, under the compute gate of the process.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from aion.engine.gate import ComputeGate
from aion.engine.library import first_complaint, forget_complaints, lib
from aion.engine.model import Model
from aion.engine.threads import ThreadGovernor
from aion.engine.token_batch import Rows, TokenBatch
from aion.errors import EngineFailed, ModelError

Input = Sequence[int] | Rows
"""Token ids, or the input embedding of each token: shape (n_tokens, n_embd)."""

_MAX_SEQUENCES = 32
_GROUP_TOKENS = 256  # attention is computed between all tokens of a batch, of other texts too
_GROUP_TOKENS_GPU = 1024  # there a small batch leaves most of it idle
_TELLING_TOKENS = 96  # a smaller batch says little about the number of threads


class PooledContext:
    """Computes `n_out` numbers for each input by the pooling the model's metadata names. `max_tokens` is the
    most tokens of one input."""

    def __init__(
        self,
        model: Model,
        n_out: int,
        n_threads: int,
        gate: ComputeGate,
        n_batch: int,
        setting: str,
        pooling: int = lib.LLAMA_POOLING_TYPE_UNSPECIFIED,
    ) -> None:
        """`setting` names the file in an error; `pooling` goes before the metadata. Raises ModelError when
        llama.cpp makes no context."""
        self._model = model
        self._n_out = n_out
        self._gate = gate
        self._setting = setting
        self._lock = threading.Lock()
        self._threads = ThreadGovernor(n_threads)
        has_gpu = lib.llama_supports_gpu_offload()
        self._n_group = min(n_batch, _GROUP_TOKENS_GPU if has_gpu else _GROUP_TOKENS)
        self.max_tokens = min(model.n_ctx_effective, n_batch)
        self._context = _new_context(model, n_batch, n_threads, setting, pooling)
        self._n_batch = n_batch
        self._batches: dict[bool, TokenBatch] = {}
        self._is_clean = True

    @property
    def pooling(self) -> int:
        """llama.cpp's number of the pooling."""
        return int(lib.llama_pooling_type(self._context))

    def compute(self, inputs: Sequence[Input], *, in_background: bool = False) -> Rows:
        """Shape (len(inputs), n_out), in the order of `inputs`, which are all of one kind and at most
        `max_tokens` long; zeros for an empty one. In background it gives way to what somebody waits for.
        Raises EngineFailed."""
        rows = np.zeros((len(inputs), self._n_out), np.float32)
        for group in self._groups(inputs):
            # the gate first: who waits for it must not keep others from the context
            with self._gate.background() if in_background else self._gate, self._lock:
                self._compute([inputs[i] for i in group], group, rows)
        return rows

    def close(self) -> None:
        """Free the context; what is asked afterwards fails."""
        with self._lock:
            if self._context:
                lib.llama_free(self._context)
                self._context = None

    def _groups(self, inputs: Sequence[Input]) -> Iterator[list[int]]:
        """The numbers of the inputs computed together, the shortest first, so that like goes with like."""
        group: list[int] = []
        n_tokens = 0
        for index in sorted(range(len(inputs)), key=lambda i: len(inputs[i])):
            n = len(inputs[index])
            if n == 0:
                continue
            if group and (n_tokens + n > self._n_group or len(group) == _MAX_SEQUENCES):
                yield group
                group, n_tokens = [], 0
            group.append(index)
            n_tokens += n
        if group:
            yield group

    def _compute(self, inputs: Sequence[Input], numbers: Sequence[int], rows: Rows) -> None:
        if not self._context:
            raise EngineFailed(f"The model of {self._setting} has been closed; ask again when AION is back.")
        batch, was_clean = self._filled(inputs), self._is_clean
        self._is_clean = False
        status = self._evaluate(batch, overwrite=not was_clean)
        if status != 0:
            raise EngineFailed(
                f"llama.cpp could not compute {len(inputs)} texts with {self._model.name} (status {status})."
            )
        for row, number in enumerate(numbers):
            pointer = lib.llama_get_embeddings_seq(self._context, row)
            rows[number] = np.ctypeslib.as_array(pointer, (self._n_out,))
        if not np.isfinite(rows[numbers]).all():
            raise EngineFailed(
                f"{self._model.name} computed what is no number for one of {len(inputs)} texts; its file "
                f"is damaged, or the type too small: convert or download the model of {self._setting} again."
            )
        self._is_clean = True

    def _evaluate(self, batch: Any, *, overwrite: bool) -> int:
        """Compute the batch; llama.cpp's status, 0 when all went well. With `overwrite` what was computed
        before is not only forgotten: NaN in it would come through the mask."""
        lib.llama_set_n_threads(self._context, self._threads.n, self._threads.n)
        started = time.monotonic()
        memory = lib.llama_get_memory(self._context)
        if memory:
            lib.llama_memory_clear(memory, overwrite)
            status = int(lib.llama_decode(self._context, batch))
        else:
            status = int(lib.llama_encode(self._context, batch))
        if batch.n_tokens >= _TELLING_TOKENS:
            self._threads.observe(batch.n_tokens, time.monotonic() - started)
        return status

    def _filled(self, inputs: Sequence[Input]) -> Any:
        are_rows = isinstance(inputs[0], np.ndarray)
        if are_rows not in self._batches:
            self._batches[are_rows] = TokenBatch(self._n_batch, self._model.n_embd if are_rows else 0)
        lengths = [len(each) for each in inputs]
        return self._batches[are_rows].fill(
            np.concatenate([np.asarray(each) for each in inputs]),
            np.concatenate([np.arange(n) for n in lengths]),
            np.repeat(np.arange(len(inputs)), lengths),
            np.ones(sum(lengths), np.int8),
        )


def _new_context(model: Model, n_batch: int, n_threads: int, setting: str, pooling: int) -> Any:
    params = lib.llama_context_default_params()
    params.n_ctx = n_batch
    params.n_batch = params.n_ubatch = n_batch
    params.n_seq_max = _MAX_SEQUENCES
    params.n_threads = params.n_threads_batch = n_threads
    params.embeddings = True
    params.pooling_type = pooling
    params.kv_unified = True
    forget_complaints()
    context = lib.llama_init_from_model(model.handle, params)
    if not context:
        raise ModelError(
            f"No context could be made for {model.path} ({first_complaint()}); "
            f"name another GGUF in {setting}."
        )
    return context
