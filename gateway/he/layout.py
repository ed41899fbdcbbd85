"""Where each statistic lies in a packed plaintext: lanes and their widths, from public bounds only.

A lane of width w holds sums of absolute value up to 2^(w-2), where
w = 2 + ceil(log2(rows * largest row value + 2 * noise bound)), rounded up to whole bytes: no choice of rows and no
noise within its bound, added by both sides, reaches a neighbour. Lanes fill a ciphertext from the lowest bit; a lane
never straddles two. The top 16 bits of a plaintext stay free, so that a packed sum of either sign is read modulo n.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from gateway.errors import RequestError
from gateway.route.aggregate import Lane, Layout
from gateway.route.agreement import AggregateTerms, Column, ColumnType, Measure, Statistic

FREE_BITS: Final = 16
"""Bits at the top of every plaintext that no lane uses."""

_ORDER = (Statistic.SUM, Statistic.SUM_OF_SQUARES, Statistic.PRESENT, Statistic.SHARE)
_LN2 = Fraction(693_148, 1_000_000)  # rounded up: ln 2 = 0.69314718...
_TAIL_BITS = 40


@dataclass(frozen=True, slots=True)
class _Figure:
    """A lane before it has a place; `largest` is the most that a row adds to it."""

    statistic: Statistic
    value: str | None
    offset: int
    scale: int
    bound: int
    largest: int
    epsilon: Decimal


def noise_bound(epsilon: Decimal, bound: int, cells: int) -> int:
    """Return a figure that no draw of a run exceeds, but for a chance of 2^-40 over all cells.

    Exact arithmetic, never too small: 2 q^(b+1) / (1+q) < 2 q^b, so that b epsilon / bound >= ln 2 times
    (41 + log2 cells) suffices. One sensitivity more leaves room for another rounding: `disclosure`, which this package
    may not import, redraws beyond a bound of its own, and a test holds the two together.

    Args:
        epsilon: privacy loss of one draw; 0 = no noise.
        bound: sensitivity, so that q = exp(-epsilon / bound).
        cells: draws of a run, at least 1.

    Returns:
        b, at least 0.

    Source:
        protocols.md section 4, "Noise bound = tail of 2^-40 over all cells".
    """
    if epsilon == 0:
        return 0
    least = bound / Fraction(epsilon) * _LN2 * (_TAIL_BITS + 1 + (cells - 1).bit_length())
    return -(-least.numerator // least.denominator) + bound


def layout(terms: AggregateTerms, columns: tuple[Column, ...], rows: int) -> Layout:
    """Pack the statistics of the asked columns; both sides compute the same.

    Args:
        terms: of the agreement.
        columns: those asked, in the order of the request; each has a measure.
        rows: public bound on the rows of stage SENDER_ELEMENTS.

    Returns:
        Lanes column by column, of each in the order sum, sum of squares, present, share (values in order).

    Raises:
        RequestError: BAD_FIELD: a column has no measure, its squares exceed 63 bits, or a lane fits no plaintext.
    """
    measures = {measure.column: measure for measure in terms.measures}
    figures = [(column, figure) for column in columns for figure in _figures(column, measures.get(column.name))]
    cells = max(1, terms.segments * len(figures))
    room = terms.scheme.key_bits - FREE_BITS
    used: list[int] = []
    lanes = []
    for column, figure in figures:
        most = rows * figure.largest + 2 * noise_bound(figure.epsilon, figure.bound, cells)
        width = -(-(2 + max(0, most - 1).bit_length()) // 8) * 8
        if width > room:
            words = (
                f"its {figure.statistic} needs {width} bits of {room}; narrow the column's bounds or raise its epsilon"
            )
            raise RequestError("BAD_FIELD", f"columns.{column.name}: {words}")
        place = next((index for index, taken in enumerate(used) if taken + width <= room), len(used))
        if place == len(used):
            used.append(0)
        lanes.append(
            Lane(
                column=column.name,
                statistic=figure.statistic,
                value=figure.value,
                ciphertext=place,
                shift=used[place],
                width=width,
                offset=figure.offset,
                scale=figure.scale,
                bound=figure.bound,
                epsilon=figure.epsilon,
            )
        )
        used[place] += width
    return Layout(tuple(lanes), len(used), terms.scheme.key_bits)


def scaled_bounds(column: Column) -> tuple[int, int]:
    """Return a number's least and greatest value in units of 10^-scale.

    Raises:
        RequestError: BAD_FIELD: the column has no bounds.
    """
    if column.minimum is None or column.maximum is None:
        raise RequestError("BAD_FIELD", f"columns.{column.name}: a number without bounds cannot be summed")
    low, high = (Fraction(bound) * 10**column.scale for bound in (column.minimum, column.maximum))
    # Inward, so that nothing beyond the agreed bounds counts.
    return -(-low.numerator // low.denominator), high.numerator // high.denominator


def _figures(column: Column, measure: Measure | None) -> Iterator[_Figure]:
    if measure is None:
        raise RequestError(
            "BAD_FIELD", f"columns.{column.name}: no measure of the agreement says what to compute of it"
        )
    for statistic, epsilon in sorted(measure.epsilon, key=lambda item: _ORDER.index(item[0])):
        if (statistic is Statistic.SHARE) == (column.type is ColumnType.NUMBER):
            raise RequestError("BAD_FIELD", f"columns.{column.name}: {statistic} of a {column.type} cannot be computed")
        if statistic is Statistic.SHARE:
            for value in measure.values:
                yield _Figure(statistic, value, 0, 0, 1, 1, epsilon)
            continue
        if statistic is Statistic.PRESENT:
            yield _Figure(statistic, None, 0, 0, 1, 1, epsilon)
            continue
        low, high = scaled_bounds(column)
        bound = max(abs(low), abs(high), 1)
        if statistic is Statistic.SUM:
            offset = max(0, -low)
            yield _Figure(statistic, None, offset, column.scale, bound, max(0, high) + offset, epsilon)
            continue
        if bound**2 >= 1 << 63:
            words = "the square of its largest value needs more than 63 bits; narrow min and max, or lower the scale"
            raise RequestError("BAD_FIELD", f"columns.{column.name}: {words}")
        yield _Figure(statistic, None, 0, 2 * column.scale, bound**2, bound**2, epsilon)
