"""A GGUF file in llama.cpp's low-level API: tokenize, logits, embeddings."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
from numpy.typing import NDArray

_QUIET = llama_cpp.llama_log_callback(lambda *_: None)
llama_cpp.llama_log_set(_QUIET, None)


class Gguf:
    """A loaded model; a context is made and freed for each evaluation, with an f32 cache."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.vocab = llama_cpp.llama_model_get_vocab(model)

    def tokenize(self, text: str, *, add_special: bool = False, parse_special: bool = False) -> list[int]:
        data = text.encode()
        room = len(data) + 8
        ids = (llama_cpp.llama_token * room)()
        n = llama_cpp.llama_tokenize(self.vocab, data, len(data), ids, room, add_special, parse_special)
        return list(ids[:n])

    def logits(self, ids: list[int], adapter: Path | None = None) -> NDArray[np.float64]:
        """(len(ids), n_vocab), under the GGUF `adapter` when one is given."""
        with self._decoded(ids, embeddings=False, adapter=adapter) as context:
            n_vocab = llama_cpp.llama_vocab_n_tokens(self.vocab)
            rows = llama_cpp.llama_get_logits(context)
            return np.ctypeslib.as_array(rows, (len(ids), n_vocab)).astype(np.float64)

    def embedding(self, ids: list[int], adapter: Path | None = None) -> NDArray[np.float64]:
        """The pooled vector, not normalised, under the GGUF `adapter` when one is given."""
        with self._decoded(ids, embeddings=True, adapter=adapter) as context:
            row = llama_cpp.llama_get_embeddings_seq(context, 0)
            return np.ctypeslib.as_array(row, (llama_cpp.llama_model_n_embd(self.model),)).astype(np.float64)

    def score(self, ids: list[int]) -> float:
        """What a reranker says of a pair."""
        with self._decoded(ids, embeddings=True) as context:
            return float(llama_cpp.llama_get_embeddings_seq(context, 0)[0])

    @contextmanager
    def _decoded(self, ids: list[int], *, embeddings: bool, adapter: Path | None = None) -> Iterator[Any]:
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = params.n_batch = params.n_ubatch = 128
        params.n_threads = params.n_threads_batch = 1
        params.type_k = params.type_v = llama_cpp.GGML_TYPE_F32
        params.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
        params.embeddings = embeddings
        context = llama_cpp.llama_init_from_model(self.model, params)
        batch = llama_cpp.llama_batch_init(len(ids), 0, 1)
        lora = self._applied(context, adapter) if adapter else None
        try:
            batch.n_tokens = len(ids)
            for i, token in enumerate(ids):
                batch.token[i], batch.pos[i], batch.logits[i] = token, i, 1
                batch.n_seq_id[i], batch.seq_id[i][0] = 1, 0
            assert llama_cpp.llama_decode(context, batch) == 0
            yield context
        finally:
            llama_cpp.llama_batch_free(batch)
            llama_cpp.llama_free(context)
            if lora:
                llama_cpp.llama_adapter_lora_free(lora)

    def _applied(self, context: Any, adapter: Path) -> Any:
        lora = llama_cpp.llama_adapter_lora_init(self.model, str(adapter).encode())
        assert lora, f"llama.cpp does not load {adapter} on this base"
        handles = (llama_cpp.llama_adapter_lora_p_ctypes * 1)(lora)
        assert llama_cpp.llama_set_adapters_lora(context, handles, 1, (ctypes.c_float * 1)(1.0)) == 0
        return lora


@contextmanager
def loaded(path: Path, *, vocab_only: bool = False) -> Iterator[Gguf]:
    params = llama_cpp.llama_model_default_params()
    params.vocab_only = vocab_only
    params.n_gpu_layers = 0
    params.use_extra_bufts = False  # AMX repacking of Q8_0 crashes llama.cpp on some processors
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
    assert model, f"llama.cpp does not load {path}"
    try:
        yield Gguf(model)
    finally:
        llama_cpp.llama_model_free(model)
