"""Intervals of derived figures hold the figure computed from any parts that the parts' intervals allow."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import product

import pytest

from gateway.disclosure.figure import Derived, Figure, flag_variance, over, ratio, rounded, sample_variance
from gateway.disclosure.spread import EXACT, laplace_spread

NOISE = laplace_spread(Decimal(1), 3)


def figure(value: int, noisy: bool) -> Figure:
    return Figure(Fraction(value), NOISE if noisy else EXACT)


def corners(*figures: Figure) -> list[tuple[Fraction, ...]]:
    noisy = sum(bool(one.spread) for one in figures)
    spans = [one.interval(noisy) for one in figures]
    return list(product(*[(low, one.value, high) for one, (low, high) in zip(figures, spans, strict=True)]))


@pytest.mark.parametrize(("part", "whole"), list(product([True, False], repeat=2)))
@pytest.mark.parametrize(("s", "n"), [(40, 90), (-3, 60), (0, 25), (5, 13), (70, 70)])
def test_means_and_variances_hold_every_corner(part: bool, whole: bool, s: int, n: int) -> None:
    total, people, squares = figure(s, part), figure(n, whole), figure(2 * abs(s) + 30, part)
    mean, variance = ratio(total, people), sample_variance(squares, total, people)
    assert mean is not None
    assert variance is not None

    def holds(derived: Derived, value: Fraction) -> bool:
        assert derived.low is not None
        assert derived.high is not None
        return derived.low <= value <= derived.high

    for at_s, at_n in corners(total, people):
        assert holds(mean, at_s / max(at_n, Fraction(1)))
    for at_q, at_s, at_n in corners(squares, total, people):
        least = max(at_n, Fraction(2))
        assert holds(variance, max(Fraction(0), (at_q - at_s**2 / least) / (least - 1)))
    flags = flag_variance(total, people)
    assert flags is not None
    for at_s, at_n in corners(total, people):
        at_n = max(at_n, Fraction(2))
        share = min(max(at_s / at_n, Fraction(0)), Fraction(1))
        assert holds(flags, share * (1 - share) * at_n / (at_n - 1))
    assert (mean.low == mean.high) == (not part and (s == 0 or not whole))


@pytest.mark.parametrize("n", [-5, 0, 1])
def test_one_person_has_no_variance_and_nobody_a_mean(n: int) -> None:
    one, people = figure(1, True), figure(n, True)
    assert sample_variance(one, one, people) is None
    assert flag_variance(one, people) is None
    assert (ratio(one, people) is None) == (n <= 0)


def test_deviations_are_the_delta_method() -> None:
    """Against numeric derivatives of the figure itself."""
    sizes = (400_000.0, 2_000.0, 90.0)
    parts = [Figure(Fraction(int(value)), NOISE) for value in sizes]

    def variance(q: float, s: float, n: float) -> float:
        return (q - s * s / n) / (n - 1)

    expected = 0.0
    for i in range(3):
        up, down = list(sizes), list(sizes)
        up[i] += 1e-3
        down[i] -= 1e-3
        expected += ((variance(*up) - variance(*down)) / 2e-3 * NOISE.sd) ** 2
    found = sample_variance(*parts)
    assert found is not None
    assert found.sd == pytest.approx(expected**0.5, rel=1e-6)
    flags = flag_variance(figure(30, True), figure(90, True))
    slopes = (
        (variance(30 + d, 30 + d, 90 + e) - variance(30 - d, 30 - d, 90 - e)) / 2e-3 for d, e in ((1e-3, 0), (0, 1e-3))
    )
    assert flags is not None
    assert flags.sd == pytest.approx(sum((slope * NOISE.sd) ** 2 for slope in slopes) ** 0.5, rel=1e-6)
    assert over(figure(30, True), 60).sd == pytest.approx(NOISE.sd / 60)


@pytest.mark.parametrize(
    ("value", "step", "expected"), [(25, "10", 20), (35, "10", 40), (-25, "10", -20), (26, "10", 30), (7, "1", 7)]
)
def test_rounding_is_to_the_nearest_multiple_and_halves_to_the_even(value: int, step: str, expected: int) -> None:
    assert rounded(value, EXACT, Fraction(1), Fraction(step)).value == expected


def test_steps_may_be_any_decimal_above_the_unit() -> None:
    one = rounded(126, NOISE, Fraction(1, 100), Fraction("0.25"))
    assert one.value == Fraction("1.25")
    assert one.interval()[1] - one.value == NOISE.half_width(0.95) * Fraction(1, 100) + Fraction("0.125")
