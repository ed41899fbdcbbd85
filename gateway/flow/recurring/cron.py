"""Due times of a schedule: five cron fields read in the local time of an IANA time zone.

Over the edges of summer time as Debian's cron: a time that the clock leaves out is due at the end of the gap, one that
it shows twice is due at its first; what runs every so many minutes or every hour goes by real time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from gateway.errors import RequestError

FIELDS = 5


def next_due(cron: str, time_zone: str, after: datetime) -> datetime:
    """Return the first due time strictly after a time.

    Args:
        cron: minute, hour, day of month, month, day of week.
        time_zone: IANA name, e.g. Asia/Shanghai.
        after: with a zone.

    Raises:
        RequestError: BAD_FIELD for an expression or a zone that is none, or that has no due time any more.
    """
    for due in _dues(cron, time_zone, after):
        return due
    raise RequestError("BAD_FIELD", "schedule.cron: no time fits it within fifty years; correct its days and months")


def due_until(
    cron: str, time_zone: str, first: datetime, now: datetime, most: int
) -> tuple[list[datetime], int, datetime]:
    """Return what is due by now.

    Args:
        cron: as of `next_due`.
        time_zone: as of `next_due`.
        first: a due time.
        now: not before it.
        most: how many are wanted.

    Returns:
        The newest due times, ascending; how many there are in all; the next one.
    """
    newest, count = deque([first], most), 1
    for due in _dues(cron, time_zone, first):
        if due > now:
            return list(newest), count, due
        newest.append(due)
        count += 1
    raise RequestError("BAD_FIELD", "schedule.cron: it has no due time any more; delete the schedule")


def _dues(cron: str, time_zone: str, after: datetime) -> Iterator[datetime]:
    if len(cron.split()) != FIELDS:
        raise RequestError("BAD_FIELD", 'schedule.cron: must have five fields, e.g. "30 2 * * *" for half past two')
    try:
        zone = ZoneInfo(time_zone)
    except (ValueError, OSError) as error:  # not found is a KeyError of its own
        raise _no_zone() from error
    except KeyError as error:
        raise _no_zone() from error
    try:
        found = CronSim(cron, after.astimezone(zone))
    except (CronSimError, AssertionError, ValueError, TypeError) as error:
        said = f" ({error})" if isinstance(error, CronSimError) else ""
        raise RequestError("BAD_FIELD", f"schedule.cron: is no cron expression{said}; see `man 5 crontab`") from error
    # Naive local times between the two hours that the clock shows twice come out as the first of them, perhaps past.
    for due in found:
        at = due.astimezone(UTC)
        if at > after:
            yield at


def _no_zone() -> RequestError:
    return RequestError("BAD_FIELD", "schedule.time_zone: is no IANA time zone, e.g. Asia/Shanghai")
