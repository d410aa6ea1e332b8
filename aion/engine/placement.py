"""How a model is held in memory, for which wishes, and the words for both: what was chosen and why, or why
nothing could be. Decides nothing (aion.engine.fit does)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from aion.engine.context import DEFAULT_OPTIONS, ContextOptions
from aion.engine.devices import Device
from aion.engine.memory import Demand
from aion.machine import Memory

USUAL_PARALLEL = 4
SHORT_CTX = 1024


@dataclass(frozen=True, slots=True)
class Weights:
    """Bytes of a model file's tensors: of each layer, of the output layer (a tied one is the embedding once
    more), and of the whole file."""

    layers: tuple[int, ...]
    output: int
    total: int

    @property
    def n_layers(self) -> int:
        """The output layer counted, as llama.cpp counts them."""
        return len(self.layers) + 1

    def of_last(self, n_layers: int) -> int:
        """Bytes of the repeating layers among the last `n_layers`; the output layer is the last of all."""
        return sum(self.layers[self.n_layers - n_layers :]) if n_layers else 0


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the operator asks for of a model trained for `n_ctx_train` tokens. None leaves a number to AION;
    `n_ctx` may go down to `n_ctx_least`."""

    n_ctx: int
    n_ctx_least: int
    n_ctx_train: int
    n_parallel: int | None = None
    gpu_layers: int | None = None
    mmap: bool = True
    options: ContextOptions = DEFAULT_OPTIONS


@dataclass(frozen=True, slots=True)
class Placement:
    """What was chosen, for which wishes, and the bytes it takes.

    The last `gpu_layers` layers are on the GPUs and take `gpu_bytes` there with their part of the KV cache.
    The host holds `host_weights_bytes` of weights, which may be mapped, and `host_fixed_bytes` that must be
    in memory. `is_tight`: the weights are more than what is available now, so they are only mapped.
    """

    wishes: Wishes
    weights: Weights
    demand: Demand
    memory: Memory
    devices: tuple[Device, ...]
    gpu_layers: int
    gpu_bytes: int
    host_weights_bytes: int
    host_fixed_bytes: int
    is_tight: bool = False

    @property
    def n_ctx(self) -> int:
        return self.demand.n_ctx

    @property
    def n_parallel(self) -> int:
        return self.demand.n_parallel

    @property
    def mmap(self) -> bool:
        return self.wishes.mmap

    @property
    def repack(self) -> bool:
        """Whether llama.cpp may copy weights into the order its CPU kernels like best: such a copy has to
        stay in memory."""
        return not self.is_tight

    @property
    def host_bytes(self) -> int:
        return self.host_fixed_bytes + self.host_weights_bytes

    @property
    def is_on_gpu(self) -> bool:
        """Whether all layers are."""
        return self.gpu_layers == self.weights.n_layers

    @property
    def numbers(self) -> dict[str, int | str | bool]:
        """For /health: what was chosen, and bytes."""
        return {
            "n_ctx": self.n_ctx,
            "n_parallel": self.n_parallel,
            "kv_type": self.wishes.options.kv_type,
            "flash_attention": self.demand.flash_attention,
            "mmap": self.mmap,
            "gpu_layers": self.gpu_layers,
            "weights_bytes": self.weights.total,
            "kv_bytes": self.demand.kv_bytes,
            "host_bytes": self.host_bytes,
            "gpu_bytes": self.gpu_bytes,
            "memory_total_bytes": self.memory.total_bytes,
            "memory_available_bytes": self.memory.available_bytes,
        }

    @property
    def notice(self) -> str:
        """What the operator should know, or ""."""
        notices = []
        if self.n_ctx < self.wishes.n_ctx:
            notices.append(
                f"The memory available holds no conversation of {self.wishes.n_ctx} tokens beside the model, "
                f"so one may have {self.n_ctx}."
            )
        if self.is_tight:
            notices.append(
                f"The weights take {size(self.host_weights_bytes)} and only "
                f"{size(self.memory.available_bytes)} of memory are available, so parts of them are read "
                "from the disk again and again; close other programs or take a smaller model."
            )
        return " ".join(notices)

    @property
    def reasons(self) -> Iterator[tuple[str, str]]:
        """Pairs of a subject and a sentence of what was chosen for it and why."""
        wishes, demand = self.wishes, self.demand
        yield "sequences", f"{self.n_parallel} at a time ({self._why_parallel()})"
        yield "context", f"{self.n_ctx} tokens a sequence ({self._why_ctx()})"
        attention = "with flash attention" if demand.flash_attention else "without flash attention"
        yield (
            "KV cache",
            f"{size(demand.kv_bytes)} for {demand.n_cells} tokens as {wishes.options.kv_type} "
            f"(AION_KV_TYPE), {self._why_apart()}, {attention} "
            f"(AION_FLASH_ATTENTION={wishes.options.flash_attention})",
        )
        yield "GPU layers", f"{self.gpu_layers} of {self.weights.n_layers} ({self._why_gpu_layers()})"
        yield "weights", self._why_mapped()
        memory = self.memory
        yield (
            "memory",
            f"{size(self.host_bytes)} needed ({_parts(self)}), {size(memory.available_bytes)} available of "
            f"{size(memory.total_bytes)} of {memory.whose}",
        )

    def _why_parallel(self) -> str:
        if self.wishes.n_parallel is not None:
            return "AION_PARALLEL"
        if self.n_parallel > USUAL_PARALLEL:
            return "their cache is small beside the free memory"
        if self.n_parallel == USUAL_PARALLEL:
            return "the usual number; more would take much of the free memory"
        return "as many as fit into memory"

    def _why_apart(self) -> str:
        if self.demand.apart:
            return "each sequence with its own part, which is faster on a CPU"
        if self.demand.n_cells < self.n_parallel * self.n_ctx:
            return "shared by all sequences (AION_KV_TOKENS)"
        return "shared by all sequences"

    def _why_ctx(self) -> str:
        if self.n_ctx < self.wishes.n_ctx:
            return f"{self.wishes.n_ctx} do not fit into memory"
        return "all it was trained for" if self.n_ctx == self.wishes.n_ctx_train else "AION_CTX"

    def _why_gpu_layers(self) -> str:
        if not self.devices:
            return "llama.cpp was built for the CPU, or found no GPU"
        free = size(sum(device.free_bytes for device in self.devices))
        names = ", ".join(device.name for device in self.devices)
        chosen = "as many as fit" if self.wishes.gpu_layers is None else "AION_GPU_LAYERS"
        return f"{chosen}: {size(self.gpu_bytes)} of {free} free on {names}"

    def _why_mapped(self) -> str:
        if not self.mmap:
            return "read into memory (AION_MMAP=false)"
        if self.is_tight:
            return "mapped from the file only, because they are more than the memory available"
        return "mapped from the file; those that compute faster in another order are copied"


