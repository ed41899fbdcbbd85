from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dataset.source import Source
from gateway.dataset.value import parse
from gateway.errors import SourceError
from gateway.route.agreement import Column, ColumnType
from tests.unit.gateway.dataset.files import BAND, RECENCY

SOURCE = Source("customers", Path("customers.csv"))


def number(scale: int, low: str | None = None, high: str | None = None) -> Column:
    bounds = [None if bound is None else Decimal(bound) for bound in (low, high)]
    return Column("n", "c", ColumnType.NUMBER, bounds[0], bounds[1], scale, 0)


def parsed(values: list[Any] | pa.Array[Any], column: Column) -> tuple[list[Any], list[bool]]:
    array = values if isinstance(values, pa.Array) else pa.array(values, pa.string())
    result = parse(SOURCE, "n", array, column)
    result.values.validate(full=True)
    assert not result.clipped.any()
    return result.values.to_pylist(), result.bad.tolist()


def test_written_numbers() -> None:
    good = ["0", "-0", "007", " 1.5 ", "1.50", "1.500", "-5", "-5.00", "1000.5", "1000.50"]
    values, bad = parsed(good, RECENCY)
    assert values == [Decimal(text.strip()) for text in good]
    assert not any(bad)
    assert parse(SOURCE, "n", pa.array(good), RECENCY).values.type == pa.decimal128(18, 2)


def test_empty_values_are_null_and_not_bad() -> None:
    for column in (RECENCY, BAND):
        assert parsed([None, "", "  ", "\u3000"], column) == ([None] * 4, [False] * 4)


@pytest.mark.parametrize(
    "text",
    [
        *["1.505", "-5.01", "1000.51", "1,000", "1e2", "+1", "1.", ".5", "--1", "0x10", "NaN", "inf", "n/a"],
        *["١", "１", "1 0", "1.5\n2", "1" * 17, "9" * 40],
    ],
)
def test_bad_numbers(text: str) -> None:
    assert parsed([text], RECENCY) == ([None], [True])


def test_text_by_bytes_and_without_control_characters() -> None:
    values = [" gold ", "2) $100", "金" * 4, "金" * 5, "x" * 12, "x" * 13, "a\nb", "a\x00"]
    assert parsed(values, BAND) == (
        ["gold", "2) $100", "金" * 4, None, "x" * 12, None, None, None],
        [False, False, False, True, False, True, True, True],
    )


def test_numbers_of_every_arrow_type() -> None:
    column = number(2)
    for array, values in (
        (pa.array([1, -2, None]), ["1", "-2", None]),
        (pa.array([2**64 - 1, 5], pa.uint64()), [None, "5"]),
        (pa.array([10**15, 10**16, -(10**16), 10**16 - 1]), ["1e15", None, None, "9999999999999999"]),
        (pa.array([0.1, 0.29, 1.005, np.nan, 3.0, None, np.inf]), ["0.1", "0.29", None, None, "3", None, None]),
        (pa.array([0.5, 0.25], pa.float32()), ["0.5", "0.25"]),
        (pa.array([Decimal("1.50"), Decimal("1.505"), None]), ["1.50", None, None]),
        (pa.array([Decimal("0.00000010")], pa.decimal128(38, 8)), [None]),
        (pa.array([Decimal("12345678901234567890")], pa.decimal128(38, 18)), [None]),
        (pa.array([Decimal(7)], pa.decimal128(3, 0)), ["7"]),
    ):
        got, bad = parsed(array, column)
        assert got == [None if value is None else Decimal(value) for value in values], array.type
        absent = [value is None or value != value for value in array.to_pylist()]
        assert bad == [value is None and not gone for value, gone in zip(got, absent, strict=True)], array.type


def test_small_decimals_that_print_with_an_exponent() -> None:
    array = pa.array([Decimal("0.0000001"), Decimal(0)], pa.decimal128(20, 9))
    assert parsed(array, number(9)) == ([Decimal("0.0000001"), Decimal(0)], [False, False])


def test_categories_of_other_types() -> None:
    assert parsed(pa.array([True, None]), BAND) == (["true", None], [False, False])
    assert parsed(pa.array([3, 4]), BAND) == (["3", "4"], [False, False])
    with pytest.raises(SourceError, match="column n"):
        parsed(pa.array([[1]]), BAND)


def test_a_slice_is_read_from_its_own_offset() -> None:
    for array in (pa.array(["9", "1", "2"]), pa.array([9, 1, 2]), pa.array([9.0, 1.0, 2.0])):
        assert parsed(array.slice(1), number(0))[0] == [1, 2]


