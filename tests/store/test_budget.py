from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import apsw
import pytest

from aion.errors import NotFound, OverBudget
from aion.store import connection
from aion.store.budget import MAX_MICROS, Budget
from aion.store.budget_state import Limits
from aion.store.connection import Store
from tests.store.spending import AGE_S, DAY_S, NOON, WIDE, Clock, budget, committed, day


def test_a_call_is_reserved_and_then_settled(store: Store) -> None:
    opened = budget(store, day(1000, calls=10))
    reservation = opened.reserve("t", 400, "rag-answer")
    before = opened.state("t")
    assert (before.day.total.reserved_micros, before.day.total.n_open) == (400, 1)
    assert (before.day.left_micros, before.day.left_calls) == (600, 9)
    opened.settle(reservation, 150)
    after = opened.state("t")
    assert (after.day.total.spent_micros, after.day.total.reserved_micros) == (150, 0)
    assert (after.day.left_micros, after.month.left_micros) == (850, 99_850)
    (call,) = opened.calls("t")
    assert (call.tag, call.state, call.reserved_micros, call.cost_micros) == (
        "rag-answer",
        "settled",
        400,
        150,
    )
    assert (call.at, call.day) == ("2026-11-23T12:00:00.000Z", "2026-11-23")


def test_what_is_left_is_given_to_the_last_micro_and_no_further(store: Store) -> None:
    opened = budget(store, day(1000))
    opened.settle(opened.reserve("t", 600, ""), 500)
    opened.reserve("t", 500, "")
    with pytest.raises(OverBudget):
        opened.reserve("t", 1, "")
    opened.reserve("t", 0, "")
    assert committed(opened) == (1000, 3)


def test_the_sentence_names_cost_rest_setting_and_renewal(store: Store) -> None:
    opened = budget(store, day(1_000_000))
    opened.settle(opened.reserve("t", 800_000, ""), 700_000)
    opened.reserve("t", 200_000, "")
    with pytest.raises(OverBudget) as caught:
        opened.reserve("t", 123_456, "")
    assert caught.value.param == "AION_BUDGET_DAY"
    assert caught.value.message == (
        "The call may cost 0.123456 and AION_BUDGET_DAY=1.00 has 0.10 left (0.70 spent, 0.20 reserved by "
        "calls under way); wait until it renews, 2026-11-24 00:00 +0000, or raise it."
    )


@pytest.mark.parametrize(
    ("limits", "micros", "setting", "words"),
    [
        (Limits(100, 1000, 5, 50), 101, "AION_BUDGET_DAY", "never has so much; raise it"),
        (Limits(1000, 100, 5, 50), 101, "AION_BUDGET_MONTH", "never has so much; raise it"),
        (Limits(0, 0, 5, 50), 1, "AION_BUDGET_MONTH", "AION_BUDGET_MONTH=0.00 never has so much"),
        (Limits(1000, 1000, 0, 50), 1, "AION_BUDGET_DAY_CALLS", "AION_BUDGET_DAY_CALLS=0 allows no call"),
        (Limits(1000, 1000, 5, 0), 1, "AION_BUDGET_MONTH_CALLS", "allows no call; raise it"),
    ],
)
def test_a_call_no_renewal_would_help_is_told_so(
    store: Store, limits: Limits, micros: int, setting: str, words: str
) -> None:
    with pytest.raises(OverBudget) as caught:
        budget(store, limits).reserve("t", micros, "")
    assert caught.value.param == setting
    assert words in caught.value.message
    assert "wait" not in caught.value.message


def test_calls_are_limited_whatever_they_cost(store: Store) -> None:
    opened = budget(store, Limits(1000, 1000, 2, 3))
    opened.settle(opened.reserve("t", 0, ""), 0)
    opened.reserve("t", 0, "")
    with pytest.raises(
        OverBudget, match=r"AION_BUDGET_DAY_CALLS=2 has no call left \(2 made, 1 of them under"
    ):
        opened.reserve("t", 0, "")