def refusal(name: str, least: Placement, now_bytes: int, ever_bytes: int) -> str:
    """The sentence for a model of which even `least` does not fit: the numbers, and what would help."""
    memory, wishes = least.memory, least.wishes
    ways = ["a smaller model or type (q4_k_m)"]
    if least.host_bytes <= ever_bytes:
        ways.append("closing other programs")
        if not wishes.mmap:
            ways.append("AION_MMAP=true")
    if least.host_bytes - least.demand.kv_bytes <= ever_bytes:
        ways += _smaller_caches(least)
    return (
        f"{name} needs {size(least.host_bytes)} of memory ({_parts(least)}) and "
        f"{size(now_bytes)} are free for it of the {size(memory.total_bytes)} of {memory.whose}; what helps: "
        f"{', '.join(ways)}."
    )


def _smaller_caches(least: Placement) -> Iterator[str]:
    options = least.wishes.options
    if least.n_parallel > 1:
        yield f"AION_PARALLEL below {least.n_parallel}"
    if least.n_ctx > SHORT_CTX:
        yield f"AION_CTX below {least.n_ctx}"
    if options.kv_type != "q8_0" and options.flash_attention != "off":
        yield "AION_KV_TYPE=q8_0"


def gpu_refusal(name: str, least: Placement) -> str:
    """The sentence for more layers than the GPUs can hold."""
    free = size(sum(device.free_bytes for device in least.devices))
    return (
        f"AION_GPU_LAYERS={least.gpu_layers} of {name} need {size(least.gpu_bytes)} on the GPU and {free} "
        "are free there; lower it, or leave it out for as many as fit."
    )


def size(n_bytes: int) -> str:
    """In decimal units, as files are shown."""
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.1f} MB"


def _parts(placement: Placement) -> str:
    """The host's, by what they are for."""
    demand = placement.demand
    kv = placement.host_fixed_bytes - demand.host_compute_bytes
    shape = f"{demand.n_cells} tokens"
    if demand.n_cells == placement.n_parallel * placement.n_ctx:
        shape = f"{placement.n_parallel} x {placement.n_ctx} tokens"
    return (
        f"weights {size(placement.host_weights_bytes)}, KV cache {size(kv)} for {shape}, "
        f"computing {size(demand.host_compute_bytes)}"
    )
