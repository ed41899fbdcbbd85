"""One released figure and the figures derived from several, with what their noise may have done to them.

Everything derived is computed from the released figures as rounded: a function of the table, which tells nothing more.
Intervals of derived figures are interval arithmetic over their parts, each part at confidence 1 - 0.05/k with k noisy
parts, so that all parts hold together, and hence the result, with at least 95 % (Bonferroni). They speak of the noise
and the rounding alone: the value they cover is the one computed without both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from gateway.disclosure.spread import EXACT, Spread
from gateway.errors import Misuse

DOUBT = 0.05
Interval = tuple[Fraction, Fraction]


@dataclass(frozen=True, slots=True)
class Figure:
    """A count or a sum as released.

    Attributes:
        value: rounded.
        spread: noise, in units.
        unit: worth of one integer of the noise, 10^-scale.
        slack: most that rounding moved the value.
        rounding: variance that rounding added, as if it were uniform.
    """

    value: Fraction
    spread: Spread = EXACT
    unit: Fraction = Fraction(1)
    slack: Fraction = Fraction(0)
    rounding: float = 0.0

    @property
    def variance(self) -> float:
        """Of noise and rounding."""
        return (self.spread.sd * float(self.unit)) ** 2 + self.rounding

    def interval(self, parts: int = 1) -> Interval:
        """Return where the true figure lies with confidence 1 - 0.05/parts."""
        half = self.spread.half_width(1 - DOUBT / max(parts, 1)) * self.unit + self.slack
        return self.value - half, self.value + half


@dataclass(frozen=True, slots=True)
class Derived:
    """A figure computed from others: value, 95 % interval where there is one, standard deviation of the noise."""

    value: Fraction
    low: Fraction | None
    high: Fraction | None
    sd: float


def rounded(value: int, spread: Spread, unit: Fraction, step: Fraction) -> Figure:
    """Make a released figure of a sum.

    Args:
        value: as it came, in units.
        spread: its noise.
        unit: worth of one integer.
        step: the figure becomes a multiple of it, halves to the even one; >= unit.
    """
    if step <= unit:
        return Figure(value * unit, spread, unit)
    return Figure(round(value * unit / step) * step, spread, unit, step / 2, float(step) ** 2 / 12)


def total(figures: list[Figure]) -> Figure:
    """Add the figures of released segments, whose noises are independent and alike."""
    first = figures[0]
    if any(figure.unit != first.unit or figure.spread != first.spread for figure in figures):
        raise Misuse("a total is of one statistic")
    return Figure(
        sum((figure.value for figure in figures), Fraction(0)),
        first.spread * len(figures),
        first.unit,
        sum((figure.slack for figure in figures), Fraction(0)),
        sum(figure.rounding for figure in figures),
    )


def ratio(part: Figure, whole: Figure) -> Derived | None:
    """Return part / whole, a mean or a share; None when there is no whole."""
    if whole.value <= 0:
        return None
    noisy = bool(part.spread) + bool(whole.spread)
    low, high = part.interval(noisy)
    least, most = _people(whole, noisy, 1)
    value = part.value / whole.value
    sd = math.sqrt(part.variance + float(value) ** 2 * whole.variance) / float(whole.value)
    return Derived(value, min(low / least, low / most), max(high / least, high / most), sd)


def over(part: Figure, size: int) -> Derived:
    """Return part / size, size > 0 being known exactly."""
    low, high = part.interval()
    return Derived(part.value / size, low / size, high / size, math.sqrt(part.variance) / size)


def sample_variance(sum_of_squares: Figure, sum_: Figure, people: Figure) -> Derived | None:
    """Return (Q - S^2/n) / (n - 1), never negative; None when there are not two people."""
    n = people.value
    if n < 2:
        return None
    noisy = bool(sum_of_squares.spread) + bool(sum_.spread) + bool(people.spread)
    squares, sums = sum_of_squares.interval(noisy), sum_.interval(noisy)
    least, most = _people(people, noisy, 2)
    square_high = max(sums[0] ** 2, sums[1] ** 2)
    square_low = Fraction(0) if sums[0] <= 0 <= sums[1] else min(sums[0] ** 2, sums[1] ** 2)
    low = max(Fraction(0), squares[0] - square_high / least) / (most - 1)
    high = max(Fraction(0), squares[1] - square_low / most) / (least - 1)
    raw = (sum_of_squares.value - sum_.value**2 / n) / (n - 1)
    mean = float(sum_.value / n)
    sd = math.sqrt(
        sum_of_squares.variance + 4 * mean**2 * sum_.variance + (mean**2 - float(raw)) ** 2 * people.variance
    ) / float(n - 1)
    return Derived(max(Fraction(0), raw), low, high, sd)


def flag_variance(sum_: Figure, people: Figure) -> Derived | None:
    """Return the sample variance of a flag, m (1 - m) n / (n - 1): its sum is its sum of squares."""
    n = people.value
    if n < 2:
        return None
    noisy = bool(sum_.spread) + bool(people.spread)
    sums = sum_.interval(noisy)
    least, most = _people(people, noisy, 2)
    # A flag's true mean lies in [0, 1], whatever the noise makes of the parts.
    a = _clip(min(sums[0] / least, sums[0] / most))
    b = _clip(max(sums[1] / least, sums[1] / most))
    top = Fraction(1, 4) if a <= Fraction(1, 2) <= b else max(a * (1 - a), b * (1 - b))
    mean = sum_.value / n
    raw = mean * (1 - mean) * n / (n - 1)
    m = float(mean)
    sd = math.sqrt((1 - 2 * m) ** 2 * sum_.variance + (m**2 - float(raw)) ** 2 * people.variance) / float(n - 1)
    return Derived(
        max(Fraction(0), raw), min(a * (1 - a), b * (1 - b)) * most / (most - 1), top * least / (least - 1), sd
    )


def _people(figure: Figure, noisy: int, fewest: int) -> Interval:
    """Return where the true number of people lies, given that the derived figure exists at all."""
    low, high = figure.interval(noisy)
    return max(low, Fraction(fewest)), max(high, Fraction(fewest))


def _clip(value: Fraction) -> Fraction:
    return min(max(value, Fraction(0)), Fraction(1))