def test_the_month_is_named_where_both_are_in_the_way(store: Store) -> None:
    opened = budget(store, Limits(1000, 1000, 1, 1))
    opened.reserve("t", 1000, "")
    with pytest.raises(OverBudget, match=r"AION_BUDGET_MONTH_CALLS=1 .* 2026-12-01 00:00"):
        opened.reserve("t", 1000, "")


def test_a_released_call_never_was(store: Store) -> None:
    opened = budget(store, Limits(100, 100, 1, 1))
    reservation = opened.reserve("t", 100, "")
    opened.release(reservation)
    opened.release(reservation)
    assert committed(opened) == (0, 0)
    assert opened.calls("t")[0].state == "released"
    opened.reserve("t", 100, "")


def test_a_call_is_settled_once(store: Store) -> None:
    opened = budget(store)
    reservation = opened.reserve("t", 100, "")
    for micros in (70, 70, 5):
        opened.settle(reservation, micros)
    opened.release(reservation)
    assert committed(opened) == (70, 1)


def test_a_call_that_cost_more_than_reserved_is_recorded_so(store: Store) -> None:
    opened = budget(store, day(100))
    opened.settle(opened.reserve("t", 60, ""), 130)
    assert (committed(opened), opened.state("t").day.left_micros) == ((130, 1), 0)
    with pytest.raises(OverBudget, match=r"has 0\.00 left \(0\.00013 spent"):
        opened.reserve("t", 0, "")


def test_a_call_found_to_have_been_paid_after_all_counts_again(store: Store) -> None:
    opened = budget(store)
    reservation = opened.reserve("t", 100, "")
    opened.release(reservation)
    opened.settle(reservation, 80)
    assert committed(opened) == (80, 1)


def test_a_paid_side_that_claims_the_moon_breaks_no_sum(store: Store) -> None:
    opened = budget(store)
    for _ in range(20):
        opened.settle(budget(store, Limits(2**70, 2**70, 99, 99)).reserve("t", 1, ""), 10**30)
    assert opened.state("t").day.total.spent_micros == 20 * MAX_MICROS


def test_negative_money_is_a_mistake(store: Store) -> None:
    opened = budget(store)
    reservation = opened.reserve("t", 100, "")
    with pytest.raises(ValueError, match="-1"):
        opened.settle(reservation, -1)
    with pytest.raises(ValueError, match="-1"):
        opened.reserve("t", -1, "")
    assert committed(opened) == (100, 1)


def test_what_was_never_reserved_cannot_be_settled(store: Store) -> None:
    opened = budget(store)
    with pytest.raises(NotFound, match="no reservation 7"):
        opened.settle(7, 1)
    with pytest.raises(NotFound, match="no reservation 7"):
        opened.release(7)


def test_tenants_have_budgets_of_their_own(store: Store) -> None:
    opened = budget(store, day(100, calls=1))
    opened.reserve("t", 100, "")
    opened.reserve("u", 100, "")
    assert committed(opened, "t") == committed(opened, "u") == (100, 1)
    assert committed(opened, "v") == (0, 0)
    assert [call.id for call in opened.calls("u")] == [2]


def test_a_reservation_nobody_settled_frees_its_money_and_stays_a_call(store: Store) -> None:
    clock = Clock()
    opened = budget(store, day(100, calls=2), clock)
    opened.reserve("t", 100, "crashed")
    clock.now += AGE_S - 1
    with pytest.raises(OverBudget):
        opened.reserve("t", 1, "")
    clock.now += 1
    told = opened.state("t")
    assert (told.n_expired, told.expired_micros, told.day.left_micros) == (1, 100, 100)
    assert opened.calls("t")[0].state == "expired"
    opened.reserve("t", 100, "")
    assert (opened.state("t").n_expired, committed(opened)) == (1, (100, 2))
    with pytest.raises(OverBudget, match="AION_BUDGET_DAY_CALLS=2"):
        opened.reserve("t", 0, "")


