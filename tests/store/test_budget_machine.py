"""The budget against a model of a few lines, whatever is done in whatever order."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from aion.errors import OverBudget
from aion.store.budget import Budget
from aion.store.budget_state import Limits
from aion.store.connection import Store
from tests.store.spending import AGE_S, DAY_S, NOON, Clock, budget

LIMITS = Limits(day_micros=100, month_micros=250, day_calls=4, month_calls=9)
SMALL = st.integers(0, 60)


@dataclass
class Call:
    """What the model keeps of one: `cost` once it is paid, `is_gone` when it never was, `is_expired` once a
    later reservation found it dead."""

    at: float
    day: str
    most: int
    cost: int | None = None
    is_gone: bool = False
    is_expired: bool = False


class BudgetMachine(RuleBasedStateMachine):
    """Calls are reserved, settled, released, or forgotten by a crash; time goes on, jumps and goes back."""

    reservations: Bundle[int] = Bundle("reservations")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.model: dict[int, Call] = {}
        self.is_strict = True  # until a call costs more than it reserved, or is settled late
        self.keeps_to_it = False
        self.open()

    def open(self) -> None:
        self.store = Store(Path(self.folder.name) / "aion.db")
        self.budget: Budget = budget(self.store, LIMITS, self.clock)

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    @initialize(keeps_to_it=st.booleans())
    def choose(self, keeps_to_it: bool) -> None:
        self.keeps_to_it = keeps_to_it

    def now(self) -> float:
        return max([self.clock.now, *(call.at for call in self.model.values())])

    def day(self) -> str:
        return datetime.fromtimestamp(self.now(), UTC).date().isoformat()

    def is_dead(self, call: Call) -> bool:
        is_open = call.cost is None and not call.is_gone
        return is_open and (call.is_expired or call.at <= self.now() - AGE_S)

    def charge(self, call: Call) -> int:
        if call.cost is not None:
            return call.cost
        return 0 if self.is_dead(call) else call.most

    def counted(self, prefix: str) -> tuple[int, int]:
        """The charges and the number of the calls of days that begin so."""
        calls = [call for call in self.model.values() if call.day.startswith(prefix) and not call.is_gone]
        return sum(map(self.charge, calls)), len(calls)

    @rule(target=reservations, most=SMALL)
    def reserve(self, most: int) -> MultipleResults[int] | int:
        for call in self.model.values():
            call.is_expired = self.is_dead(call)
        day_micros, day_calls = self.counted(self.day())
        month_micros, month_calls = self.counted(self.day()[:7])
        fits = (
            day_micros + most <= LIMITS.day_micros
            and month_micros + most <= LIMITS.month_micros
            and day_calls < LIMITS.day_calls
            and month_calls < LIMITS.month_calls
        )
        try:
            id_ = self.budget.reserve("t", most, "tag")
        except OverBudget:
            assert not fits
            return multiple()
        assert fits
        self.model[id_] = Call(self.now(), self.day(), most)
        return id_

    @rule(id_=consumes(reservations), part=st.floats(0, 1))
    def settle(self, id_: int, part: float) -> None:
        self.paid(id_, int(part * self.model[id_].most))

    @precondition(lambda self: not self.keeps_to_it)
    @rule(id_=reservations, more=SMALL)
    def settle_for_more(self, id_: int, more: int) -> None:
        self.paid(id_, self.model[id_].most + more)

    def paid(self, id_: int, cost: int) -> None:
        self.budget.settle(id_, cost)
        call = self.model[id_]
        if call.cost is None:
            self.is_strict &= cost <= call.most and not self.is_dead(call) and not call.is_gone
            call.cost, call.is_gone = cost, False

    @rule(id_=reservations)
    def release(self, id_: int) -> None:
        self.budget.release(id_)
        self.model[id_].is_gone = self.model[id_].cost is None

    @rule(seconds=st.sampled_from([1.0, AGE_S / 2, AGE_S, DAY_S / 2, DAY_S, 9 * DAY_S]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(seconds=st.sampled_from([60.0, 2 * AGE_S, DAY_S, 20 * DAY_S]))
    def turn_the_clock_back(self, seconds: float) -> None:
        self.clock.now = max(NOON - 100 * DAY_S, self.clock.now - seconds)

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.open()

    @invariant()
    def state_is_the_models(self) -> None:
        state = self.budget.state("t")
        for period, prefix in ((state.day, self.day()), (state.month, self.day()[:7])):
            charged = period.total.spent_micros + period.total.reserved_micros
            assert (charged, period.total.n_calls) == self.counted(prefix)

    @invariant()
    @precondition(lambda self: self.is_strict)
    def nothing_is_overdrawn(self) -> None:
        days = {call.day for call in self.model.values()}
        assert all(self.counted(day)[0] <= LIMITS.day_micros for day in days)
        assert all(self.counted(day)[1] <= LIMITS.day_calls for day in days)
        assert all(self.counted(day[:7])[0] <= LIMITS.month_micros for day in days)
        assert all(self.counted(day[:7])[1] <= LIMITS.month_calls for day in days)


TestBudgetMachine = BudgetMachine.TestCase
TestBudgetMachine.settings = settings(max_examples=50, deadline=None, stateful_step_count=30)
