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
from gateway.psi.attributes import encode
from gateway.route.agreement import AgreementBinding, Column, ColumnType, Measure, Statistic
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


def numbered(asked: AuthorizedJob, **people: int) -> tuple[tuple[str, ...], list[int]]:
    kept, number = number_segments(asked, list(people), np.array(list(people.values()), dtype=np.int64))
    return kept, number.tolist()


def test_segments_are_numbered_by_name_and_small_ones_stay_at_home() -> None:
    assert numbered(job(), zulu=20, one=1, alpha=30, mid=19) == (("alpha", "zulu"), [1, -1, 0, -1])


def test_our_own_minimum_counts_where_it_is_stricter() -> None:
    assert numbered(job(own=30), a=25, b=40)[0] == ("b",)
    assert numbered(job(own=3), a=25, b=40)[0] == ("a", "b")
    assert (minimum_cohort(job(own=30)), minimum_cohort(job(own=3))) == (30, 20)


def test_more_segments_than_agreed_are_refused_and_small_ones_do_not_count() -> None:
    with pytest.raises(SourceError) as caught:
        numbered(job(segments=2), a=20, b=20, c=20, d=5)
    assert caught.value.reason == "BAD_ROW"
    assert "3 segments" in str(caught.value)
    assert numbered(job(segments=3), a=20, b=20, c=20, d=5)[0] == ("a", "b", "c")


def test_nobody_makes_no_segment() -> None:
    assert numbered(job()) == ((), [])


def test_a_row_lacks_a_number_unless_the_agreement_lets_it_be_absent() -> None:
    values = pa.table(
        {
            "spend": pa.array([Decimal(1), None, Decimal(3), None], pa.decimal128(18, 0)),
            "age": pa.array([None, Decimal(2), None, None], pa.decimal128(18, 0)),
            "channel": pa.array([None, "web", None, "app"]),
        }
    )
    columns = (SPEND, AGE, CHANNEL)
    # Age has `present`, a missing word counts as none of the words; spend must be there.
    assert missing_values(job(), encode(values, columns), columns).tolist() == [False, True, False, True]
    assert not missing_values(job(), encode(values, columns[1:]), columns[1:]).any()


def test_a_job_without_terms_is_a_bug() -> None:
    with pytest.raises(Misuse):
        terms_of(cast(AuthorizedJob, SimpleNamespace(agreement=SimpleNamespace(aggregate=None))))
