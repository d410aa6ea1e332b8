"""What a model and its context would take, asked of llama.cpp before anything is allocated.

A model opened without its weights (`no_alloc`) lets llama.cpp lay out a context's buffers and say how large
they would be: exact for every architecture, and only the file's header is read. What it says is in its log,
in MiB with two decimals. Decides nothing.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from aion.engine.config import EngineConfig
from aion.engine.context import ContextOptions, ContextShape, context_params, flash_attention_of
from aion.engine.library import first_complaint, forget_complaints, lib, listening
from aion.engine.model import Model
from aion.errors import ModelError

_MIB = 1 << 20
_CACHE = re.compile(r"\bsize = +([\d.]+) MiB \( *\d+ cells")
_BUFFER = re.compile(r"(\S+) +(?:compute|output) buffer size = +([\d.]+) MiB")
_NO_FLASH_ATTENTION = "Flash Attention not supported"


@dataclass(frozen=True, slots=True)
class Demand:
    """Bytes a context of `n_parallel` sequences of up to `n_ctx` tokens, `n_cells` of them in all, takes
    beside the weights: its KV cache, and what computing a batch needs on the host and on the GPUs. `apart`:
    each sequence has its part of the cells to itself."""

    n_ctx: int
    n_parallel: int
    n_cells: int
    kv_bytes: int
    host_compute_bytes: int
    gpu_compute_bytes: int
    flash_attention: bool
    apart: bool = False


class Rehearsal:
    """A model without weights: nothing can be computed with it, but contexts can be measured.

    `gpu_layers` is as for the real one, whose device then computes; `n_cells` None gives every sequence all
    the cells it may need, and with `apart` to itself. Raises ModelError when the file cannot be used.
    """

    def __init__(
        self,
        path: Path,
        gpu_layers: int,
        options: ContextOptions,
        *,
        n_kept: int,
        n_cells: int | None = None,
        apart: bool = False,
    ) -> None:
        self.model = Model(path, gpu_layers, weights=False)
        self._options = options
        self._n_kept = n_kept
        self._n_cells = n_cells
        self._apart = apart

    @property
    def n_ctx_train(self) -> int:
        return self.model.n_ctx_train

    def demand(self, n_ctx: int, n_parallel: int) -> Demand:
        """What that context would take. Raises ModelError when llama.cpp cannot make it for this model."""
        config = EngineConfig(
            n_ctx, n_parallel, 1, n_kept=self._n_kept, n_cells=self._n_cells, apart=self._apart
        )
        shape = config.shape_for(self.model)
        params = context_params(shape, 1, self._options)
        lines: list[str] = []
        mine = threading.get_ident()

        def hear(line: str) -> None:
            if threading.get_ident() == mine:
                lines.append(line)

        forget_complaints()
        with listening(hear):
            context = lib.llama_init_from_model(self.model.handle, params)
        if not context:
            raise ModelError(
                f"No context can be made for {self.model.path} with AION_KV_TYPE={self._options.kv_type} and "
                f"AION_FLASH_ATTENTION={self._options.flash_attention} ({first_complaint()}); "
                "leave both at their defaults."
            )
        lib.llama_free(context)
        return self._read(n_ctx, n_parallel, shape, lines)

    def _read(self, n_ctx: int, n_parallel: int, shape: ContextShape, lines: list[str]) -> Demand:
        caches = [float(found[1]) for line in lines if (found := _CACHE.search(line))]
        buffers = [(found[1], float(found[2])) for line in lines if (found := _BUFFER.search(line))]
        refused = any(_NO_FLASH_ATTENTION in line for line in lines)
        return Demand(
            n_ctx,
            n_parallel,
            shape.n_cells,
            kv_bytes=_bytes(caches),
            host_compute_bytes=_bytes(mib for name, mib in buffers if _is_host(name)),
            gpu_compute_bytes=_bytes(mib for name, mib in buffers if not _is_host(name)),
            flash_attention=flash_attention_of(shape, self._options) != "off" and not refused,
            apart=shape.apart,
        )

    def close(self) -> None:
        self.model.close()


def _is_host(buffer: str) -> bool:
    """CPU, CPU_REPACK, and pinned host memory such as CUDA_Host."""
    return buffer.startswith("CPU") or buffer.endswith("_Host")


def _bytes(mib: Iterable[float]) -> int:
    return round(sum(mib) * _MIB)
