"""What a run costs our own people: planned charges (epsilon, delta), step by step, before any byte leaves.

Derivation. Neighbours are two inputs of one side that differ by one person, added or removed; a person who moves from
one segment to another is one removed and one added, and costs 2 epsilon. Sizes that the protocol tells the partner
exactly (|X_g|, |Y|) are public.

- count: R learns |J_g| = true count + tau_g. One person lies in at most one segment, because S refuses elements that
  repeat across segments: segments compose in parallel, and one epsilon_count pays for all of them. tau_g is discrete
  Laplace of scale 1/epsilon_count around t, cut to [0, 2t]; neighbours agree up to e^epsilon_count except at the
  outermost point, whose mass is (1-q)q^t/(1+q-2q^(t+1)) <= delta.
- receiver: S learns c'_g and knows tau_g, so it sees true count + eta_g; the same argument with an untruncated
  Laplace of scale 1/epsilon_receiver. Suppression on both sides is computed from c'_g: post-processing, free.
- values: one person changes a lane's sum by at most its bound, so Laplace of scale bound/epsilon costs epsilon. The
  lanes of different columns and statistics all see the same person: their epsilons add up. The one-hot cells of one
  column do not: a person is in one category at most, the vector of cells moves by 1 in the L1 norm, one epsilon.
- Draws beyond the bound of all cells are redrawn: at most 2^-40 more, once per step (see `laplace`).
- Steps of a run and runs of a period add up (basic composition), in epsilon and in delta.
- Means, shares, variances, totals and lifts are post-processing of released cells.

Exact figures (`NONE`) have no epsilon; how many cells are exact is counted instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from gateway.errors import Misuse
from gateway.route.agreement import AggregateTerms, Measure, Noise, Operation, Statistic

TAIL_DELTA = Decimal("0.000000000000909495")  # 2^-40, rounded up to 18 digits
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Planned:
    """One charge to come.

    Attributes:
        step: "count" (S, before stage 3), "receiver" (R, before c'_g leaves) or "values" (whoever adds the noise).
        epsilon: privacy loss, 0 where exact.
        delta: failure mass, at most 18 digits.
        cells: exact cells that the step may show the partner.
    """

    step: str
    epsilon: Decimal
    delta: Decimal
    cells: int


def charges(
    terms: AggregateTerms,
    columns: tuple[str, ...],
    operation: Operation,
    receiver_side: bool,
    result: tuple[bool, bool],
    segments: int,
) -> tuple[Planned, ...]:
    """Plan the charges of our side of a run.

    Args:
        terms: what both signed.
        columns: asked columns; none for OVERLAP.
        operation: AGGREGATE or OVERLAP.
        receiver_side: whether we are R.
        result: whether R and whether S learns the result.
        segments: G of the run.

    Returns:
        At most one charge per step, in the order in which they fall due; none where nothing of ours is shown.
    """
    if not operation.grouped or (columns and operation is Operation.OVERLAP):
        raise Misuse("only AGGREGATE is charged for columns, and only AGGREGATE and OVERLAP for segments")
    to_receiver, to_sender = result
    planned = []
    if terms.dummies is Noise.LAPLACE:
        if receiver_side:
            planned.append(Planned("receiver", terms.epsilon_receiver, TAIL_DELTA, 0))
        else:
            planned.append(Planned("count", terms.epsilon_count, terms.delta, 0))
    elif not receiver_side:
        planned.append(Planned("count", ZERO, ZERO, segments))
    elif to_sender or operation is Operation.AGGREGATE:
        planned.append(Planned("receiver", ZERO, ZERO, segments))
    if columns and (to_sender if receiver_side else to_receiver):
        measures = [_measure(terms, column) for column in columns]
        if terms.noise is Noise.LAPLACE:
            loss = sum((epsilon for measure in measures for _, epsilon in measure.epsilon), ZERO)
            planned.append(Planned("values", loss, TAIL_DELTA, 0))
        else:
            planned.append(Planned("values", ZERO, ZERO, segments * sum(_cells(measure) for measure in measures)))
    return tuple(planned)


def _measure(terms: AggregateTerms, column: str) -> Measure:
    for measure in terms.measures:
        if measure.column == column:
            return measure
    raise Misuse("a column without a measure was let into a run")


def _cells(measure: Measure) -> int:
    return sum(len(measure.values) if statistic is Statistic.SHARE else 1 for statistic, _ in measure.epsilon)
