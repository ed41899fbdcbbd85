"""Exact samples of the discrete Laplace distribution, with integers only.

The noise has P(k) = (1-q)/(1+q) * q^|k|, q = exp(-epsilon/sensitivity), for every integer k. Samples that pass
through floating point leave gaps by which the secret can be read off (Mironov 2012); these never do: the rate is a
fraction, and every decision is a comparison of uniform integers of the operating system.

Two truncations make the tails finite, each at the price of a delta that `account` charges:

- `draw` repeats a draw beyond `bound`. The bound lies one sensitivity outside the point that noise exceeds with
  probability 2^-40 / cells. For neighbours at distance s <= sensitivity both truncated distributions have the same
  normaliser, so inside the common support the ratio stays at most e^epsilon; outside lies P(|X| > bound - s) or less.
  All cells of a run together therefore add at most 2^-40.
- `draw_dummies` repeats a draw outside [0, 2t]; one person moves the centre by one, so the delta is the mass of the
  outermost point, which the agreement bounds by its delta.

The time of a draw depends on its value; it is spent before the stage that carries the noisy figure begins to leave.

Source: Canonne, Kamath, Steinke, "The Discrete Gaussian for Differential Privacy" (2020), algorithms 1 and 2.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from gateway.errors import Misuse

Below = Callable[[int], int]
TAIL_BITS = 40
LN_2_ABOVE = Fraction(693_148, 1_000_000)


def rate_of(epsilon: Decimal, sensitivity: int) -> Fraction:
    """Return epsilon / sensitivity exactly.

    Args:
        epsilon: privacy loss, > 0.
        sensitivity: most that one person changes the figure by, >= 1.

    Raises:
        Misuse: there is no such noise; a figure meant to be exact must not ask for any.
    """
    if epsilon <= 0 or sensitivity < 1:
        raise Misuse("noise needs an epsilon above 0 and a sensitivity of at least 1")
    return Fraction(epsilon) / sensitivity


def bound(epsilon: Decimal, sensitivity: int, cells: int) -> int:
    """Return the largest noise that `draw` lets stand; lanes are as wide as this.

    P(|X| > m) = 2 q^(m+1) / (1+q) < 2 q^m is at most 2^-40 / cells from m = (41 + log2 cells) * ln 2 / rate on.

    Args:
        epsilon: privacy loss of one figure, > 0.
        sensitivity: most that one person changes the figure by, >= 1.
        cells: noisy figures of the run, lanes times segments, >= 1.
    """
    if cells < 1:
        raise Misuse("a run with noise has at least one noisy figure")
    bits = TAIL_BITS + 1 + (cells - 1).bit_length()
    tail = bits * LN_2_ABOVE / rate_of(epsilon, sensitivity)
    return -(-tail.numerator // tail.denominator) + sensitivity


def draw(epsilon: Decimal, sensitivity: int, cells: int, below: Below = secrets.randbelow) -> int:
    """Draw fresh noise for one figure.

    Args:
        epsilon: privacy loss of the figure, > 0.
        sensitivity: most that one person changes the figure by, >= 1.
        cells: noisy figures of the run, which share the tail of 2^-40.
        below: uniform integers 0 <= i < n; the operating system's unless a test counts.

    Returns:
        k with P(k) proportional to exp(-|k| epsilon / sensitivity), at most `bound` in size.
    """
    rate, most = rate_of(epsilon, sensitivity), bound(epsilon, sensitivity, cells)
    while True:
        noise = _laplace(rate, below)
        if abs(noise) <= most:
            return noise


def draw_dummies(epsilon: Decimal, t: int, below: Below = secrets.randbelow) -> int:
    """Draw tau, the dummies of a segment that match.

    Args:
        epsilon: epsilon_count of the agreement, > 0.
        t: half the dummies of the segment, >= 1.
        below: as for `draw`.

    Returns:
        0 <= tau <= 2t with P(tau) proportional to exp(-|tau - t| epsilon).
    """
    if t < 1:
        raise Misuse("a segment without dummies has no tau to draw")
    rate = rate_of(epsilon, 1)
    while True:
        noise = _laplace(rate, below)
        if abs(noise) <= t:
            return t + noise


def _laplace(rate: Fraction, below: Below) -> int:
    """Algorithm 2 with scale t/s = 1/rate."""
    s, t = rate.numerator, rate.denominator
    while True:
        u = below(t)
        if not _bernoulli_exp(u, t, below):
            continue
        v = 0
        while _bernoulli_exp(1, 1, below):
            v += 1
        size = (u + t * v) // s
        negative = below(2) == 1
        # Zero has one sign, or it would be twice as likely as it should be.
        if not (negative and size == 0):
            return -size if negative else size


def _bernoulli_exp(numerator: int, denominator: int, below: Below) -> bool:
    """Algorithm 1: true with probability exp(-numerator/denominator), the quotient in [0, 1]."""
    k = 1
    while below(denominator * k) < numerator:
        k += 1
    return k % 2 == 1
