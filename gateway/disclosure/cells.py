"""The table of a release of statistics: one row per cell, decimal text for every figure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from enum import StrEnum
from fractions import Fraction

import pyarrow as pa

from gateway.disclosure.figure import Derived, Figure
from gateway.disclosure.rule import Verdict
from gateway.errors import Misuse

SIGNIFICANT = 12
MOST_PLACES = 64

CELLS = pa.schema(
    [
        pa.field("segment", pa.string()),  # null: total over released segments
        pa.field("against", pa.string()),  # control segment of a comparison
        pa.field("column", pa.string()),  # null: people, not a column
        pa.field("category", pa.string()),  # the word counted
        pa.field("statistic", pa.string(), nullable=False),
        pa.field("value", pa.string()),  # decimal text; null when suppressed, or when there is nothing to divide by
        pa.field("low", pa.string()),  # 95 % interval: noise for cells, noise and sampling for comparisons
        pa.field("high", pa.string()),
        pa.field("noise_sd", pa.float64()),  # of noise and rounding; 0: exact
        pa.field("p_value", pa.float64()),  # comparisons
        pa.field("suppressed", pa.string()),  # why there is no value
    ]
)


class Shown(StrEnum):
    """What a cell's figure is."""

    COUNT = "count"
    SHARE_OF_SEGMENT = "share_of_segment"
    SUM = "sum"
    SUM_OF_SQUARES = "sum_of_squares"
    PRESENT = "present"
    SHARE = "share"
    MEAN = "mean"
    VARIANCE = "variance"
    LIFT = "lift"
    RELATIVE_LIFT = "relative_lift"


@dataclass(frozen=True, slots=True)
class Cell:
    """One row of the table, by the schema's names.

    Attributes:
        figure: what is shown; None where nothing can be.
    """

    segment: str | None
    column: str | None
    category: str | None
    statistic: Shown
    figure: Figure | Derived | None
    suppressed: Verdict | None = None
    against: str | None = None
    p_value: float | None = None


def table_of(cells: Iterable[Cell]) -> pa.Table:
    """Write cells as a table of schema CELLS.

    Raises:
        Misuse: a suppressed cell holds a figure.
    """
    rows = []
    for cell in cells:
        if cell.suppressed is not None and (cell.figure is not None or cell.p_value is not None):
            raise Misuse("a suppressed cell holds a figure")
        value, low, high, noise_sd = _texts(cell.figure)
        rows.append(
            (
                cell.segment,
                cell.against,
                cell.column,
                cell.category,
                str(cell.statistic),
                value,
                low,
                high,
                noise_sd,
                cell.p_value,
                None if cell.suppressed is None else str(cell.suppressed),
            )
        )
    columns = zip(*rows, strict=True) if rows else [()] * len(CELLS)
    return pa.table([pa.array(list(one), field.type) for one, field in zip(columns, CELLS, strict=True)], schema=CELLS)


def exact_text(value: Fraction, places: int = 0) -> str:
    """Write a decimal fraction in full.

    Args:
        value: n / 10^k.
        places: fewest digits after the point.
    """
    while places <= MOST_PLACES:
        if 10**places % value.denominator == 0:
            digits = value.numerator * (10**places // value.denominator)
            return f"{Decimal(f'{digits}e-{places}'):f}"
        places += 1
    raise Misuse("a sum is not a decimal fraction")


def significant_text(value: Fraction, rounding: str = ROUND_HALF_EVEN) -> str:
    """Write a fraction with 12 significant digits."""
    context = Context(prec=SIGNIFICANT, rounding=rounding)
    return f"{context.divide(Decimal(value.numerator), Decimal(value.denominator)):f}"


def _texts(figure: Figure | Derived | None) -> tuple[str | None, str | None, str | None, float | None]:
    if figure is None:
        return None, None, None, None
    if isinstance(figure, Figure):
        low, high = figure.interval()
        places = len(str(figure.unit.denominator)) - 1
        sd = float(figure.variance**0.5)
        return exact_text(figure.value, places), exact_text(low, places), exact_text(high, places), sd
    value = significant_text(figure.value)
    if figure.low is None or figure.high is None:
        return value, None, None, figure.sd
    if figure.low == figure.high:
        return value, value, value, figure.sd
    # Outwards, so that the text still covers what the fractions cover.
    return value, significant_text(figure.low, ROUND_FLOOR), significant_text(figure.high, ROUND_CEILING), figure.sd
