"""Standard deviations and quantiles of noise against plain convolution and known distributions."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest
from scipy.special import gammaincc

from gateway.disclosure.spread import EXACT, Spread, dummies_spread, laplace_spread
from gateway.errors import Misuse

CONFIDENCES = (0.5, 0.9, 0.95, 0.975, 1 - 0.05 / 3, 0.999)


def pmf_of(epsilon: float, sensitivity: int, most: int) -> np.ndarray:
    pmf = np.exp(-np.abs(np.arange(-most, most + 1)) * epsilon / sensitivity)
    return np.asarray(pmf / pmf.sum())


def expect(spread: Spread, *parts: np.ndarray) -> None:
    """Compare with the convolution of symmetric distributions given on -m..m."""
    pmf = np.ones(1)
    for part in parts:
        pmf = np.convolve(pmf, part)
    middle = len(pmf) // 2
    ks = np.arange(len(pmf)) - middle
    assert spread.sd == pytest.approx(math.sqrt((pmf * ks**2).sum()), rel=1e-9)
    for confidence in CONFIDENCES:
        h = spread.half_width(confidence)
        assert pmf[middle - h : middle + h + 1].sum() >= confidence - 1e-12
        assert h == 0 or pmf[middle - h + 1 : middle + h].sum() < confidence + 1e-12


@pytest.mark.parametrize(("epsilon", "sensitivity"), [("1", 1), ("0.5", 3), ("10", 1), ("0.1", 7), ("0.05", 1)])
def test_one_laplace(epsilon: str, sensitivity: int) -> None:
    expect(laplace_spread(Decimal(epsilon), sensitivity), pmf_of(float(epsilon), sensitivity, 4000))


@pytest.mark.parametrize(("epsilon", "t"), [("1", 14), ("0.5", 25), ("0.1", 109), ("0.01", 3), ("10", 1)])
def test_tau_and_tau_with_eta(epsilon: str, t: int) -> None:
    tau = dummies_spread(Decimal(epsilon), t)
    expect(tau, pmf_of(float(epsilon), 1, t))
    expect(tau + laplace_spread(Decimal("0.5"), 1), pmf_of(float(epsilon), 1, t), pmf_of(0.5, 1, 200))


def test_sums_of_draws() -> None:
    one, tau = laplace_spread(Decimal("0.5"), 2), dummies_spread(Decimal(1), 14)
    assert one * 2 == one + one
    expect(one * 2, *[pmf_of(0.5, 2, 300)] * 2)
    expect((one + tau) * 3, *[pmf_of(0.5, 2, 300), pmf_of(1, 1, 14)] * 3)


@pytest.mark.parametrize("times", [2, 3, 17, 512])
def test_huge_scales_against_the_difference_of_two_gammas(times: int) -> None:
    """n continuous Laplaces add up to Gamma(n) - Gamma(n); its tail by partial fractions of its transform."""
    scale = 10**10
    spread = laplace_spread(Decimal(1), scale) * times
    assert spread.sd == pytest.approx(scale * math.sqrt(2 * times), rel=1e-12)
    js = np.arange(1, times + 1)
    logs = [
        math.lgamma(2 * times - j) - math.lgamma(times - j + 1) - math.lgamma(times) - (2 * times - j) * math.log(2)
        for j in js
    ]
    weights = np.exp(logs)
    for confidence in CONFIDENCES:
        h = spread.half_width(confidence) / scale
        sd = math.sqrt(2 * times)
        within = 1 - 2 * float((weights * gammaincc(js, h)).sum())
        tighter = 1 - 2 * float((weights * gammaincc(js, h - sd / 500)).sum())
        assert within >= confidence - 3e-5
        assert tighter < confidence


def test_scales_of_any_size_join_smoothly() -> None:
    """Just below and above where the lattice becomes coarser."""
    fine = (laplace_spread(Decimal(1), 1000) * 2).half_width(0.95) / 1000
    coarse = (laplace_spread(Decimal(1), 3000) * 2).half_width(0.95) / 3000
    assert coarse == pytest.approx(fine, rel=2e-3)
    assert laplace_spread(Decimal(1), 10**12).half_width(0.95) == pytest.approx(10**12 * math.log(20), rel=1e-9)


def test_exact_is_exact() -> None:
    assert (EXACT.sd, EXACT.half_width(0.95), bool(EXACT)) == (0, 0, False)
    assert EXACT + laplace_spread(Decimal(1), 1) == laplace_spread(Decimal(1), 1)
    assert EXACT * 3 == EXACT


def test_what_is_no_spread() -> None:
    with pytest.raises(Misuse):
        dummies_spread(Decimal(1), 0)
    with pytest.raises(Misuse):
        laplace_spread(Decimal(0), 1)
    with pytest.raises(Misuse):
        laplace_spread(Decimal(1), 1).half_width(1.0)
    with pytest.raises(Misuse):
        _ = laplace_spread(Decimal(1), 1) * 0
