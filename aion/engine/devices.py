"""The devices ggml computes on, and how much of their memory is free."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass

from aion.engine import library
from aion.engine.library import lib

_GPU_TYPES = (1, 2)  # ggml_backend_dev_type: a GPU, one that shares the host's memory


@dataclass(frozen=True, slots=True)
class Device:
    """One device. `free_bytes` is what it reported when it was asked."""

    name: str
    is_gpu: bool
    free_bytes: int
    total_bytes: int


def gpus() -> tuple[Device, ...]:
    """The GPUs layers can be placed on, none on a build for the CPU. Asking a CUDA device takes some of its
    memory from then on."""
    if not library.compute_devices():
        return ()
    return tuple(device for device in devices() if device.is_gpu)


def devices() -> Iterator[Device]:
    """All of them; of the CPU ggml takes all memory for free."""
    library.load()
    ggml = _ggml()
    for index in range(ggml.ggml_backend_dev_count()):
        handle = ggml.ggml_backend_dev_get(index)
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        ggml.ggml_backend_dev_memory(handle, ctypes.byref(free), ctypes.byref(total))
        name = ggml.ggml_backend_dev_name(handle).decode()
        yield Device(name, ggml.ggml_backend_dev_type(handle) in _GPU_TYPES, free.value, total.value)


def _ggml() -> ctypes.CDLL:
    """ggml's functions, which libllama brings with it and llama_cpp does not declare."""
    ggml: ctypes.CDLL = lib._lib
    size = ctypes.POINTER(ctypes.c_size_t)
    ggml.ggml_backend_dev_count.restype = ctypes.c_size_t
    ggml.ggml_backend_dev_get.argtypes = [ctypes.c_size_t]
    ggml.ggml_backend_dev_get.restype = ctypes.c_void_p
    ggml.ggml_backend_dev_type.argtypes = [ctypes.c_void_p]
    ggml.ggml_backend_dev_name.argtypes = [ctypes.c_void_p]
    ggml.ggml_backend_dev_name.restype = ctypes.c_char_p
    ggml.ggml_backend_dev_memory.argtypes = [ctypes.c_void_p, size, size]
    return ggml
