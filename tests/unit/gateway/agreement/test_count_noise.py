from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.agreement.count_noise import count_delta, least_t

epsilons = st.integers(1_000, 10_000_000).map(lambda micro: Decimal(micro).scaleb(-6))  # 0.001 to 10
deltas = st.integers(1, 10**9).map(lambda pico: Decimal(pico).scaleb(-12))  # 1e-12 to 0.001


@pytest.mark.parametrize(("epsilon", "t"), [("1", 14), ("0.5", 25), ("0.1", 109)])
def test_the_figures_of_the_protocol(epsilon: str, t: int) -> None:
    assert least_t(Decimal(epsilon), Decimal("0.000001")) == t
    assert count_delta(Decimal(epsilon), t) <= Decimal("0.000001") < count_delta(Decimal(epsilon), t - 1)


@pytest.mark.parametrize(("epsilon", "t"), [("1", 1), ("0.5", 3), ("2", 5), ("1", 14)])
def test_the_failure_mass_is_what_one_person_can_give_away(epsilon: str, t: int) -> None:
    """The largest excess of P over e^epsilon times the neighbour's P, over all events, one count apart."""
    e = float(epsilon)
    weights = {tau: math.exp(-abs(tau - t) * e) for tau in range(2 * t + 1)}
    # Inside, the ratio is e^epsilon exactly: left of the centre only the point 0, which the neighbour lacks, exceeds.
    excess = {tau: weight - math.exp(e) * weights.get(tau - 1, 0.0) for tau, weight in weights.items()}
    assert [tau for tau, more in excess.items() if more > 1e-12 * weights[tau]] == [0]
    assert float(count_delta(Decimal(epsilon), t)) == pytest.approx(excess[0] / sum(weights.values()), rel=1e-12)


@given(epsilons, st.integers(0, 200))
def test_the_law_is_the_mass_of_the_truncated_distribution(epsilon: Decimal, t: int) -> None:
    q = Fraction((-epsilon).exp())
    # Discrete Laplace on -t..t: weight q^|k|; delta is the weight of one end in the whole.
    mass = q**t / (1 + 2 * sum((q**k for k in range(1, t + 1)), Fraction(0)))
    assert abs(Fraction(count_delta(epsilon, t)) - mass) <= mass / 10**20


@settings(max_examples=200)
@given(epsilons, deltas)
def test_the_least_t_fits_and_one_less_does_not(epsilon: Decimal, delta: Decimal) -> None:
    t = least_t(epsilon, delta)
    assert t >= 1
    assert count_delta(epsilon, t) <= delta
    assert count_delta(epsilon, t - 1) > delta
