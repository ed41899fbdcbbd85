"""Lift: how a released segment differs from a control segment, with noise and sampling in the interval.

Welch's test on means and shares. The standard error of a segment is sqrt(v/n + w): v/n the sampling variance, w the
variance of noise and rounding in the mean (delta method, `noise_sd` of its cell). Degrees of freedom after
Welch-Satterthwaite, the noise variance being known: (sum of both)^2 / sum (v/n)^2/(n-1). Without noise this is
scipy.stats.ttest_ind(equal_var=False). Relative lift is m/m_c - 1 with variance se^2/m_c^2 + m^2 se_c^2/m_c^4; its
p-value is that of the lift, for both ask whether the means are equal.

Post-processing of released cells: it takes nothing but the table and costs no budget. Comparisons are approximate where
noise outweighs sampling, as Laplace noise has heavier tails than the t distribution.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pyarrow as pa

from gateway.disclosure.cells import CELLS, Cell, Shown, table_of
from gateway.disclosure.figure import Derived
from gateway.disclosure.rule import Verdict
from gateway.errors import Misuse, RequestError

Place = tuple[str | None, str | None, str | None, str]


@dataclass(frozen=True, slots=True)
class _Mean:
    """A mean or a share of one segment.

    Attributes:
        mean: exact quotient of the released figures.
        sampling: v/n; None where no variance was released.
        noise: variance of noise and rounding in the mean.
        people: n, as released.
    """

    mean: Fraction
    sampling: float | None
    noise: float
    people: float

    def scaled(self, factor: float) -> tuple[float, float, float] | None:
        """Return sampling and noise variance times the factor, and n; None where there is no interval."""
        if self.sampling is None or self.people <= 1:
            return None
        return self.sampling * factor, self.noise * factor, self.people


def compare(cells: pa.Table, control: str) -> pa.Table:
    """Compare every segment of a release with a control segment.

    Args:
        cells: the table of a release, schema CELLS.
        control: name of the control segment.

    Returns:
        Rows of schema CELLS, `against` set: lift and relative_lift per other segment and column or category. A
        segment that is held back keeps its reason, a comparison that cannot be made has no value.

    Raises:
        RequestError: BAD_FIELD: the control is not a released segment.
    """
    if cells.schema != CELLS:
        raise Misuse("only the cells of a release can be compared")
    rows: dict[Place, dict[str, Any]] = {
        (row["segment"], row["column"], row["category"], row["statistic"]): row
        for row in cells.to_pylist()
        if row["against"] is None
    }
    count = rows.get((control, None, None, Shown.COUNT))
    if count is None or count["value"] is None:
        raise RequestError("BAD_FIELD", "control: not a released segment of this result; name one that has a count")
    return table_of(_compared(rows, control))


def _compared(rows: dict[Place, dict[str, Any]], control: str) -> Iterator[Cell]:
    for (segment, column, category, statistic), row in rows.items():
        if segment in (None, control) or statistic not in (Shown.MEAN, Shown.SHARE):
            continue
        why = row["suppressed"] or rows[control, column, category, statistic]["suppressed"]
        one, other = (_mean(rows, name, column, category, statistic) for name in (segment, control))
        lift = relative = p = None
        if one is not None and other is not None and why is None:
            lift, p = _lift(one, other)
            relative = _relative_lift(one, other)
        held = None if why is None else Verdict(why)
        for shown, figure in ((Shown.LIFT, lift), (Shown.RELATIVE_LIFT, relative)):
            yield Cell(segment, column, category, shown, figure, held, control, p if figure is not None else None)


def _mean(
    rows: dict[Place, dict[str, Any]], segment: str | None, column: str | None, category: str | None, statistic: str
) -> _Mean | None:
    row = rows[segment, column, category, statistic]
    people = rows.get((segment, column, None, Shown.PRESENT)) or rows[segment, None, None, Shown.COUNT]
    part = rows[segment, column, category, Shown.SUM if statistic == Shown.MEAN else Shown.COUNT]
    if row["value"] is None:
        return None
    n = Fraction(people["value"])
    mean = Fraction(part["value"]) / n
    variance: float | None = None
    if statistic == Shown.SHARE:
        # Who counts as one of the category is a flag.
        variance = float(max(Fraction(0), mean * (1 - mean)) * n / (n - 1)) if n > 1 else None
    else:
        released = rows.get((segment, column, None, Shown.VARIANCE))
        if released is not None and released["value"] is not None:
            variance = float(Fraction(released["value"]))
    return _Mean(mean, None if variance is None else variance / float(n), row["noise_sd"] ** 2, float(n))


def _lift(one: _Mean, other: _Mean) -> tuple[Derived, float | None]:
    value = one.mean - other.mean
    return _interval(value, one, other, 1.0, 1.0)


def _relative_lift(one: _Mean, other: _Mean) -> Derived | None:
    if other.mean <= 0:
        # A ratio to nothing, or to a mean whose sign is turned, is no statement about more or less.
        return None
    control = float(other.mean)
    factor = (float(one.mean) / control**2) ** 2
    return _interval(one.mean / other.mean - 1, one, other, 1 / control**2, factor)[0]


def _interval(
    value: Fraction, one: _Mean, other: _Mean, factor: float, other_factor: float
) -> tuple[Derived, float | None]:
    """Return value with its 95 % interval and the two-sided p-value of 0."""
    from scipy.special import stdtr, stdtrit

    noise_sd = math.sqrt(one.noise * factor + other.noise * other_factor)
    left, right = one.scaled(factor), other.scaled(other_factor)
    if left is None or right is None:
        return Derived(value, None, None, noise_sd), None
    (a, a_noise, n), (b, b_noise, m) = left, right
    squared = a + b + a_noise + b_noise
    if not squared > 0:
        # Nothing varies: no test is defined, and the difference is what it is.
        return Derived(value, value, value, noise_sd), None
    spread = a**2 / (n - 1) + b**2 / (m - 1)
    freedom = squared**2 / spread if spread else math.inf
    error = math.sqrt(squared)
    half = Fraction(float(stdtrit(freedom, 0.975)) * error)
    p = 2 * float(stdtr(freedom, -abs(float(value)) / error))
    return Derived(value, value - half, value + half, noise_sd), p
