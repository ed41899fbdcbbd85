"""How far noise strays: standard deviation and quantiles of sums of independent draws.

A single discrete Laplace is computed in closed form. Everything else (tau, tau + eta, two draws, the totals' sums of
hundreds of draws) by its characteristic function: P(k) is the inverse Fourier transform of the product of
(1-q)^2 / ((1-q)^2 + 4 q sin^2(x/2)) per Laplace and of tau's own transform, on 2^17 points. Where the standard
deviation exceeds 2048 (a Laplace may have scale 1e10) the same distribution is taken on a coarser lattice of
ceil(sd/2048) units, with the rate multiplied accordingly: the two differ in the characteristic function by
1/(12 b^2) relative, b the coarse scale (64 at least, for 512 equal draws), that is below 3e-5, and half widths are
widened by one step of the lattice. The redrawing beyond 2^-40 is left out: it makes noise smaller.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from gateway.disclosure.laplace import rate_of
from gateway.errors import Misuse

POINTS = 1 << 17
FINEST = 2048.0  # standard deviations, in steps of the lattice, that POINTS hold with room for the tails


@dataclass(frozen=True, slots=True)
class Draw:
    """One draw of discrete Laplace: its rate epsilon/sensitivity, and t where it is cut to [-t, t]."""

    rate: Fraction
    t: int | None = None

    @property
    def variance(self) -> float:
        """Exact variance, as a float."""
        rate = float(self.rate)
        if self.t is None:
            return 0.5 / math.sinh(rate / 2) ** 2 if rate < 1400 else 0.0
        pmf = _cut(rate, self.t)
        return float(2 * (pmf[1:] * np.arange(1, len(pmf), dtype=float) ** 2).sum())


@dataclass(frozen=True, slots=True)
class Spread:
    """The noise of one figure, in the integers that are summed.

    Attributes:
        draws: each kind of draw with how many independent ones are added; none: the figure is exact.
    """

    draws: tuple[tuple[Draw, int], ...] = ()

    def __bool__(self) -> bool:
        """Whether there is any noise."""
        return bool(self.draws)

    def __add__(self, other: Spread) -> Spread:
        """Return the spread of the sum of two independent noises."""
        counts: dict[Draw, int] = dict(self.draws)
        for draw, times in other.draws:
            counts[draw] = counts.get(draw, 0) + times
        return _spread(counts)

    def __mul__(self, times: int) -> Spread:
        """Return the spread of the sum of so many independent noises of this kind."""
        if times < 1:
            raise Misuse("a sum has at least one noise")
        return _spread({draw: n * times for draw, n in self.draws})

    @property
    def sd(self) -> float:
        """Standard deviation; 0 when exact."""
        return math.sqrt(sum(n * draw.variance for draw, n in self.draws))

    def half_width(self, confidence: float) -> int:
        """Return the smallest h with P(|noise| <= h) >= confidence.

        Args:
            confidence: 0 < confidence <= 1 - 1e-9.
        """
        if not 0 < confidence <= 1 - 1e-9:
            raise Misuse("a confidence lies between 0 and 1")
        return _half_width(self, confidence) if self.draws else 0


EXACT = Spread()


def laplace_spread(epsilon: Decimal, sensitivity: int) -> Spread:
    """Return the spread of one `laplace.draw`."""
    return Spread(((Draw(rate_of(epsilon, sensitivity)), 1),))


def dummies_spread(epsilon: Decimal, t: int) -> Spread:
    """Return the spread of `laplace.draw_dummies` around its centre t."""
    if t < 1:
        raise Misuse("a segment without dummies has no spread")
    return Spread(((Draw(rate_of(epsilon, 1), t), 1),))


def _spread(counts: Mapping[Draw, int]) -> Spread:
    return Spread(tuple(sorted(counts.items(), key=lambda one: (one[0].rate, one[0].t or 0))))


@lru_cache(maxsize=4096)
def _half_width(spread: Spread, confidence: float) -> int:
    (draw, times), *others = spread.draws
    if times == 1 and not others and draw.t is None:
        # P(|X| > h) = 2 q^(h+1) / (1+q)
        rate = float(draw.rate)
        return max(0, math.ceil(math.log(2 / ((1 - confidence) * (1 + math.exp(-rate)))) / rate) - 1)
    step, within = _within(spread)
    h = int(np.searchsorted(within, confidence))
    return h if step == 1 else (h + 1) * step


@lru_cache(maxsize=64)
def _within(spread: Spread) -> tuple[int, npt.NDArray[np.float64]]:
    """Return the lattice's step and P(|noise| <= h steps) for h = 0, 1, ..."""
    step = max(1, math.ceil(spread.sd / FINEST))
    angles = np.arange(POINTS // 2 + 1) * (2 * np.pi / POINTS)
    transform = np.ones(len(angles))
    for draw, times in spread.draws:
        rate, t = float(draw.rate * step), None if draw.t is None else -(-draw.t // step)
        if t is None or t >= POINTS // 2:
            q, gap = math.exp(-rate), -math.expm1(-rate)
            transform *= (gap**2 / (gap**2 + 4 * q * np.sin(angles / 2) ** 2)) ** times
        else:
            pmf = np.zeros(POINTS)
            half = _cut(rate, t)
            pmf[: t + 1] = half
            pmf[POINTS - t :] = half[:0:-1]
            transform *= np.fft.rfft(pmf).real ** times
    pmf = np.fft.irfft(transform, POINTS)[: POINTS // 2]
    return step, np.cumsum(np.concatenate((pmf[:1], 2 * pmf[1:])))


def _cut(rate: float, t: int) -> npt.NDArray[np.float64]:
    """Return P(0), ..., P(t) of Laplace cut to [-t, t]."""
    q = math.exp(-rate)
    # -expm1(-x) = 1 - exp(-x) without loss for small rates.
    total = (-math.expm1(-rate) + 2 * q * -math.expm1(-rate * t)) / -math.expm1(-rate)
    pmf: npt.NDArray[np.float64] = np.exp(-rate * np.arange(t + 1, dtype=np.float64)) / total
    return pmf
