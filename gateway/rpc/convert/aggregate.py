"""Terms of statistics and what they cost so far, to messages. Decimals are text."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from gateway.flow.ports import Charge, Spent
from gateway.route.agreement import AggregateTerms, LateWithdrawals, Measure, Noise, Statistic
from gateway.rpc.convert.field import time_to_proto
from gateway.rpc.convert.name import name_of
from gateway.v1 import agreement_pb2


def terms_to_proto(terms: AggregateTerms | None) -> agreement_pb2.AggregateTerms | None:
    """Write the terms of statistics; None leaves the field unset."""
    if terms is None:
        return None
    return agreement_pb2.AggregateTerms(
        segments=terms.segments,
        minimum_cohort=terms.minimum_cohort,
        count_step=terms.count_step,
        dummies=_NOISES[terms.dummies],
        noise=_NOISES[terms.noise],
        epsilon_count=decimal_text(terms.epsilon_count),
        t=terms.t,
        epsilon_receiver=decimal_text(terms.epsilon_receiver),
        delta=decimal_text(terms.delta),
        epsilon_cap=decimal_text(terms.epsilon_cap),
        delta_cap=decimal_text(terms.delta_cap),
        period_days=terms.period_days,
        cells_per_period=terms.cells_per_period,
        late_withdrawals=_LATE_WITHDRAWALS[terms.late_withdrawals],
        scheme=agreement_pb2.EncryptionScheme(
            name=terms.scheme.name, key_bits=terms.scheme.key_bits, mode=terms.scheme.mode
        ),
        measures=[_measure(measure) for measure in terms.measures],
    )


def budget_to_proto(terms: AggregateTerms, spent: Spent, charges: Iterable[Charge]) -> agreement_pb2.Budget:
    """Write what a period's statistics cost, out of what is allowed.

    Args:
        terms: the agreement's terms, which hold the caps.
        spent: what was charged within the present period.
        charges: newest first.
    """
    return agreement_pb2.Budget(
        spent_epsilon=decimal_text(spent.epsilon),
        epsilon_cap=decimal_text(terms.epsilon_cap),
        spent_delta=decimal_text(spent.delta),
        delta_cap=decimal_text(terms.delta_cap),
        cells=spent.cells,
        cells_per_period=terms.cells_per_period,
        period_days=terms.period_days,
        charges=[
            agreement_pb2.BudgetCharge(
                job=name_of("jobs", charge.job_id),
                step=charge.step,
                epsilon=decimal_text(charge.epsilon),
                delta=decimal_text(charge.delta),
                cells=charge.cells,
                time=time_to_proto(charge.at),
            )
            for charge in charges
        ],
    )


def decimal_text(value: Decimal) -> str:
    """Write a decimal without exponent and without zeros at its end."""
    text = f"{value:f}"
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


def _measure(measure: Measure) -> agreement_pb2.AgreementMeasure:
    return agreement_pb2.AgreementMeasure(
        column=measure.column,
        values=measure.values,
        step=decimal_text(measure.step),
        statistics=[
            agreement_pb2.StatisticLoss(statistic=_STATISTICS[statistic], epsilon=decimal_text(epsilon))
            for statistic, epsilon in measure.epsilon
        ],
    )


_NOISES = {Noise.LAPLACE: agreement_pb2.NOISE_LAPLACE, Noise.NONE: agreement_pb2.NOISE_NONE}
_LATE_WITHDRAWALS = {
    LateWithdrawals.STAND: agreement_pb2.LATE_WITHDRAWALS_STAND,
    LateWithdrawals.ABANDON: agreement_pb2.LATE_WITHDRAWALS_ABANDON,
}
_STATISTICS = {
    Statistic.SUM: agreement_pb2.STATISTIC_SUM,
    Statistic.SUM_OF_SQUARES: agreement_pb2.STATISTIC_SUM_OF_SQUARES,
    Statistic.PRESENT: agreement_pb2.STATISTIC_PRESENT,
    Statistic.SHARE: agreement_pb2.STATISTIC_SHARE,
}
