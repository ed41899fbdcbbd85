"""Deadlines in working days, in China's calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.workday import CHINA, due_after, is_working_day

FRIDAY = datetime(2026, 11, 20, 9, tzinfo=CHINA)


@pytest.mark.parametrize(
    ("start", "days", "holidays", "due"),
    [
        (FRIDAY, 1, (), date(2026, 11, 24)),  # Monday counts whole
        (FRIDAY, 5, (), date(2026, 11, 28)),
        (FRIDAY, 15, (), date(2026, 12, 12)),
        (FRIDAY, 1, (date(2026, 11, 23),), date(2026, 11, 25)),
        (FRIDAY, 1, (date(2026, 11, 21),), date(2026, 11, 24)),  # a holiday on a Saturday changes nothing
        (FRIDAY + timedelta(days=1), 1, (), date(2026, 11, 24)),
        # Thursday in UTC, Friday in China.
        (datetime(2026, 11, 19, 17, tzinfo=UTC), 1, (), date(2026, 11, 24)),
    ],
)
def test_due_times(start: datetime, days: int, holidays: tuple[date, ...], due: date) -> None:
    assert due_after(start, days, holidays) == datetime(due.year, due.month, due.day, tzinfo=CHINA)


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    st.integers(1, 60),
    st.frozensets(st.dates(date(2000, 1, 1), date(2100, 12, 31)), max_size=20),
)
def test_so_many_working_days_lie_between(start: datetime, days: int, holidays: frozenset[date]) -> None:
    due = due_after(start, days, holidays)
    first, last = start.astimezone(CHINA).date(), due.astimezone(CHINA).date()
    between = [first + timedelta(days=number) for number in range(1, (last - first).days)]
    assert sum(is_working_day(day, holidays) for day in between) == days
    assert is_working_day(between[-1], holidays), "the last day of a period is a working day"
    assert due.astimezone(CHINA).time() == datetime.min.time()


def test_the_end_of_the_calendar_is_no_error() -> None:
    for start in (datetime.max.replace(tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)):
        assert due_after(start, 15) == datetime.max.replace(tzinfo=UTC)
