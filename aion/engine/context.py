"""How a llama context is made: its shape and the operator's choices, as llama.cpp's parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from aion.engine.library import lib

LONGEST_GUESS = 16
_MOST_GUESSES = 128
_CELLS_STEP = 256  # llama.cpp rounds the cells of a sequence up to it
_WHOLE_MATRIX_TOKENS = 128  # computed at once: the matrix has a row for each, of as many numbers as cells
_MAX_SLOTS = int(lib.llama_max_parallel_sequences())

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


@dataclass(frozen=True, slots=True)
class ContextShape:
    """What a context has room for: `n_running` sequences and `n_kept` prefixes of former ones that share
    `n_cells` KV cells, and batches of `n_batch` tokens.

    `apart`: every sequence has its part of the cells to itself, so that its tokens attend over no others';
    prefixes are kept by slots in which nothing runs. Going through the weights takes as long as reading
    `n_round_cells` cells, 0 where cells that are masked are not read.
    """

    n_cells: int
    n_running: int
    n_kept: int = 0
    n_batch: int = 512
    apart: bool = False
    n_round_cells: int = 0

    @property
    def n_slots(self) -> int:
        return self.n_running if self.apart else self.n_running + self.n_kept

    @property
    def n_cells_each(self) -> int:
        """The most cells one sequence may hold."""
        return self.n_cells // self.n_running if self.apart else self.n_cells

    @property
    def n_guesses(self) -> int:
        """The most guessed tokens of a batch, over all sequences."""
        return min(LONGEST_GUESS * self.n_running, _MOST_GUESSES, max(0, self.n_batch - self.n_running))

    @property
    def n_outputs(self) -> int:
        """The most rows of logits of a batch: one a sequence and one a guess. llama.cpp keeps memory for so
        many, takes no fewer than a row a slot, and ends the process when a batch wants more."""
        return max(self.n_slots, self.n_running + self.n_guesses)


def shape_of(
    n_ctx: int,
    n_parallel: int,
    *,
    n_kept: int = 0,
    n_batch: int = 512,
    n_cells: int | None = None,
    apart: bool = False,
) -> ContextShape:
    """The shape for `n_parallel` sequences of up to `n_ctx` tokens. `n_cells` None lets all of them be that
    long; fewer than one needs are never taken, and `apart` they have no fewer."""
    if apart:
        n_each = -(-n_ctx // _CELLS_STEP) * _CELLS_STEP
        return ContextShape(n_each * n_parallel, n_parallel, min(n_kept, n_parallel), n_batch, apart=True)
    n_most = n_ctx * n_parallel
    n_cells = n_most if n_cells is None else max(n_ctx, min(n_cells, n_most))
    return ContextShape(n_cells, n_parallel, min(n_kept, _MAX_SLOTS - n_parallel), n_batch)


def context_params(shape: ContextShape, n_threads: int, options: ContextOptions = DEFAULT_OPTIONS) -> Any:
    """`llama_context_params` of a context of `shape`."""
    params = lib.llama_context_default_params()
    params.n_ctx = shape.n_cells
    params.n_seq_max = shape.n_slots
    params.n_batch = params.n_ubatch = max(shape.n_batch, shape.n_slots)  # llama.cpp asserts a token a slot
    params.n_outputs_max = shape.n_outputs
    params.n_threads = params.n_threads_batch = n_threads
    params.kv_unified = not shape.apart
    params.type_k = params.type_v = _KV_TYPES[options.kv_type]
    flash_attention = flash_attention_of(shape, options)
    params.flash_attn_type = _FLASH_ATTENTION[flash_attention]
    if shape.apart:
        params.n_batch += shape.n_slots  # fillers
        if flash_attention == "off":
            params.n_ubatch = max(min(params.n_ubatch, _WHOLE_MATRIX_TOKENS), shape.n_slots)
    return params


def flash_attention_of(shape: ContextShape, options: ContextOptions) -> FlashAttention:
    """What "auto" comes to. Over a sequence's own cells a CPU is faster with the whole matrix, but for a
    quantised cache, which needs flash attention."""
    if options.flash_attention == "auto" and shape.apart and options.kv_type != "q8_0":
        return "off"
    return options.flash_attention
