"""Due times over the edges of summer time, and what is no expression."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import RequestError
from gateway.flow.recurring.cron import due_until, next_due

BERLIN = "Europe/Berlin"  # summer time 2026: 29 March 02:00 to 25 October 03:00
YEAR = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))
EXPRESSIONS = st.sampled_from(
    ["30 2 * * *", "0 3 * * *", "30 * * * *", "*/20 * * * *", "15 1-3 * * 0", "0 2,3 29 * *", "59 23 L * *"]
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def dues(cron: str, zone: str, after: str, count: int) -> list[datetime]:
    found, last = [], at(after)
    for _ in range(count):
        last = next_due(cron, zone, last)
        found.append(last)
    return found


def test_local_time_of_a_zone_without_summer_time() -> None:
    assert dues("30 2 * * 1-5", "Asia/Shanghai", "2026-11-20T12:00+08:00", 2) == [
        at("2026-11-23T02:30+08:00"),
        at("2026-11-24T02:30+08:00"),
    ]


def test_a_time_that_the_clock_leaves_out_is_due_once_at_the_end_of_the_gap() -> None:
    assert dues("30 2 * * *", BERLIN, "2026-03-28T12:00+01:00", 2) == [
        at("2026-03-29T03:00+02:00"),
        at("2026-03-30T02:30+02:00"),
    ]


def test_a_time_that_the_clock_shows_twice_is_due_once() -> None:
    assert dues("30 2 * * *", BERLIN, "2026-10-24T12:00+02:00", 2) == [
        at("2026-10-25T02:30+02:00"),
        at("2026-10-26T02:30+01:00"),
    ]
    # Asked between the two, it is not due again.
    assert next_due("30 2 * * *", BERLIN, at("2026-10-25T02:15+01:00")) == at("2026-10-26T02:30+01:00")
    assert next_due("30 2 * * *", BERLIN, at("2026-10-25T02:45+02:00")) == at("2026-10-26T02:30+01:00")


def test_every_hour_goes_by_real_time() -> None:
    assert dues("30 * * * *", BERLIN, "2026-10-25T01:00+02:00", 4) == [
        at("2026-10-25T01:30+02:00") + hours * timedelta(hours=1) for hours in range(4)
    ]
    assert dues("0 * * * *", BERLIN, "2026-03-29T00:30+01:00", 3) == [
        at("2026-03-29T01:00+01:00") + hours * timedelta(hours=1) for hours in range(3)
    ]


@settings(max_examples=30)
@given(EXPRESSIONS, YEAR)
def test_due_times_ascend_and_say_what_the_expression_says(cron: str, after: datetime) -> None:
    due = next_due(cron, BERLIN, after)
    assert due > after
    # From any moment before it the same one is next: no state is needed but the last due time.
    assert next_due(cron, BERLIN, due - timedelta(microseconds=1)) == due
    assert next_due(cron, BERLIN, after + (due - after) / 2) == due
    assert due.astimezone(ZoneInfo(BERLIN)).second == 0


@settings(max_examples=30)
@given(EXPRESSIONS, YEAR, st.integers(1, 40), st.integers(1, 31))
def test_what_is_due_is_every_due_time_once(cron: str, after: datetime, count: int, most: int) -> None:
    expected, last = [], after
    for _ in range(count):
        last = next_due(cron, BERLIN, last)
        expected.append(last)
    newest, found, following = due_until(cron, BERLIN, expected[0], expected[-1], most)
    assert (newest, found) == (expected[-most:], count)
    assert following == next_due(cron, BERLIN, expected[-1])


@pytest.mark.parametrize(
    "cron",
    ["", "* * * *", "* * * * * *", "60 * * * *", "0 24 * * *", "0 0 31 2 *", "a b c d e", "*/0 * * * *", "@daily",
     "MON#1/2 * * * *", "0 0 L-3 * *", "0 0 1-0 * *", "1,,2 * * * *", "0 0 0 * *", "0 0 * 13 *", "0 0 * * 8",
     "\uff10 * * * *"],
)  # fmt: skip
def test_what_is_no_expression_is_named(cron: str) -> None:
    with pytest.raises(RequestError, match=r"schedule\.cron"):
        next_due(cron, BERLIN, at("2026-01-01T00:00+00:00"))


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../etc/passwd", "/etc/localtime", "CST+8", "a" * 300, "UTC\0"])
def test_what_is_no_zone_is_named(zone: str) -> None:
    with pytest.raises(RequestError, match=r"schedule\.time_zone"):
        next_due("0 0 * * *", zone, at("2026-01-01T00:00+00:00"))
