"""Which noises stand in the figures that one side is about to release."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.disclosure.spread import EXACT, Spread, dummies_spread, laplace_spread
from gateway.errors import Misuse
from gateway.route.aggregate import Lane
from gateway.route.agreement import AggregateTerms, Noise
from gateway.route.job import Side


@dataclass(frozen=True, slots=True)
class Noises:
    """The noise in a segment's count and in each lane's sum, both per segment and in their integers."""

    count: Spread
    lanes: tuple[Spread, ...]


def noises_of(terms: AggregateTerms, lanes: tuple[Lane, ...], side: Side, result: tuple[bool, bool]) -> Noises:
    """Say what noise the figures of our side carry.

    R counts |J_g| - t: tau alone; S counts c'_g - t: tau and eta. Sums for R carry S's noise; for S alone R's; where
    both receive, R adds its own to what it passes on, so that S's figures carry both.

    Args:
        terms: what both signed.
        lanes: of the run's layout.
        side: who releases.
        result: whether R and whether S learns the result.

    Raises:
        Misuse: the side does not learn the result.
    """
    receiver = side is Side.RECEIVER
    if not result[0 if receiver else 1]:
        raise Misuse("who does not learn the result releases nothing")
    count = EXACT
    if terms.dummies is Noise.LAPLACE:
        count = dummies_spread(terms.epsilon_count, terms.t)
        if not receiver:
            count += laplace_spread(terms.epsilon_receiver, 1)
    draws = 2 if all(result) and not receiver else 1
    return Noises(count, tuple(_lane(lane) * draws if lane.epsilon and lane.bound else EXACT for lane in lanes))


def _lane(lane: Lane) -> Spread:
    return laplace_spread(lane.epsilon, lane.bound)
