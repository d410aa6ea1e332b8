"""How a llama context is made: its size and the operator's choices, as llama.cpp's parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from aion.engine.library import lib

KvType = Literal["f16", "q8_0", "f32"]
FlashAttention = Literal["auto", "on", "off"]

_KV_TYPES = {"f16": lib.GGML_TYPE_F16, "q8_0": lib.GGML_TYPE_Q8_0, "f32": lib.GGML_TYPE_F32}
_FLASH_ATTENTION = {
    "auto": lib.LLAMA_FLASH_ATTN_TYPE_AUTO,
    "on": lib.LLAMA_FLASH_ATTN_TYPE_ENABLED,
    "off": lib.LLAMA_FLASH_ATTN_TYPE_DISABLED,
}


@dataclass(frozen=True, slots=True)
class ContextOptions:
    """The type of the KV cache's numbers, and whether attention is computed without its whole matrix in
    memory ("auto": where the device can). A q8_0 cache needs flash attention."""

    kv_type: KvType = "f16"
    flash_attention: FlashAttention = "auto"


DEFAULT_OPTIONS = ContextOptions()


def context_params(
    n_cells: int, n_slots: int, n_batch: int, n_threads: int, options: ContextOptions = DEFAULT_OPTIONS
) -> Any:
    """`llama_context_params` of a context whose `n_slots` sequences share `n_cells` cells."""
    params = lib.llama_context_default_params()
    params.n_ctx = n_cells
    params.n_seq_max = n_slots
    params.n_batch = params.n_ubatch = max(n_batch, n_slots)  # llama.cpp asserts a token a slot
    params.n_threads = params.n_threads_batch = n_threads
    params.kv_unified = True
    params.type_k = params.type_v = _KV_TYPES[options.kv_type]
    params.flash_attn_type = _FLASH_ATTENTION[options.flash_attention]
    return params
