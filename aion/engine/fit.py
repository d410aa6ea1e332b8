"""Chooses how a model is held: sequences, context, layers on the GPU, weights mapped or copied.

What the operator set is kept, or the model is refused with the numbers; what was left open is chosen from
the memory there is. Plain numbers in, a `Placement` out: loads nothing and asks no machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from aion.engine.devices import Device
from aion.engine.memory import Demand
from aion.engine.placement import USUAL_PARALLEL, Placement, Weights, Wishes, gpu_refusal, refusal
from aion.errors import ModelError
from aion.machine import Memory

MOST_PARALLEL_CPU = 8
MOST_PARALLEL_GPU = 16
_CHEAP = 8
_CHEAP_GPU = 2
_RESERVE_BYTES = 256 << 20
_RESERVE_SHARE = 50
_GPU_RESERVE_BYTES = 1 << 30
_CTX_STEP = 256

Measure = Callable[[int, int], Demand]


@dataclass(frozen=True, slots=True)
class Room:
    """The memory a model may take, in bytes: there now, if everything else were closed, and on the GPUs.
    A reserve stays for the rest of AION, for the system and for what GPU drivers take."""

    now_bytes: int
    ever_bytes: int
    gpu_bytes: int

    @classmethod
    def of(cls, memory: Memory, devices: Sequence[Device]) -> Room:
        reserve = _RESERVE_BYTES + memory.total_bytes // _RESERVE_SHARE
        on_gpus = sum(max(0, device.free_bytes - _GPU_RESERVE_BYTES) for device in devices)
        return cls(max(0, memory.available_bytes - reserve), max(0, memory.total_bytes - reserve), on_gpus)


def place(
    name: str, wishes: Wishes, weights: Weights, memory: Memory, devices: Sequence[Device], measure: Measure
) -> Placement:
    """The best placement that fits; `measure(n_ctx, n_parallel)` says what a context takes. Raises ModelError
    with the numbers when nothing fits.

    Preferred in this order: everything in the memory that is available, sequences given up before layers on
    the GPU, and tokens of context last; then weights that are only mapped, if they could be resident with
    all else closed.
    """
    room = Room.of(memory, devices)
    tried = [
        _placed(demand, wishes, weights, memory, devices, room)
        for demand in _demands(wishes, on_gpu=room.gpu_bytes > 0, measure=measure)
    ]
    whole = [p for p in tried if p.n_ctx == wishes.n_ctx]
    on_device = [p for p in tried if p.gpu_bytes <= sum(device.free_bytes for device in devices)]
    fitting = [p for p in on_device if p.host_bytes <= room.now_bytes and _is_worth_it(p, room)]
    mapped = [replace(p, is_tight=True) for p in reversed(on_device) if _can_be_mapped(p, room)]
    for placement in (*(p for p in fitting if p in whole and p.is_on_gpu), *fitting, *mapped):
        return placement
    if not on_device:
        raise ModelError(gpu_refusal(name, tried[-1]))
    raise ModelError(refusal(name, tried[-1], room.now_bytes, room.ever_bytes))


def _demands(wishes: Wishes, *, on_gpu: bool, measure: Measure) -> Iterator[Demand]:
    """From the most wanted to the least."""
    most = MOST_PARALLEL_GPU if on_gpu else MOST_PARALLEL_CPU
    counts = range(most, 0, -1) if wishes.n_parallel is None else [wishes.n_parallel]
    for n_parallel in counts:
        yield measure(wishes.n_ctx, n_parallel)
    n_ctx = wishes.n_ctx // 2 // _CTX_STEP * _CTX_STEP
    while n_ctx >= wishes.n_ctx_least:
        yield measure(n_ctx, counts[-1])
        n_ctx = n_ctx // 2 // _CTX_STEP * _CTX_STEP


def _placed(
    demand: Demand,
    wishes: Wishes,
    weights: Weights,
    memory: Memory,
    devices: Sequence[Device],
    room: Room,
) -> Placement:
    """With as many layers on the GPUs as were asked for, or fit."""

    def on_gpu(n_layers: int) -> int:
        if n_layers == 0:
            return 0
        kv = _kv_on_gpu(demand, weights, n_layers)
        return weights.output + weights.of_last(n_layers) + kv + demand.gpu_compute_bytes

    if not devices:
        n_layers = 0
    elif wishes.gpu_layers is not None:
        n_layers = min(wishes.gpu_layers, weights.n_layers)
    else:
        n_layers = next((n for n in range(weights.n_layers, 0, -1) if on_gpu(n) <= room.gpu_bytes), 0)
    kv_on_host = demand.kv_bytes - _kv_on_gpu(demand, weights, n_layers)
    return Placement(
        wishes,
        weights,
        demand,
        memory,
        tuple(devices),
        gpu_layers=n_layers,
        gpu_bytes=on_gpu(n_layers),
        host_weights_bytes=weights.total - weights.of_last(n_layers),
        host_fixed_bytes=kv_on_host + demand.host_compute_bytes,
    )


def _kv_on_gpu(demand: Demand, weights: Weights, n_layers: int) -> int:
    """Layers of unlike caches (sliding windows) are taken as alike."""
    return demand.kv_bytes * max(0, n_layers - 1) // max(1, len(weights.layers))


def _is_worth_it(placement: Placement, room: Room) -> bool:
    """Whether so many sequences are worth their memory: more than the usual number only when the cells of
    all take a small part of what is left. On a CPU each sequence slows the others, on a GPU hardly, and its
    memory is for nothing else."""
    if placement.wishes.n_parallel is not None or placement.n_parallel <= USUAL_PARALLEL:
        return True
    kv = placement.demand.kv_bytes
    if placement.is_on_gpu:
        return kv * _CHEAP_GPU <= room.gpu_bytes - (placement.gpu_bytes - kv)
    return kv * _CHEAP <= room.now_bytes - placement.host_weights_bytes


def _can_be_mapped(placement: Placement, room: Room) -> bool:
    """Whether it works at the pace of the disk: all of the context, what is not mapped in memory now, and
    the rest of it there if everything else were closed."""
    if not placement.mmap or placement.n_ctx < placement.wishes.n_ctx:
        return False
    return placement.host_fixed_bytes <= room.now_bytes and placement.host_bytes <= room.ever_bytes
