"""Runs of AGGREGATE in plain sight: people with segments and values, and the sums that a run would have brought."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa

from gateway.disclosure import release_aggregate
from gateway.disclosure.laplace import Below, draw, draw_dummies
from gateway.route.aggregate import Aggregate, Lane, Layout, SegmentSums
from gateway.route.agreement import (
    AggregateTerms,
    AgreementBinding,
    Column,
    ColumnType,
    LateWithdrawals,
    Measure,
    Noise,
    Operation,
    Scheme,
    Statistic,
)
from gateway.route.job import AuthorizedJob, Side
from gateway.route.matched import Release

AT = datetime(2026, 3, 1, tzinfo=UTC)
SPEND = Column("spend", "purchase", ColumnType.NUMBER, Decimal(0), Decimal(200), 2, 0)
VISIT = Column("visit", "behaviour", ColumnType.NUMBER, Decimal(0), Decimal(1), 0, 0)
AGE = Column("age", "profile", ColumnType.NUMBER, Decimal(0), Decimal(120), 0, 0)
CHANNEL = Column("channel", "behaviour", ColumnType.CATEGORY, None, None, 0, 10)
COLUMNS = (SPEND, VISIT, AGE, CHANNEL)
WORDS = ("web", "phone")
AGE_STATISTICS = (Statistic.SUM, Statistic.SUM_OF_SQUARES, Statistic.PRESENT)
BINDING = AgreementBinding("a", "d", "s", "customer", (), ())


def terms_of(noise: Noise = Noise.NONE, dummies: Noise | None = None, epsilon: str = "1", **changes: Any) -> Any:
    dummies = noise if dummies is None else dummies
    noisy, hidden = noise is Noise.LAPLACE, dummies is Noise.LAPLACE
    e = Decimal(epsilon) if noisy else Decimal(0)
    made = AggregateTerms(
        segments=8,
        minimum_cohort=20,
        count_step=1,
        dummies=dummies,
        noise=noise,
        epsilon_count=Decimal(int(hidden)),
        t=14 * int(hidden),
        epsilon_receiver=Decimal("0.5") * int(hidden),
        delta=Decimal("0.000001") * int(hidden),
        epsilon_cap=Decimal(20),
        delta_cap=Decimal("0.001"),
        period_days=30,
        cells_per_period=1000,
        late_withdrawals=LateWithdrawals.STAND,
        scheme=Scheme("paillier", 3072, "exact"),
        measures=(
            Measure("spend", (), Decimal("0.01"), ((Statistic.SUM, e), (Statistic.SUM_OF_SQUARES, 2 * e))),
            Measure("visit", (), Decimal(1), ((Statistic.SUM, e),)),
            Measure(
                "age",
                (),
                Decimal(1),
                tuple((s, e) for s in (Statistic.SUM, Statistic.SUM_OF_SQUARES, Statistic.PRESENT)),
            ),
            Measure("channel", WORDS, Decimal(1), ((Statistic.SHARE, e),)),
        ),
    )
    return replace(made, **changes)


def layout_of(terms: AggregateTerms, columns: tuple[str, ...]) -> Layout:
    bounds = {"spend": 20_000, "visit": 1, "age": 120, "channel": 1}
    lanes = []
    for measure in (measure for name in columns for measure in terms.measures if measure.column == name):
        scale = 2 if measure.column == "spend" else 0
        for statistic, epsilon in measure.epsilon:
            square = statistic is Statistic.SUM_OF_SQUARES
            most = 1 if statistic is Statistic.PRESENT else bounds[measure.column] ** (1 + square)
            for word in measure.values or (None,):
                digits = 0 if statistic is Statistic.PRESENT else scale * (1 + square)
                lanes.append(Lane(measure.column, statistic, word, 0, 0, 64, 0, digits, most, epsilon))
    return Layout(tuple(lanes), 1, 3072)


def job_of(
    terms: AggregateTerms | None,
    columns: tuple[str, ...],
    side: Side = Side.RECEIVER,
    result_to: tuple[str, ...] = ("r",),
    binding: AgreementBinding = BINDING,
) -> AuthorizedJob:
    made = SimpleNamespace(
        job_id="j",
        side=side,
        own_party="r" if side is Side.RECEIVER else "s",
        columns=columns,
        agreement=SimpleNamespace(agreement_id="a", retention_days=10, aggregate=terms, columns=COLUMNS),
        partner=SimpleNamespace(card=SimpleNamespace(party="s" if side is Side.RECEIVER else "r")),
        direction=SimpleNamespace(receiver="r", sender="s", result_to=result_to),
        operation=Operation.AGGREGATE if columns else Operation.OVERLAP,
        binding=binding,
    )
    return cast(AuthorizedJob, made)


def people_of(seed: int, sizes: dict[str, int], found: float = 0.7) -> pd.DataFrame:
    """People of R with their segment; whether S has them, and then S's values as integers of their scale."""
    rng = np.random.default_rng(seed)
    n = sum(sizes.values())
    return pd.DataFrame(
        {
            "segment": np.repeat(list(sizes), list(sizes.values())),
            "found": rng.random(n) < found,
            "spend": rng.integers(0, 20_001, n) * (rng.random(n) < 0.4),
            "visit": (rng.random(n) < 0.3).astype(int),
            "age": np.where(rng.random(n) < 0.8, rng.integers(0, 121, n), np.nan),
            "channel": rng.choice([*WORDS, "other"], n),
        }
    )


