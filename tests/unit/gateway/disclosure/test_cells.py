"""Decimal text of exact and derived figures."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR
from fractions import Fraction

import pytest

from gateway.disclosure.cells import CELLS, Cell, Shown, exact_text, significant_text, table_of
from gateway.disclosure.figure import Derived, Figure, total
from gateway.disclosure.rule import Verdict
from gateway.disclosure.spread import EXACT
from gateway.errors import Misuse


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (Fraction(5), 0, "5"),
        (Fraction(-5, 2), 0, "-2.5"),
        (Fraction(123, 10), 2, "12.30"),
        (Fraction(0), 2, "0.00"),
        (Fraction(10**40 + 1, 10**9), 9, f"{10**31}.000000001"),
        (Fraction(1, 8), 0, "0.125"),
    ],
)
def test_exact_figures_are_written_in_full(value: Fraction, places: int, text: str) -> None:
    assert exact_text(value, places) == text
    assert Fraction(text) == value


def test_what_is_no_decimal_fraction_is_not_passed_off_as_one() -> None:
    with pytest.raises(Misuse):
        exact_text(Fraction(1, 3))


def test_derived_figures_have_twelve_digits_and_no_exponent() -> None:
    assert significant_text(Fraction(1, 3)) == "0.333333333333"
    assert significant_text(Fraction(2, 3 * 10**9)) == "0.000000000666666666667"
    assert significant_text(Fraction(10**15, 3)) == "333333333333000"
    assert significant_text(Fraction(-1, 3), ROUND_FLOOR) == "-0.333333333334"
    assert significant_text(Fraction(-1, 3), ROUND_CEILING) == "-0.333333333333"


def test_intervals_are_rounded_outwards_unless_they_are_points() -> None:
    third = Fraction(1, 3)
    wide = Cell("a", "c", None, Shown.MEAN, Derived(third, third, 2 * third, 0.1))
    point = Cell("a", "c", None, Shown.MEAN, Derived(third, third, third, 0.0))
    open_ended = Cell("a", "c", None, Shown.LIFT, Derived(third, None, None, 0.1), None, "b", 0.5)
    rows = table_of([wide, point, open_ended]).to_pylist()
    assert [rows[0][name] for name in ("low", "value", "high")] == [
        "0.333333333333",
        "0.333333333333",
        "0.666666666667",
    ]
    assert {rows[1][name] for name in ("low", "value", "high")} == {"0.333333333333"}
    assert (rows[2]["low"], rows[2]["high"], rows[2]["against"], rows[2]["p_value"]) == (None, None, "b", 0.5)


def test_no_cells_are_an_empty_table() -> None:
    assert table_of([]).schema == CELLS


@pytest.mark.parametrize("shown", [(Figure(Fraction(1)), None), (None, 0.5)])
def test_a_suppressed_cell_cannot_be_written_with_a_figure(shown: tuple[Figure | None, float | None]) -> None:
    with pytest.raises(Misuse):
        table_of([Cell("a", None, None, Shown.COUNT, shown[0], Verdict.BELOW_MINIMUM, p_value=shown[1])])


def test_a_total_is_of_one_statistic() -> None:
    with pytest.raises(Misuse):
        total([Figure(Fraction(1)), Figure(Fraction(1), EXACT, Fraction(1, 10))])