def test_an_expired_call_still_records_what_it_cost(store: Store) -> None:
    clock = Clock()
    opened = budget(store, day(100), clock)
    late = opened.reserve("t", 100, "")
    clock.now += AGE_S
    opened.reserve("t", 50, "")
    opened.settle(late, 90)
    assert (committed(opened), opened.state("t").n_expired) == ((140, 2), 0)


def test_a_refusal_does_not_undo_the_expiry_it_found(store: Store) -> None:
    clock = Clock()
    opened = budget(store, day(100), clock)
    opened.reserve("t", 100, "")
    clock.now += AGE_S
    with pytest.raises(OverBudget):
        opened.reserve("t", 101, "")
    with store.read() as db:
        assert db.execute("SELECT state FROM paid_calls").get == "expired"


def test_days_and_months_renew(store: Store) -> None:
    clock = Clock(datetime(2026, 11, 29, 23, 59, tzinfo=UTC).timestamp())
    opened = budget(store, Limits(100, 150, 9, 9), clock)
    opened.settle(opened.reserve("t", 100, ""), 100)
    clock.now += 120  # the 30th
    assert (opened.state("t").day.left_micros, opened.state("t").month.left_micros) == (100, 50)
    opened.reserve("t", 50, "")
    with pytest.raises(OverBudget, match="AION_BUDGET_MONTH="):
        opened.reserve("t", 50, "")
    clock.now += DAY_S  # December
    assert committed(opened) == (0, 0)
    opened.reserve("t", 100, "")


