"""Terms of statistics, for tests of messages."""

from __future__ import annotations

from decimal import Decimal

from gateway.route.agreement import AggregateTerms, LateWithdrawals, Measure, Noise, Scheme, Statistic

TERMS = AggregateTerms(
    segments=8,
    minimum_cohort=50,
    count_step=5,
    dummies=Noise.LAPLACE,
    noise=Noise.NONE,
    epsilon_count=Decimal("0.50"),
    t=25,
    epsilon_receiver=Decimal(1),
    delta=Decimal("1E-6"),
    epsilon_cap=Decimal(20),
    delta_cap=Decimal("0.001"),
    period_days=30,
    cells_per_period=1000,
    late_withdrawals=LateWithdrawals.ABANDON,
    scheme=Scheme("paillier", 3072, "exact"),
    measures=(
        Measure(
            "recency", (), Decimal("0.01"), ((Statistic.SUM, Decimal(0)), (Statistic.SUM_OF_SQUARES, Decimal("0.0")))
        ),
        Measure("channel", ("web", "phone"), Decimal(1), ((Statistic.SHARE, Decimal(0)),)),
    ),
)
