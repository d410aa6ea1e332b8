"""No interleaving overdraws: fifty requests at once, in threads and in processes, that fail and crash."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aion.errors import OverBudget
from aion.store.budget import Budget
from aion.store.budget_state import Limits
from aion.store.connection import Store
from tests.store.spending import AGE_S, Clock, budget, day

N_REQUESTS = 50


@dataclass(frozen=True)
class Request:
    """A paid call to be: what it may cost, what it does cost, how it ends."""

    most: int
    cost: int
    end: Literal["settled", "released", "crashed"]


REQUESTS = st.builds(
    lambda most, part, end: Request(most, int(most * part), end),
    st.integers(1, 40),
    st.floats(0, 1),
    st.sampled_from(["settled", "settled", "released", "crashed"]),
)


@dataclass
class Provider:
    """The paid side, which bills whatever reaches it; crashed calls are billed in full."""

    billed: int = 0
    n_calls: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def bill(self, request: Request) -> None:
        with self._lock:
            self.n_calls += 1
            self.billed += request.most if request.end == "crashed" else request.cost


def ask(opened: Budget, provider: Provider, request: Request) -> None:
    """One request from its reservation to its end."""
    try:
        reservation = opened.reserve("t", request.most, request.end)
    except OverBudget:
        return
    total = opened.state("t").day
    assert total.total.spent_micros + total.total.reserved_micros <= total.limit_micros
    assert total.total.n_calls <= total.limit_calls
    if request.end == "released":
        opened.release(reservation)
        return
    provider.bill(request)
    if request.end == "settled":
        opened.settle(reservation, request.cost)


def at_once(opened: Budget, provider: Provider, requests: list[Request]) -> None:
    """All of them, each in a thread of its own, from one moment on."""
    failures: list[BaseException] = []
    barrier = threading.Barrier(len(requests))

    def work(request: Request) -> None:
        try:
            barrier.wait()
            ask(opened, provider, request)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(request,)) for request in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize("limits", [day(300), day(10_000, calls=12), Limits(500, 300, 30, 20)])
@given(requests=st.lists(REQUESTS, min_size=N_REQUESTS, max_size=N_REQUESTS))
@settings(max_examples=10, deadline=None)
def test_fifty_at_once_never_overdraw(
    tmp_path_factory: pytest.TempPathFactory, limits: Limits, requests: list[Request]
) -> None:
    provider = Provider()
    with Store(tmp_path_factory.mktemp("budget") / "aion.db") as store:
        at_once(budget(store, limits), provider, requests)
        month = budget(store, limits).state("t").month.total
    assert provider.billed <= min(limits.day_micros, limits.month_micros)
    assert provider.n_calls <= min(limits.day_calls, limits.month_calls)
    assert month.spent_micros + month.reserved_micros == provider.billed
    assert month.n_calls == provider.n_calls


@given(rounds=st.lists(st.lists(REQUESTS, min_size=8, max_size=8), min_size=3, max_size=3))
@settings(max_examples=25, deadline=None)
def test_crashes_expiries_and_restarts_never_overdraw(
    tmp_path_factory: pytest.TempPathFactory, rounds: list[list[Request]]
) -> None:
    """Between rounds AION dies and starts again, after its dead calls have expired: what they may have cost
    is told and bounded by the limit of calls, all else stays within the limit of money."""
    path = tmp_path_factory.mktemp("budget") / "aion.db"
    clock, provider = Clock(), Provider()
    for requests in rounds:
        with Store(path) as store:
            at_once(budget(store, day(100, calls=10), clock), provider, requests)
        clock.now += AGE_S
    with Store(path) as store:
        state = budget(store, day(100, calls=10), clock).state("t")
    assert state.day.total.spent_micros <= 100
    assert provider.billed == state.day.total.spent_micros + state.expired_micros
    assert state.day.total.n_calls == provider.n_calls <= 10


# A process that pays until it is told that nothing is left, or "dies" in its first call. A line is what the
# paid side bills for a call, written before the call is settled.
_PROGRAM = """
import os, random, signal, sys
from pathlib import Path
from aion.errors import OverBudget
from aion.store.budget import Budget
from aion.store.budget_state import Limits
from aion.store.connection import Store
path, seed, dies = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "dies"
chance = random.Random(seed)
with Store(path) as store:
    budget = Budget(store, Limits(4_000, 10**9, 100, 10**9))
    if dies:
        budget.reserve("t", 90, seed)
    print("ready", flush=True)
    sys.stdin.readline()
    if dies:
        print(60, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    try:
        while True:
            most = chance.randrange(1, 100)
            reservation = budget.reserve("t", most, seed)
            if chance.random() < 0.2:
                budget.release(reservation)
                continue
            cost = chance.randrange(most + 1)
            print(cost, flush=True)
            budget.settle(reservation, cost)
    except OverBudget as error:
        print(error.param, flush=True)
"""


def test_processes_share_one_budget_and_may_be_killed(tmp_path: Path) -> None:
    path = tmp_path / "aion.db"
    running = [_started(path, seed, end) for seed, end in enumerate(("dies", "dies", "ends", "ends"))]
    assert [process.stdout.readline() for process in running if process.stdout] == ["ready\n"] * 4
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate()[0].split() for process in running]
    assert [process.returncode for process in running] == [-9, -9, 0, 0]
    billed = [int(line) for output in outputs for line in output if line.isdigit()]
    with Store(path) as store:
        opened = Budget(store, Limits(4_000, 10**9, 100, 10**9))
        total = opened.state("t").day.total
    assert (total.n_open, total.reserved_micros, total.n_calls) == (2, 180, len(billed))
    assert sum(billed) <= total.spent_micros + total.reserved_micros <= 4_000
    assert total.n_calls <= 100


def _started(path: Path, seed: int, end: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(path), str(seed), end],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
