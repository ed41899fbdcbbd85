"""Which segments leave the house, and which rows lack what a statistic needs."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest

from gateway.errors import Misuse, SourceError
from gateway.flow.segment import minimum_cohort, missing_values, number_segments, terms_of
from gateway.route.agreement import AgreementBinding, Column, ColumnType, Measure, Statistic
from gateway.route.cohort import SourceRows
from gateway.route.job import AuthorizedJob
from tests.unit.gateway.disclosure.runs import terms_of as agreed

SPEND = Column("spend", "purchase", ColumnType.NUMBER, Decimal(0), Decimal(10), 0, 0)
AGE = Column("age", "profile", ColumnType.NUMBER, Decimal(0), Decimal(120), 0, 0)
CHANNEL = Column("channel", "profile", ColumnType.CATEGORY, None, None, 0, 9)


def job(own: int = 0, **changes: Any) -> AuthorizedJob:
    measures = (
        Measure("spend", (), Decimal(1), ((Statistic.SUM, Decimal(0)),)),
        Measure("age", (), Decimal(1), ((Statistic.SUM, Decimal(0)), (Statistic.PRESENT, Decimal(0)))),
        Measure("channel", ("web",), Decimal(1), ((Statistic.SHARE, Decimal(0)),)),
    )
    terms = replace(agreed(), measures=measures, **changes)
    binding = AgreementBinding("a", "d", "s", "customer", (), (), "arm", own)
    return cast(AuthorizedJob, SimpleNamespace(agreement=SimpleNamespace(aggregate=terms), binding=binding))


def arms(**sizes: int) -> pa.Array:
    return pa.array([name for name, size in sizes.items() for _ in range(size)], pa.string())


def everyone(names: pa.Array) -> np.ndarray:
    return np.ones(len(names), dtype=bool)


def test_segments_are_numbered_by_name_and_small_ones_stay_at_home() -> None:
    names = arms(zulu=20, one=1, alpha=30, mid=19)
    kept, number = number_segments(job(), names, everyone(names))
    assert kept == ("alpha", "zulu")
    assert number.tolist() == [1] * 20 + [-1] + [0] * 30 + [-1] * 19


def test_only_those_whom_consent_lets_in_make_a_segment_large_enough() -> None:
    names = arms(a=25, b=25)
    allowed = everyone(names)
    allowed[:6] = False
    kept, number = number_segments(job(), names, allowed)
    assert kept == ("b",)
    assert set(number[:25].tolist()) == {-1}


def test_our_own_minimum_counts_where_it_is_stricter() -> None:
    names = arms(a=25, b=40)
    assert number_segments(job(own=30), names, everyone(names))[0] == ("b",)
    assert number_segments(job(own=3), names, everyone(names))[0] == ("a", "b")
    assert (minimum_cohort(job(own=30)), minimum_cohort(job(own=3))) == (30, 20)


def test_more_segments_than_agreed_are_refused_and_small_ones_do_not_count() -> None:
    names = arms(a=20, b=20, c=20, d=5)
    with pytest.raises(SourceError) as caught:
        number_segments(job(segments=2), names, everyone(names))
    assert caught.value.reason == "BAD_ROW"
    assert "3 segments" in str(caught.value)
    assert number_segments(job(segments=3), names, everyone(names))[0] == ("a", "b", "c")


def test_nobody_makes_no_segment() -> None:
    kept, number = number_segments(job(), pa.array([], pa.string()), np.zeros(0, dtype=bool))
    assert (kept, number.tolist()) == ((), [])


def test_a_row_lacks_a_number_unless_the_agreement_lets_it_be_absent() -> None:
    values = pa.table(
        {
            "spend": pa.array([Decimal(1), None, Decimal(3), None], pa.decimal128(18, 0)),
            "age": pa.array([None, Decimal(2), None, None], pa.decimal128(18, 0)),
            "channel": pa.array([None, "web", None, "app"]),
        }
    )
    source = SourceRows(pa.array(list("abcd")), pa.array(list("abcd")), values, 4, {}, 0)
    # Age has `present`, a missing word counts as none of the words; spend must be there.
    assert missing_values(job(), source, (SPEND, AGE, CHANNEL)).tolist() == [False, True, False, True]
    assert not missing_values(job(), source, (AGE, CHANNEL)).any()


def test_a_job_without_terms_is_a_bug() -> None:
    with pytest.raises(Misuse):
        terms_of(cast(AuthorizedJob, SimpleNamespace(agreement=SimpleNamespace(aggregate=None))))
