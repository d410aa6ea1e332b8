"""A stretch of days as people name it: two dates and a time zone. Knows no events."""

from __future__ import annotations

import re
import zoneinfo
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo

from aion.errors import InvalidRequest
from aion.store.metrics import Stretch

DEFAULT_DAYS = 30
MAX_DAYS = 3660
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_OFFSET = re.compile(r"([+ -])(\d{2}):?(\d{2})", re.ASCII)  # a plus sign in a URL arrives as a blank


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days from `first` to `last`, both counted, as they are cut in the zone `tz`."""

    first: date
    last: date
    tz: str
    days: tuple[Stretch, ...]

    @property
    def start(self) -> str:
        """When it begins: UTC, as the log has it."""
        return self.days[0].first

    @property
    def end(self) -> str:
        """When it is over."""
        return self.days[-1].end


def period(first: str | None = None, last: str | None = None, tz: str | None = None) -> Period:
    """The days from `first` to `last`, ISO dates; without them the last 30 days, today among them.

    `tz` is "UTC" (the default), an offset as +01:00, or a name as Europe/Lisbon, whose days are those of its
    clocks: 23 hours long when summer time begins. Raises InvalidRequest that names `from`, `to` or `tz`.
    """
    tz = tz or "UTC"
    zone = _zone(tz)
    end = _date("to", last) if last else datetime.now(zone).date()
    begin = _date("from", first) if first else max(date.min, end - timedelta(days=DEFAULT_DAYS - 1))
    if begin > end:
        raise InvalidRequest(f"from is {begin}, after to, which is {end}; turn them round.", param="from")
    n_days = (end - begin).days + 1
    if n_days > MAX_DAYS:
        raise InvalidRequest(
            f"from {begin} to {end} is {n_days} days; ask for {MAX_DAYS} at most.", param="from"
        )
    days = tuple(_day(begin + timedelta(days=n), zone) for n in range(n_days))
    return Period(begin, end, tz.replace(" ", "+"), days)


def _date(param: str, given: str) -> date:
    try:
        if not _DATE.fullmatch(given):
            raise ValueError(given)
        found = date.fromisoformat(given)
        if not 1970 <= found.year <= 9000:
            raise ValueError(given)
    except ValueError as error:
        raise InvalidRequest(
            f"{param} is {given[:80]!r}; write a date as 2026-01-31.", param=param
        ) from error
    return found


def _zone(given: str) -> tzinfo:
    if offset := _OFFSET.fullmatch(given):
        sign, hours, minutes = offset.groups()
        shift = timedelta(hours=int(hours), minutes=int(minutes))
        if shift < timedelta(hours=24) and int(minutes) < 60:
            return timezone(-shift if sign == "-" else shift)
    elif given in ("UTC", "Z"):
        return UTC
    try:
        return zoneinfo.ZoneInfo(given)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidRequest(
            f"tz is {given[:80]!r}; give UTC, an offset as +01:00 or a zone that this machine knows, "
            "as Europe/Lisbon.",
            param="tz",
        ) from error


def _day(day: date, zone: tzinfo) -> Stretch:
    return Stretch(day.isoformat(), _instant(day, zone), _instant(day + timedelta(days=1), zone))


def _instant(day: date, zone: tzinfo) -> str:
    begins = datetime.combine(day, time.min, zone).astimezone(UTC)
    return begins.strftime("%Y-%m-%dT%H:%M:%S.000Z")
