"""What both parties signed about statistics, and what they cost so far. Decimals stay exact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from gateway.client.record import bare, required_time
from gateway.v1 import agreement_pb2


@dataclass(frozen=True, slots=True)
class Scheme:
    """The homomorphic encryption of a run: "paillier", bits of its modulus, "short_exponent" or "exact"."""

    name: str
    key_bits: int
    mode: str


@dataclass(frozen=True, slots=True)
class Measure:
    """How a column enters statistics.

    Attributes:
        column: name of an agreed column.
        values: words of a band or category that are counted one by one; none for a number.
        step: sums are rounded to a multiple of it.
        epsilon: statistic ("sum", "sum_of_squares", "present", "share") -> privacy loss of one run, 0 = exact.
    """

    column: str
    values: tuple[str, ...]
    step: Decimal
    epsilon: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class AggregateTerms:
    """The terms of AGGREGATE and OVERLAP.

    Attributes:
        segments: most segments of a run.
        minimum_cohort: fewest people behind a released cell and behind its complement.
        count_step: released counts are rounded to a multiple of it.
        dummies: "LAPLACE" or "NONE": how counts are hidden.
        noise: "LAPLACE" or "NONE": how sums are hidden.
        epsilon_count: loss of the sender's people by the counts of one run.
        t: half the dummies per segment.
        epsilon_receiver: loss of the receiver's people by what the sender sees of the counts.
        delta: failure mass of the counts of one run.
        epsilon_cap: most loss towards one partner within a period; delta_cap and cells_per_period likewise.
        period_days: length of the sliding period.
        late_withdrawals: "STAND" or "ABANDON".
    """

    segments: int
    minimum_cohort: int
    count_step: int
    dummies: str
    noise: str
    epsilon_count: Decimal
    t: int
    epsilon_receiver: Decimal
    delta: Decimal
    epsilon_cap: Decimal
    delta_cap: Decimal
    period_days: int
    cells_per_period: int
    late_withdrawals: str
    scheme: Scheme
    measures: tuple[Measure, ...]


@dataclass(frozen=True, slots=True)
class BudgetCharge:
    """What one step of a run cost.

    Attributes:
        job_id: the run.
        step: "count", "values" or "receiver".
        cells: exact cells that the step may release.
    """

    job_id: str
    step: str
    epsilon: Decimal
    delta: Decimal
    cells: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Budget:
    """What statistics towards a partner cost within the present period, out of what is allowed.

    Attributes:
        charges: newest first; those older than the period cost nothing any more.
    """

    spent_epsilon: Decimal
    epsilon_cap: Decimal
    spent_delta: Decimal
    delta_cap: Decimal
    cells: int
    cells_per_period: int
    period_days: int
    charges: tuple[BudgetCharge, ...]


def terms_of(message: agreement_pb2.Agreement) -> AggregateTerms | None:
    """Read the terms of an agreement, None where it allows no statistics."""
    if not message.HasField("aggregate"):
        return None
    terms = message.aggregate
    return AggregateTerms(
        segments=terms.segments,
        minimum_cohort=terms.minimum_cohort,
        count_step=terms.count_step,
        dummies=agreement_pb2.Noise.Name(terms.dummies).removeprefix("NOISE_"),
        noise=agreement_pb2.Noise.Name(terms.noise).removeprefix("NOISE_"),
        epsilon_count=Decimal(terms.epsilon_count),
        t=terms.t,
        epsilon_receiver=Decimal(terms.epsilon_receiver),
        delta=Decimal(terms.delta),
        epsilon_cap=Decimal(terms.epsilon_cap),
        delta_cap=Decimal(terms.delta_cap),
        period_days=terms.period_days,
        cells_per_period=terms.cells_per_period,
        late_withdrawals=agreement_pb2.LateWithdrawals.Name(terms.late_withdrawals).removeprefix("LATE_WITHDRAWALS_"),
        scheme=Scheme(terms.scheme.name, terms.scheme.key_bits, terms.scheme.mode),
        measures=tuple(_measure(measure) for measure in terms.measures),
    )


def budget_of(message: agreement_pb2.Budget) -> Budget:
    """Read a budget."""
    return Budget(
        spent_epsilon=Decimal(message.spent_epsilon),
        epsilon_cap=Decimal(message.epsilon_cap),
        spent_delta=Decimal(message.spent_delta),
        delta_cap=Decimal(message.delta_cap),
        cells=message.cells,
        cells_per_period=message.cells_per_period,
        period_days=message.period_days,
        charges=tuple(
            BudgetCharge(
                job_id=bare(charge.job),
                step=charge.step,
                epsilon=Decimal(charge.epsilon),
                delta=Decimal(charge.delta),
                cells=charge.cells,
                at=required_time(charge, "time"),
            )
            for charge in message.charges
        ),
    )


def _measure(message: agreement_pb2.AgreementMeasure) -> Measure:
    return Measure(
        column=message.column,
        values=tuple(message.values),
        step=Decimal(message.step),
        epsilon={
            agreement_pb2.Statistic.Name(loss.statistic).removeprefix("STATISTIC_").lower(): Decimal(loss.epsilon)
            for loss in message.statistics
        },
    )
