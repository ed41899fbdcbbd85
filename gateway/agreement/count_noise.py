"""How many dummies hide a count: the failure mass of truncated discrete Laplace noise.

A count is hidden behind tau of 2t dummies, tau discrete Laplace with parameter epsilon,
centred at t and cut off at 0 and 2t. With q = e^-epsilon its mass at either end, which
is what one person more or less may reveal beyond epsilon, is

    delta(t) = (1 - q) q^t / (1 + q - 2 q^(t+1))

Decimal arithmetic rounds correctly, so both parties come to the same answer.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Context, Decimal, localcontext

_DIGITS = Context(prec=60)
_ONE = Decimal(1)


def count_delta(epsilon: Decimal, t: int) -> Decimal:
    """Return the failure mass of a count.

    Args:
        epsilon: loss of one person by one count, > 0.
        t: half the dummies per segment, >= 0.

    Returns:
        delta(t), 60 digits.

    Source: mass at 0 of the discrete Laplace distribution conditioned on [-t, t]; 1/(1 + 2 (q + ... + q^t)) q^t.
    """
    with localcontext(_DIGITS):
        q = (-epsilon).exp()
        power = (-epsilon * t).exp()
        return (_ONE - q) * power / (_ONE + q - 2 * q * power)


def least_t(epsilon: Decimal, delta: Decimal) -> int:
    """Return the least t whose failure mass is at most delta.

    Args:
        epsilon: loss of one person by one count, > 0.
        delta: allowed failure mass, > 0 and < 1.
    """
    with localcontext(_DIGITS):
        q = (-epsilon).exp()
        # delta(t) falls in t; solved for q^t.
        power = delta * (_ONE + q) / (_ONE - q + 2 * delta * q)
        t = int((-power.ln() / epsilon).to_integral_value(ROUND_CEILING))
    # The logarithm is rounded; the law itself decides.
    while count_delta(epsilon, t) > delta:
        t += 1
    while t > 0 and count_delta(epsilon, t - 1) <= delta:
        t -= 1
    return t
