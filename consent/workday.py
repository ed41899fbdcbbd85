"""Deadlines in working days (工作日), as the rules on rights requests count them.

Monday to Friday, less the holidays that the house lists; days are those of China, which has no summer
time. The first day of a period does not count (Civil Code 201), and its last day counts whole.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta

from consent.policy import CHINA_STANDARD_TIME as CHINA

SATURDAY = 5

DEADLINE_DAYS = 15
"""A policy: the law says "timely" (PIPL 45 to 50); the draft App rules of 2026 say 15 working days."""


def is_working_day(day: date, holidays: Collection[date] = ()) -> bool:
    """Return whether people work on a day."""
    return day.weekday() < SATURDAY and day not in holidays


def due_after(start: datetime, days: int, holidays: Collection[date] = ()) -> datetime:
    """Return the first moment after a period of working days.

    Args:
        start: what begins the period, aware.
        days: working days, at least 1.
        holidays: days that are none, beside the weekends.

    Returns:
        Midnight in China after the last working day, in UTC; the last moment there is where the calendar ends.
    """
    left = days
    try:
        day = start.astimezone(CHINA).date()
        while left:
            day += timedelta(days=1)
            left -= is_working_day(day, holidays)
        return datetime.combine(day + timedelta(days=1), time.min, CHINA).astimezone(UTC)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)
