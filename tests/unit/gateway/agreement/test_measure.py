from __future__ import annotations

from typing import Any

import pytest

from gateway.agreement.agreement import agreement_of
from gateway.errors import RequestError
from gateway.route.agreement import Measure
from tests.unit.gateway.agreement.samples import document, statistics_document, terms

RECENCY, CHANNEL = terms()["measures"]
NUMBER, TEXT = document()["columns"]


def read(recency: dict[str, Any], channel: dict[str, Any] | None = None, **column: Any) -> tuple[Measure, ...]:
    made = statistics_document(terms(measures=[RECENCY | recency, CHANNEL | (channel or {})]))
    made["columns"][0] |= column
    found = agreement_of(made).aggregate
    assert found is not None
    return found.measures


def refused(recency: dict[str, Any], channel: dict[str, Any] | None = None, **column: Any) -> str:
    with pytest.raises(RequestError) as caught:
        read(recency, channel, **column)
    return caught.value.message


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"column": "income"}, "column names a column that the agreement does not define"),
        ({"column": "channel"}, "values"),
        ({"values": ["1"]}, "values must be a list of 0 to 0"),
        ({"step": "0"}, "step must be a multiple of 0.01"),
        ({"step": "0.001"}, "step must be a multiple of 0.01"),
        ({"step": "-1"}, "step"),
        ({"step": 1}, "step"),
        ({"epsilon": {}}, "epsilon must give an epsilon for one or more of sum, sum_of_squares, present"),
        ({"epsilon": {"share": "1"}}, "epsilon must give an epsilon for one or more of sum"),
        ({"epsilon": {"sum": "1", "median": "1"}}, "epsilon must give"),
        ({"epsilon": "1"}, "epsilon must be an object"),
        ({"epsilon": {"sum": "0"}}, "epsilon.sum must be greater than 0"),
        ({"epsilon": {"sum": "11"}}, "epsilon.sum must be greater than 0 and at most 10"),
        ({"epsilon": {"sum": 1}}, "epsilon.sum must be a decimal number as text"),
        ({"statistics": ["sum"]}, "has 1 unknown"),
    ],
)
def test_a_bad_measure_of_a_number(changes: dict[str, Any], named: str) -> None:
    assert f"aggregate.measures[0].{named}".replace("].has", "] has") in refused(changes).replace("].has", "] has")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"column": "recency"}, "column has a measure already"),
        ({"values": []}, "values must be a list of 1 to 64"),
        ({"values": [f"v{n}" for n in range(65)]}, "values must be a list of 1 to 64"),
        ({"values": ["web", "web"]}, "values[1] repeats"),
        ({"values": ["web", " phone"]}, "values[1] must be a word"),
        ({"values": [""]}, "values[0] must be a word"),
        ({"values": [1]}, "values[0] must be a word"),
        ({"values": ["a\u200bb"]}, "values[0] holds control or invisible"),
        ({"values": ["中文中文中文"]}, "values[0] is longer than the column's max_bytes of 16"),
        ({"step": "0.5"}, "step must be 1"),
        ({"epsilon": {"sum": "1"}}, "epsilon must give an epsilon for one or more of share"),
    ],
)
def test_a_bad_measure_of_a_text(changes: dict[str, Any], named: str) -> None:
    assert f"aggregate.measures[1].{named}" in refused({}, changes)


def test_a_measure_per_column_and_no_more() -> None:
    with pytest.raises(RequestError, match=r"aggregate.measures must be a list of 0 to 2"):
        agreement_of(statistics_document(terms(measures=[RECENCY, CHANNEL, RECENCY])))


def test_sixty_four_values_and_a_whole_step() -> None:
    assert len(read({"step": "5"}, {"values": [f"v{n}" for n in range(64)]})[1].values) == 64


def test_a_flag_is_its_own_square() -> None:
    flag = {"min": "0", "max": "1", "scale": 0}
    assert "epsilon.sum_of_squares is the sum itself" in refused({"step": "1"}, **flag)
    assert len(read({"step": "1", "epsilon": {"sum": "1", "present": "1"}}, **flag)[0].epsilon) == 2
    # Not a flag: it has decimals, or another bound.
    assert len(read({"step": "0.1"}, **flag | {"scale": 1})[0].epsilon) == 2
    assert len(read({"step": "1"}, **flag | {"min": "-1"})[0].epsilon) == 2


def test_squares_fit_63_bits() -> None:
    assert len(read({"step": "1"}, min="-3037000499", max="0", scale=0)[0].epsilon) == 2
    for bounds in ({"min": "-3037000500", "max": "0"}, {"min": "0", "max": "3037000500"}):
        message = refused({"step": "1"}, **bounds, scale=0)
        assert "epsilon.sum_of_squares needs values of at most 3037000499" in message
    assert read({"step": "1", "epsilon": {"sum": "1"}}, min="0", max="999999999999", scale=0)
    assert "sum_of_squares needs" in refused({}, min="0", max="999999999", scale=2)


def test_bounds_of_zero_leave_nothing_to_add() -> None:
    assert "epsilon.sum adds up a column whose min and max are the same" in refused({}, min="0", max="0")
    assert "whose min and max are the same" in refused({}, min="1", max="1")


def test_no_message_repeats_what_a_stranger_wrote() -> None:
    secret = "13800138000"
    for changes in ({"column": secret}, {"epsilon": {secret: "1"}}, {"step": secret + "x"}, {secret: 1}):
        assert secret not in refused(changes)
    assert secret not in refused({}, {"values": [secret + " "]})