def test_a_call_counts_for_the_day_it_was_reserved_on(store: Store) -> None:
    clock = Clock(datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())
    opened = budget(store, WIDE, clock)
    reservation = opened.reserve("t", 100, "")
    clock.now += 2
    opened.settle(reservation, 100)
    assert committed(opened) == (0, 0)
    assert opened.calls("t")[0].day == "2026-12-31"
    assert opened.state("t").month.renews_at == datetime(2027, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize("back_s", [1.0, 3600.0, DAY_S, 40 * DAY_S])
def test_a_clock_going_back_renews_nothing(store: Store, back_s: float) -> None:
    clock = Clock()
    opened = budget(store, Limits(100, 10_000, 9, 9), clock)
    opened.settle(opened.reserve("t", 100, ""), 100)
    clock.now -= back_s
    with pytest.raises(OverBudget, match="2026-11-24 00:00"):
        opened.reserve("t", 1, "")
    assert opened.state("t").is_behind == (back_s >= DAY_S)
    clock.now = NOON + DAY_S
    assert not opened.state("t").is_behind
    opened.reserve("t", 100, "")


def test_calls_made_while_the_clock_is_behind_count_for_the_later_day(store: Store) -> None:
    clock = Clock()
    opened = budget(store, day(100), clock)
    opened.settle(opened.reserve("t", 50, ""), 50)
    clock.now -= DAY_S
    opened.settle(opened.reserve("t", 50, ""), 50)
    clock.now += DAY_S
    assert committed(opened) == (100, 2)


def test_a_clock_that_was_ahead_is_mended_by_the_operator_alone(store: Store) -> None:
    clock = Clock(NOON + 400 * DAY_S)
    opened = budget(store, day(100), clock)
    opened.settle(opened.reserve("t", 60, ""), 60)
    opened.reserve("t", 40, "crashed")
    clock.now = NOON
    assert opened.state("t").is_behind
    assert opened.mend_clock("t") == 2
    assert opened.mend_clock("t") == 0
    mended = opened.state("t")
    assert (mended.is_behind, committed(opened)) == (False, (100, 2))
    clock.now += DAY_S
    assert committed(opened) == (0, 0)


def test_a_clock_hours_ahead_needs_no_mending(store: Store) -> None:
    clock = Clock(NOON + 20 * 3600)
    opened = budget(store, day(100), clock)
    opened.settle(opened.reserve("t", 100, ""), 100)
    clock.now = NOON
    assert opened.mend_clock("t") == 0
    assert committed(opened) == (100, 1)


def test_midnight_is_the_zones_in_summer_too(store: Store) -> None:
    lisbon = ZoneInfo("Europe/Lisbon")
    clock = Clock(datetime(2026, 3, 28, 23, 30, tzinfo=lisbon).timestamp())
    opened = Budget(store, day(100), clock=clock, zone=lisbon)
    assert opened.state("t").day.renews_at == datetime(2026, 3, 29, tzinfo=lisbon)
    clock.now += 3600  # summer time begins at one o'clock of that day
    state = opened.state("t")
    assert state.day.renews_at.isoformat() == "2026-03-30T00:00:00+01:00"
    assert state.month.renews_at.isoformat() == "2026-04-01T00:00:00+01:00"


def test_days_are_this_machines_without_a_zone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(datetime(2026, 11, 23, 23, 30, tzinfo=UTC).timestamp())
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        state = Budget(store, WIDE, clock=clock).state("t")
    time.tzset()
    assert state.day.start.isoformat() == "2026-11-24"
    assert state.day.renews_at.isoformat() == "2026-11-25T00:00:00+09:00"


def test_a_process_in_an_earlier_zone_gets_no_second_day(store: Store) -> None:
    clock = Clock(datetime(2026, 11, 23, 23, 30, tzinfo=UTC).timestamp())
    east = Budget(store, day(100), clock=clock, zone=ZoneInfo("Asia/Tokyo"))
    west = Budget(store, day(100), clock=clock, zone=UTC)
    east.settle(east.reserve("t", 100, ""), 100)
    with pytest.raises(OverBudget):
        west.reserve("t", 1, "")


def test_the_limits_may_change_at_any_time(store: Store) -> None:
    budget(store, day(100)).reserve("t", 100, "")
    narrower, wider = budget(store, day(50)), budget(store, day(150))
    assert narrower.state("t").day.left_micros == 0
    with pytest.raises(OverBudget):
        narrower.reserve("t", 1, "")
    wider.reserve("t", 50, "")


@pytest.mark.parametrize("is_release", [False, True])
def test_an_end_that_cannot_be_written_is_written_with_the_next_call(
    store: Store, monkeypatch: pytest.MonkeyPatch, is_release: bool
) -> None:
    opened = budget(store, day(1000))
    reservation = opened.reserve("t", 400, "")
    monkeypatch.setattr(connection, "BUSY_TIMEOUT_MS", 1)
    other = apsw.Connection(str(store.path))
    other.execute("BEGIN IMMEDIATE")
    opened.release(reservation) if is_release else opened.settle(reservation, 300)
    opened.settle(reservation, 200)
    other.close()
    assert committed(opened) == (400, 1)
    with pytest.raises(OverBudget):
        opened.reserve("t", 1000, "")
    assert committed(opened) == ((200, 1) if is_release else (300, 1))
    assert budget(store).calls("t")[0].state == "settled"


def test_rows_tell_when_a_call_ended(store: Store) -> None:
    clock = Clock()
    opened = budget(store, WIDE, clock)
    reservation = opened.reserve("t", 400, "")
    clock.now += 2.5
    opened.settle(reservation, 1)
    (call,) = opened.calls("t")
    assert call.ended_at is not None
    took = datetime.fromisoformat(call.ended_at) - datetime.fromisoformat(call.at)
    assert took == timedelta(seconds=2.5)


def test_an_expired_call_found_to_be_free_is_released(store: Store) -> None:
    clock = Clock()
    opened = budget(store, day(100), clock)
    late = opened.reserve("t", 100, "")
    clock.now += AGE_S
    opened.reserve("t", 50, "")
    opened.release(late)
    assert (committed(opened), opened.state("t").n_expired) == ((50, 1), 0)


def test_the_first_of_a_month_belongs_to_it(store: Store) -> None:
    clock = Clock(datetime(2026, 12, 1, tzinfo=UTC).timestamp())
    opened = budget(store, WIDE, clock)
    opened.settle(opened.reserve("t", 100, ""), 100)
    clock.now += DAY_S
    month = opened.state("t").month
    assert (month.start.isoformat(), month.total.spent_micros) == ("2026-12-01", 100)
