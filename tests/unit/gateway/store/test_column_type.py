from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Misuse
from gateway.store.column_type import from_micros, to_micros


def test_the_epoch_is_zero_and_a_microsecond_is_one() -> None:
    assert to_micros(datetime(1970, 1, 1, tzinfo=UTC)) == 0
    assert to_micros(datetime(1970, 1, 1, 8, 0, 0, 1, tzinfo=timezone(timedelta(hours=8)))) == 1
    assert to_micros(datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)) == -1


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_moment_comes_back_to_the_microsecond(at: datetime) -> None:
    assert from_micros(to_micros(at)) == at


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_earlier_is_less(one: datetime, other: datetime) -> None:
    assert (one < other) == (to_micros(one) < to_micros(other))


def test_a_time_without_a_zone_is_a_bug() -> None:
    with pytest.raises(Misuse, match="zone"):
        to_micros(datetime(2026, 1, 1))
