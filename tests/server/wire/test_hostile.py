"""Some hundred requests of the mutator: each is refused in the one form or answered, and nothing is kept.

`benchmarks/hostile.py` sends ten thousand.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os

import pytest

from benchmarks.hostile_clients import throw
from benchmarks.mutator import attacks
from tests.server.live import Live, wait_until

N = 600


def n_sockets() -> int:
    """Of this process, which is server and client. Files are the store's readers: a fixed number at most."""
    n = 0
    for each in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            n += os.readlink(f"/proc/self/fd/{each}").startswith("socket:")
    return n


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="open files are counted in /proc")
def test_malformed_requests_break_and_keep_nothing(sintra: Live, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    sintra.assert_answers()
    n_before = n_sockets()
    verdict = asyncio.run(throw(sintra.address, attacks(N, seed=7), 8, 0.5))
    assert verdict.wrong == []
    assert sum(verdict.counts.values()) == N
    assert verdict.counts["400"] > N / 10
    wait_until(lambda: sintra.services.engine.is_idle_and_whole, "all slots to be free")
    wait_until(lambda: n_sockets() <= n_before, "the sockets to be closed")
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
    sintra.assert_answers()
