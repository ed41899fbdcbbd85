"""Noise follows its exact distribution, and its truncations cost what is charged for them."""

from __future__ import annotations

import math
import random
from collections import Counter
from decimal import Decimal

import pytest
from scipy.stats import chi2

from gateway.disclosure.laplace import bound, draw, draw_dummies
from gateway.disclosure.sampler import Sampler, sampler
from gateway.errors import Misuse

DRAWS = 10_000


def chi_square_holds(drawn: Counter[int], pmf: dict[int, float], level: float = 1e-6) -> bool:
    """Whether draws fit; figures expected fewer than 10 times are pooled."""
    total = drawn.total()
    common = [k for k, p in pmf.items() if p * total >= 10]
    rest = 1 - sum(pmf[k] for k in common)
    cells = [(drawn[k], pmf[k] * total) for k in common]
    if rest * total >= 1:
        cells.append((total - sum(drawn[k] for k in common), rest * total))
    statistic = sum((seen - expected) ** 2 / expected for seen, expected in cells)
    return bool(statistic < chi2.isf(level, len(cells) - 1))


def laplace_pmf(epsilon: float, sensitivity: int, most: int) -> dict[int, float]:
    q = math.exp(-epsilon / sensitivity)
    return {k: (1 - q) / (1 + q) * q ** abs(k) for k in range(-most, most + 1)}


def dummies_pmf(epsilon: float, t: int) -> dict[int, float]:
    weights = {tau: math.exp(-abs(tau - t) * epsilon) for tau in range(2 * t + 1)}
    return {tau: weight / sum(weights.values()) for tau, weight in weights.items()}


@pytest.mark.parametrize(
    ("epsilon", "sensitivity"), [("1", 1), ("0.5", 1), ("3.7", 1), ("5", 1), ("0.123457", 1), ("1", 7), ("0.3", 4)]
)
def test_draws_follow_the_discrete_laplace(epsilon: str, sensitivity: int) -> None:
    below = random.Random(f"{epsilon} {sensitivity}").randrange
    drawn = Counter(draw(Decimal(epsilon), sensitivity, 10, below) for _ in range(DRAWS))
    assert chi_square_holds(drawn, laplace_pmf(float(epsilon), sensitivity, 400))
    # The test can tell: another epsilon and another zero do not pass.
    assert not chi_square_holds(drawn, laplace_pmf(float(epsilon) * 1.2, sensitivity, 400))
    drawn[0] *= 2
    assert not chi_square_holds(drawn, laplace_pmf(float(epsilon), sensitivity, 400))


@pytest.mark.parametrize(("epsilon", "t"), [("1", 14), ("1", 2), ("0.5", 1), ("0.1", 10)])
def test_dummies_follow_the_laplace_cut_to_what_exists(epsilon: str, t: int) -> None:
    below = random.Random(f"{epsilon} {t}").randrange
    drawn = Counter(draw_dummies(Decimal(epsilon), t, below) for _ in range(DRAWS))
    assert set(drawn) <= set(range(2 * t + 1))
    assert chi_square_holds(drawn, dummies_pmf(float(epsilon), t))
    assert not chi_square_holds(drawn, dummies_pmf(float(epsilon) * 1.2 + 0.05, t))


def test_huge_scales_keep_their_shape() -> None:
    scale = 10**14  # sensitivity 10^14 at epsilon 1
    below = random.Random(3).randrange
    sizes = [draw(Decimal(1), scale, 1000, below) / scale for _ in range(DRAWS)]
    edges = [math.log(1 / (1 - i / 10)) for i in range(10)]
    drawn = Counter(sum(abs(size) >= edge for edge in edges) - 1 for size in sizes)
    assert chi_square_holds(drawn, dict.fromkeys(range(10), 0.1))
    assert abs(sum(size > 0 for size in sizes) / DRAWS - 0.5) < 0.02


@pytest.mark.parametrize("source", [sampler(), Sampler("assent", draw, draw_dummies)], ids=lambda source: source.name)
def test_the_installed_sampler_draws_from_the_operating_system(source: Sampler) -> None:
    """OpenDP where the extra is installed (see test_sampler), else ours: fresh randomness, so a looser level."""
    drawn = Counter(source.draw(Decimal("0.7"), 2, 10) for _ in range(4000))
    assert chi_square_holds(drawn, laplace_pmf(0.7, 2, 200), 1e-9)
    dummies = Counter(source.draw_dummies(Decimal(1), 3) for _ in range(4000))
    assert chi_square_holds(dummies, dummies_pmf(1, 3), 1e-9)


@pytest.mark.parametrize(("epsilon", "sensitivity", "cells"), [("1", 1, 1), ("0.5", 3, 10), ("0.1", 20, 1000)])
def test_the_bound_leaves_a_tail_of_2_to_the_minus_40(epsilon: str, sensitivity: int, cells: int) -> None:
    most = bound(Decimal(epsilon), sensitivity, cells)
    rate = float(epsilon) / sensitivity
    tail = 2 * math.exp(-rate * (most - sensitivity + 1)) / (1 + math.exp(-rate))
    assert tail * cells <= 2**-40
    assert tail * cells > 2**-44, "and no wider than it must be"


def test_a_draw_beyond_the_bound_is_repeated() -> None:
    most = bound(Decimal(1), 1, 1)

    class Script:
        """First a draw of most + 1 (that many successes at exp(-1)), then 0."""

        def __init__(self) -> None:
            uniform, success, failure, positive = [0, 0], [0, 0, 2], [0, 1], [0]
            self.left = [*uniform, *success * (most + 1), *failure, *positive]
            self.left += [*uniform, *failure, *positive]

        def below(self, n: int) -> int:
            return self.left.pop(0)

    script = Script()
    assert draw(Decimal(1), 1, 1, script.below) == 0
    assert script.left == []


@pytest.mark.parametrize(("epsilon", "sensitivity", "cells"), [("0", 1, 1), ("-1", 1, 1), ("1", 0, 1), ("1", 1, 0)])
def test_no_noise_is_never_drawn_by_mistake(epsilon: str, sensitivity: int, cells: int) -> None:
    with pytest.raises(Misuse):
        draw(Decimal(epsilon), sensitivity, cells)


@pytest.mark.parametrize(("epsilon", "t"), [("0", 1), ("1", 0)])
def test_no_dummies_are_never_drawn_by_mistake(epsilon: str, t: int) -> None:
    with pytest.raises(Misuse):
        draw_dummies(Decimal(epsilon), t)