@given(
    st.lists(
        st.one_of(
            st.from_regex(r"-?[0-9]{1,20}(\.[0-9]{1,12})?", fullmatch=True), st.text("0123456789.-eE+ ", max_size=9)
        )
    ),
    st.integers(0, 9),
    st.tuples(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6)),
)
def test_written_numbers_agree_with_python_decimals(texts: list[str], scale: int, ends: tuple[int, int]) -> None:
    low, high = sorted(ends)
    values, bad = parsed(texts, number(scale, str(low), str(high)))
    for text, value, refused in zip(texts, values, bad, strict=True):
        kept = text.strip()
        expected = None
        if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", kept):
            exact = Decimal(kept)
            if low <= exact <= high and exact == round(exact, scale):
                expected = exact
        if len(kept) <= 20:  # beyond, more zeros than anybody writes are refused too
            assert (value, refused) == (expected, bool(kept) and expected is None)
        assert value is None or value == expected


@given(st.lists(st.text("0123456789.-", max_size=14), max_size=3), st.integers(0, 9))
def test_short_numbers_are_judged_alike_alone_and_among_others(texts: list[str], scale: int) -> None:
    # A text that is no number sends the whole column another way.
    values, bad = parsed(texts, number(scale))
    slowly, refused = parsed([*texts, "1e0"], number(scale))
    assert (values, bad) == (slowly[:-1], refused[:-1])
    for text, value, wrong in zip(texts, values, bad, strict=True):
        whole, _, fraction = text.removeprefix("-").partition(".")
        written = bool(re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text))
        fits = len(whole.lstrip("0")) <= 18 - scale and len(fraction.rstrip("0")) <= scale
        assert wrong == (bool(text) and not (written and fits))
        assert value == (Decimal(text) if text and not wrong else None)


@pytest.mark.parametrize(
    "type_", [pa.int8(), pa.int64(), pa.uint64(), pa.decimal128(20, 0), pa.decimal256(40, 0)], ids=str
)
def test_whole_numbers_of_any_width(type_: pa.DataType) -> None:
    values, bad = parsed(pa.array([-7 if type_ not in (pa.uint64(),) else 7, None, 120], type_), number(9))
    assert (values[1:], bad) == ([None, Decimal(120)], [False] * 3)
    assert parsed(pa.array([None, None], type_), number(9)) == ([None, None], [False, False])
    assert parsed(pa.array([], type_), number(9)) == ([], [])


@given(st.lists(st.integers(-(10**14), 10**14)), st.integers(0, 9))
def test_a_float_is_the_decimal_that_it_is_nearest_to(scaled: list[int], scale: int) -> None:
    floats = pa.array([value / 10**scale for value in scaled], pa.float64())
    values, bad = parsed(floats, number(scale))
    assert values == [Decimal(value).scaleb(-scale) for value in scaled]
    assert not any(bad)


# ---- clipping --------------------------------------------------------------------------------------------------


def clipped(values: list[Any] | pa.Array[Any], column: Column) -> tuple[list[Any], list[bool], list[bool]]:
    array = values if isinstance(values, pa.Array) else pa.array(values, pa.string())
    result = parse(SOURCE, "n", array, column, clip=True)
    result.values.validate(full=True)
    return result.values.to_pylist(), result.bad.tolist(), result.clipped.tolist()


def test_numbers_outside_the_bounds_become_the_nearer_bound() -> None:
    values, bad, moved = clipped(["-5.01", "-5", "1000.5", "1000.51", "99999999", None], RECENCY)
    assert values == [Decimal(-5), Decimal(-5), Decimal("1000.5"), Decimal("1000.5"), Decimal("1000.5"), None]
    assert moved == [True, False, False, True, True, False]
    assert not any(bad)


@pytest.mark.parametrize("text", ["1.505", "9999.999", "9" * 17, "9" * 40, "1e9", "inf", "n/a"])
def test_clipping_makes_no_number_of_what_is_none(text: str) -> None:
    assert clipped([text], RECENCY) == ([None], [True], [False])


@pytest.mark.parametrize("values", [pa.array([-7.25, 2e3, float("inf")]), pa.array([-7, 2000, 2**62], pa.int64())])
def test_stored_numbers_are_clipped_alike(values: pa.Array[Any]) -> None:
    low, high = Decimal(-5), Decimal("1000.5")
    assert clipped(values, RECENCY) == ([low, high, None], [False, False, True], [True, True, False])


def test_absent_numbers_are_not_clipped_into_bounds_without_zero() -> None:
    assert clipped(["", "x", "6"], number(0, "5", "9")) == ([None, None, Decimal(6)], [False, True, False], [False] * 3)


def test_text_is_never_clipped() -> None:
    assert clipped(["much too long a band", "a"], BAND) == ([None, "a"], [True, False], [False, False])


@given(st.lists(st.decimals(-(10**12), 10**12, places=2), max_size=20))
def test_clipping_is_what_min_and_max_are(values: list[Decimal]) -> None:
    low, high = Decimal("-5"), Decimal("1000.5")
    found, bad, moved = clipped([f"{value:f}" for value in values], RECENCY)
    assert found == [min(max(value, low), high) for value in values]
    assert moved == [not low <= value <= high for value in values]
    assert not any(bad)
