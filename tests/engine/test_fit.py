"""What is chosen for how much memory: plain numbers, a model of 4 GB in 32 layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.engine.context import ContextOptions
from aion.engine.devices import Device
from aion.engine.fit import MOST_PARALLEL_CPU, Room, place
from aion.engine.memory import Demand
from aion.engine.placement import Placement, Weights, Wishes
from aion.errors import ModelError
from aion.machine import Memory

GB = 10**9
WEIGHTS = Weights((120_000_000,) * 32, output=80_000_000, total=4_000_000_000)
CELL_BYTES = 131_072
COMPUTE_BYTES = 150_000_000


def measure(n_ctx: int, n_parallel: int) -> Demand:
    """As a 7B model with grouped queries: 0.54 GB of cache for 4096 tokens."""
    n_cells = n_ctx * n_parallel
    kv = n_cells * CELL_BYTES
    return Demand(n_ctx, n_parallel, n_cells, kv, COMPUTE_BYTES, COMPUTE_BYTES, flash_attention=True)


def wishes(**given: Any) -> Wishes:
    return Wishes(**({"n_ctx": 4096, "n_ctx_least": 1024, "n_ctx_train": 32768} | given))


def fit(
    available: float, total: float = 16, gpus: Sequence[float] = (), weights: Weights = WEIGHTS, **given: Any
) -> Placement:
    """Place the model in so many GB of memory, beside GPUs with so many GB free."""
    memory = Memory(int(total * GB), int(available * GB))
    devices = [Device(f"CUDA{i}", True, int(free * GB), 24 * GB) for i, free in enumerate(gpus)]
    return place("m.gguf", wishes(**given), weights, memory, devices, measure)


def refusal(available: float, total: float = 16, **given: Any) -> str:
    with pytest.raises(ModelError) as caught:
        fit(available, total, **given)
    assert caught.value.message.startswith("m.gguf needs ")
    assert caught.value.message.count(". ") == 0
    return caught.value.message


@pytest.mark.parametrize(
    ("available", "n_parallel", "n_ctx"),
    [(120, 8, 4096), (14, 4, 4096), (6.5, 3, 4096), (5.4, 1, 4096), (5.1, 1, 2048), (4.9, 1, 1024)],
)
def test_sequences_are_given_up_before_context(available: float, n_parallel: int, n_ctx: int) -> None:
    chosen = fit(available, total=max(16, available))
    assert (chosen.n_parallel, chosen.n_ctx) == (n_parallel, n_ctx)
    assert not chosen.is_tight
    assert bool(chosen.notice) == (n_ctx < 4096)


def test_a_shorter_context_is_told() -> None:
    chosen = fit(5.1)
    assert "no conversation of 4096 tokens" in chosen.notice
    assert "may have 2048" in chosen.notice


def test_weights_beyond_what_is_available_are_only_mapped() -> None:
    chosen = fit(3, total=8)
    assert (chosen.is_tight, chosen.repack, chosen.mmap) == (True, False, True)
    assert (chosen.n_parallel, chosen.n_ctx) == (1, 4096)
    assert "4.0 GB" in chosen.notice
    assert "3.0 GB" in chosen.notice


def test_the_cache_is_never_left_to_the_disk() -> None:
    assert "m.gguf needs 4.7 GB of memory" in refusal(0.9, n_ctx_least=4096)


def test_a_model_larger_than_the_machine_is_refused_with_the_numbers() -> None:
    message = refusal(2, 3)
    for part in ("4.3 GB", "weights 4.0 GB", "1 x 1024 tokens", "3.0 GB of this machine", "smaller model"):
        assert part in message
    assert "closing other programs" not in message
    assert "AION_PARALLEL" not in message


def test_what_the_operator_set_is_kept_or_refused() -> None:
    assert fit(14, n_parallel=12).n_parallel == 12
    message = refusal(6, n_parallel=12, n_ctx_least=4096, mmap=False)
    for way in ("AION_PARALLEL below 12", "AION_CTX below 4096", "AION_KV_TYPE=q8_0", "AION_MMAP=true"):
        assert way in message


def test_a_cache_that_is_small_already_is_not_advised() -> None:
    assert "AION_KV_TYPE" not in refusal(2, 3, options=ContextOptions("q8_0"))


def test_without_mmap_nothing_is_only_mapped() -> None:
    assert "closing other programs" in refusal(3, 8, mmap=False)


@pytest.mark.parametrize(
    ("gpus", "gpu_layers", "n_parallel"),
    [
        ([40], 33, 16),
        ([20], 33, 13),
        ([8], 33, 4),
        ([5.8], 33, 1),
        ([3], 10, 4),
        ([1], 0, 4),
        ([4, 4], 33, 3),
    ],
)
def test_as_many_layers_as_fit_on_the_gpu(gpus: list[float], gpu_layers: int, n_parallel: int) -> None:
    chosen = fit(14, gpus=gpus)
    assert (chosen.gpu_layers, chosen.n_parallel, chosen.n_ctx) == (gpu_layers, n_parallel, 4096)
    assert chosen.gpu_bytes <= max(0, sum(gpus) - 1.07 * len(gpus)) * GB


def test_layers_on_the_gpu_take_no_memory_of_the_host() -> None:
    chosen = fit(3, gpus=[20])
    assert chosen.is_on_gpu
    assert chosen.host_weights_bytes == WEIGHTS.total - sum(WEIGHTS.layers)
    assert chosen.host_fixed_bytes == COMPUTE_BYTES


def test_layers_the_operator_asks_for_must_fit() -> None:
    assert fit(14, gpus=[20], gpu_layers=10).gpu_layers == 10
    assert fit(14, gpus=[20], gpu_layers=99).gpu_layers == 33
    assert fit(14, gpu_layers=10).gpu_layers == 0
    with pytest.raises(
        ModelError, match=r"AION_GPU_LAYERS=33 of m.gguf need .* GB on the GPU and 3.0 GB are"
    ):
        fit(14, gpus=[3], gpu_layers=33, n_ctx_least=4096)


def test_every_choice_has_its_reason() -> None:
    reasons = dict(fit(14, gpus=[3]).reasons)
    assert list(reasons) == ["sequences", "context", "KV cache", "GPU layers", "weights", "memory"]
    assert reasons["sequences"].startswith("4 at a time")
    assert "10 of 33 (as many as fit: " in reasons["GPU layers"]
    assert "3.0 GB free on CUDA0" in reasons["GPU layers"]
    assert "f16" in reasons["KV cache"]
    assert "14.0 GB available of 16.0 GB of this machine" in reasons["memory"]


def test_the_numbers_for_health() -> None:
    chosen = fit(14)
    assert chosen.numbers == {
        "n_ctx": 4096, "n_parallel": 4, "kv_type": "f16", "flash_attention": True, "mmap": True,
        "gpu_layers": 0, "weights_bytes": 4 * GB, "kv_bytes": 4 * 4096 * CELL_BYTES,
        "host_bytes": 4 * GB + 4 * 4096 * CELL_BYTES + COMPUTE_BYTES, "gpu_bytes": 0,
        "memory_total_bytes": 16 * GB, "memory_available_bytes": 14 * GB,
    }  # fmt: skip


@given(
    available=st.floats(0, 64), more=st.floats(0, 64), gpus=st.lists(st.floats(0, 24), max_size=2),
    n_parallel=st.none() | st.integers(1, 16), mmap=st.booleans(),
)  # fmt: skip
def test_what_is_chosen_fits(
    available: float, more: float, gpus: list[float], n_parallel: int | None, mmap: bool
) -> None:
    try:
        chosen = fit(available, available + more, gpus, n_parallel=n_parallel, mmap=mmap)
    except ModelError:
        return
    room = Room.of(chosen.memory, chosen.devices)
    assert chosen.host_fixed_bytes <= room.now_bytes
    assert chosen.host_bytes <= (room.ever_bytes if chosen.is_tight else room.now_bytes)
    assert chosen.gpu_bytes <= room.gpu_bytes
    assert chosen.n_parallel == n_parallel or (n_parallel is None and 1 <= chosen.n_parallel <= 16)
    assert gpus or chosen.n_parallel <= max(MOST_PARALLEL_CPU, n_parallel or 0)
    assert 1024 <= chosen.n_ctx <= 4096
    assert mmap or not chosen.is_tight
