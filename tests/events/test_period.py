from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aion.errors import InvalidRequest
from aion.events.period import period


def test_both_days_count() -> None:
    found = period("2026-01-30", "2026-02-01")
    assert [day.name for day in found.days] == ["2026-01-30", "2026-01-31", "2026-02-01"]
    assert (found.start, found.end) == ("2026-01-30T00:00:00.000Z", "2026-02-02T00:00:00.000Z")


def test_without_dates_it_is_the_last_thirty_days() -> None:
    today = datetime.now(UTC).date()
    found = period()
    assert (found.last - found.first) == timedelta(days=29)
    assert found.last in (today, today + timedelta(days=1))  # midnight may fall between


@pytest.mark.parametrize(
    ("tz", "start"),
    [
        ("+01:00", "2026-01-29T23:00:00.000Z"),
        (" 01:00", "2026-01-29T23:00:00.000Z"),  # a plus sign that a URL made a blank
        ("-0330", "2026-01-30T03:30:00.000Z"),
        ("America/Sao_Paulo", "2026-01-30T03:00:00.000Z"),
    ],
)
def test_days_begin_where_people_are(tz: str, start: str) -> None:
    found = period("2026-01-30", "2026-01-30", tz)
    assert (found.start, found.tz) == (start, tz.replace(" ", "+"))


def test_the_day_summer_time_begins_has_23_hours() -> None:
    (day,) = period("2026-03-29", "2026-03-29", "Europe/Lisbon").days
    assert (day.first, day.end) == ("2026-03-29T00:00:00.000Z", "2026-03-29T23:00:00.000Z")


@pytest.mark.parametrize(
    ("first", "last", "tz", "param", "said"),
    [
        ("2026-02-30", None, None, "from", "'2026-02-30'"),
        ("20260130", None, None, "from", "write a date as 2026-01-31"),
        (None, "yesterday", None, "to", "'yesterday'"),
        ("2026-02-02", "2026-02-01", None, "from", "turn them round"),
        ("1990-01-01", "2026-02-01", None, "from", "3660 at most"),
        (None, None, "Lisboa/Sintra", "tz", "'Lisboa/Sintra'"),
        (None, None, "../../etc/passwd", "tz", "Europe/Lisbon"),
        (None, None, "+25:00", "tz", "'+25:00'"),
        ("0001-01-01", "0001-01-02", None, "to", "write a date"),
    ],
)
def test_what_is_wrong_is_named(
    first: str | None, last: str | None, tz: str | None, param: str, said: str
) -> None:
    with pytest.raises(InvalidRequest) as raised:
        period(first, last, tz)
    assert raised.value.param == param
    assert said in raised.value.message
