from __future__ import annotations

import os

from aion.engine import library
from aion.engine.devices import devices, gpus


def test_the_cpu_is_a_device_with_the_memory_of_the_machine() -> None:
    cpu = next(device for device in devices() if device.name == "CPU")
    assert cpu.total_bytes == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert not cpu.is_gpu


def test_only_a_build_for_gpus_has_any() -> None:
    found = gpus()
    assert bool(found) <= library.compute_devices()
    assert all(0 < device.free_bytes <= device.total_bytes for device in found)