def lane_sum(lane: Lane, matched: pd.DataFrame) -> int:
    values = matched[lane.column]
    if lane.statistic is Statistic.SHARE:
        return int((values == lane.value).sum())
    if lane.statistic is Statistic.PRESENT:
        return int(values.notna().sum())
    return int((values.dropna().astype("int64") ** (2 if lane.statistic is Statistic.SUM_OF_SQUARES else 1)).sum())


def exact_of(people: pd.DataFrame, names: tuple[str, ...], layout: Layout) -> Aggregate:
    """What an exact run brings: true counts and sums."""
    segments = []
    for name in names:
        of = people[people.segment == name]
        matched = of[of.found]
        sums = tuple(lane_sum(lane, matched) for lane in layout.lanes)
        segments.append(SegmentSums(len(of), len(matched), len(matched), sums))
    return Aggregate(tuple(segments))


def noised(
    exact: Aggregate,
    layout: Layout,
    terms: AggregateTerms,
    below: Below,
    side: Side = Side.RECEIVER,
    result_to: tuple[str, ...] = ("r",),
) -> Aggregate:
    """The same with the noise that the terms ask for, as it stands in the figures of one side."""
    draws = 2 if len(result_to) == 2 and side is Side.SENDER else 1
    cells = len(layout.lanes) * len(exact.segments)
    segments = []
    for one in exact.segments:
        count, eta = one.count, 0
        if terms.dummies is Noise.LAPLACE:
            count += draw_dummies(terms.epsilon_count, terms.t, below) - terms.t
            eta = draw(terms.epsilon_receiver, 1, len(exact.segments), below)
        assert one.sums is not None
        sums = tuple(
            value + sum(draw(lane.epsilon, lane.bound, cells, below) for _ in range(draws if lane.epsilon else 0))
            for value, lane in zip(one.sums, layout.lanes, strict=True)
        )
        segments.append(SegmentSums(one.size, count if side is Side.RECEIVER else count + eta, count + eta, sums))
    return Aggregate(tuple(segments))


def released(
    people: pd.DataFrame,
    terms: AggregateTerms,
    columns: tuple[str, ...] = ("spend", "visit", "age", "channel"),
    side: Side = Side.RECEIVER,
    result_to: tuple[str, ...] = ("r",),
    seed: int = 1,
) -> Release:
    names = tuple(dict.fromkeys(people.segment))
    layout = layout_of(terms, columns)
    aggregate = noised(exact_of(people, names, layout), layout, terms, random.Random(seed).randrange, side, result_to)
    return release_aggregate(job_of(terms, columns, side, result_to), "s", aggregate, layout, names, AT, {"cut": 1})


Place = tuple[str | None, str | None, str | None, str]


def by_place(table: pa.Table) -> dict[Place, dict[str, Any]]:
    return {(row["segment"], row["column"], row["category"], row["statistic"]): row for row in table.to_pylist()}


def truth_of(people: pd.DataFrame, names: tuple[str, ...]) -> dict[Place, float]:
    """The same cells by pandas, of segments and their total."""
    truth: dict[Place, float] = {}
    for name in (*names, None):
        of = people[people.segment.isin(names)] if name is None else people[people.segment == name]
        matched = of[of.found]
        truth[name, None, None, "count"] = len(matched)
        truth[name, None, None, "share_of_segment"] = len(matched) / len(of)
        for column, unit in (("spend", 100), ("visit", 1), ("age", 1)):
            values = matched[column].dropna().astype(float) / unit
            truth[name, column, None, "sum"] = values.sum()
            truth[name, column, None, "sum_of_squares"] = (values**2).sum()
            truth[name, column, None, "present"] = len(values)
            truth[name, column, None, "mean"] = values.mean()
            truth[name, column, None, "variance"] = values.var()
        for word in WORDS:
            truth[name, "channel", word, "count"] = (matched.channel == word).sum()
            truth[name, "channel", word, "share"] = (matched.channel == word).mean()
    return truth
