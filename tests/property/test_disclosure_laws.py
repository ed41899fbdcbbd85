"""Laws of disclosure: what is held back has no figure, stricter is stricter, exact is exact, intervals hold values."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.disclosure import Rule, bound, compare, release_aggregate, stricter, verdict
from gateway.disclosure.laplace import draw, draw_dummies
from gateway.errors import RequestError
from gateway.route.aggregate import Aggregate, SegmentSums
from gateway.route.agreement import Noise
from gateway.route.job import Side
from tests.unit.gateway.disclosure.runs import (
    AT,
    BINDING,
    by_place,
    job_of,
    layout_of,
    people_of,
    released,
    terms_of,
    truth_of,
)

ALL = ("spend", "visit", "age", "channel")
rules = st.builds(Rule, st.integers(0, 300), st.integers(1, 50))
columns = st.lists(st.sampled_from(ALL), unique=True).map(tuple)
epsilons = st.decimals("0.000001", "10", places=6)


@st.composite
def segments(draw: st.DrawFn, lanes: int) -> SegmentSums:
    size = draw(st.integers(0, 400))
    figures = st.integers(-(2**40), 2**40) | st.integers(-50, 300)
    sums = draw(st.none() | st.tuples(*[figures] * lanes))
    return SegmentSums(size, draw(st.integers(-30, 430)), draw(st.integers(-30, 430)), sums)


@st.composite
def runs(draw: st.DrawFn) -> tuple[Any, ...]:
    terms = terms_of(
        draw(st.sampled_from(Noise)),
        draw(st.sampled_from(Noise)),
        count_step=draw(st.sampled_from([1, 5, 10])),
        minimum_cohort=draw(st.integers(20, 120)),
    )
    asked = draw(columns)
    layout = layout_of(terms, asked)
    aggregate = Aggregate(tuple(draw(st.lists(segments(len(layout.lanes)), max_size=4))))
    side = draw(st.sampled_from(Side))
    to = ("r", "s") if draw(st.booleans()) else ("r",) if side is Side.RECEIVER else ("s",)
    return terms, asked, layout, aggregate, side, to, draw(st.integers(0, 150))


def table_of_run(run: tuple[Any, ...]) -> pa.Table:
    terms, asked, layout, aggregate, side, to, own = run
    job = job_of(terms, asked, side, to, replace(BINDING, minimum_cohort=own))
    names = tuple(str(i + 1) for i in range(len(aggregate.segments)))
    return release_aggregate(job, "s", aggregate, layout, names, AT, {}).table


@settings(max_examples=50)
@given(runs())
def test_what_is_held_back_has_no_figure_anywhere(run: tuple[Any, ...]) -> None:
    terms, _, _, aggregate, *_, own = run
    minimum = max(terms.minimum_cohort, own)
    table = table_of_run(run)
    for row in table.to_pylist():
        figures = [row[name] for name in ("value", "low", "high", "noise_sd")]
        if row["suppressed"] is not None:
            assert figures == [None] * 4
        elif row["value"] is None:
            assert figures == [None] * 4
            assert row["statistic"] in ("mean", "share", "variance")
        else:
            assert float(row["low"]) <= float(row["value"]) <= float(row["high"])
            assert row["noise_sd"] >= 0
            if row["segment"] is not None:
                one = aggregate.segments[int(row["segment"]) - 1]
                assert minimum <= one.tested <= one.size - minimum
                assert one.sums is not None


@settings(max_examples=50)
@given(runs(), st.data())
def test_a_held_back_segment_leaves_no_trace_in_any_other_cell(run: tuple[Any, ...], data: st.DataObject) -> None:
    """Whatever stands in the held-back segments, the rest of the table is the same: totals too."""
    terms, asked, layout, aggregate, side, to, own = run
    rule = Rule(max(terms.minimum_cohort, own), 1)
    other = []
    for one in aggregate.segments:
        if verdict(rule, one.size, one.tested) is None:
            other.append(one)
        else:
            count = data.draw(st.integers(-30, 430))
            sums = data.draw(st.tuples(*[st.integers(-(2**40), 2**40)] * len(layout.lanes)))
            other.append(replace(one, count=count, sums=sums))
    assert table_of_run((terms, asked, layout, Aggregate(tuple(other)), side, to, own)) == table_of_run(run)


@settings(max_examples=50)
@given(runs(), st.integers(0, 200))
def test_a_stricter_minimum_never_shows_a_segment_more(run: tuple[Any, ...], more: int) -> None:
    *rest, own = run
    shown, fewer = by_place(table_of_run(run)), by_place(table_of_run((*rest, own + more)))
    assert shown.keys() == fewer.keys()
    for place, row in fewer.items():
        if place[0] is not None and row["value"] is not None:
            assert row == shown[place]


@settings(max_examples=50)
@given(runs())
def test_comparisons_show_nothing_that_is_held_back(run: tuple[Any, ...]) -> None:
    table = table_of_run(run)
    cells = by_place(table)
    for control in [str(i + 1) for i in range(len(run[3].segments))]:
        if cells[control, None, None, "count"]["value"] is None:
            with pytest.raises(RequestError):
                compare(table, control)
            continue
        for row in compare(table, control).to_pylist():
            held = cells[row["segment"], None, None, "count"]["suppressed"]
            assert held is None or (row["suppressed"] == held and row["value"] is None)
            if row["value"] is not None and row["low"] is not None:
                assert float(row["low"]) <= float(row["value"]) <= float(row["high"])
                assert row["p_value"] is None or 0 <= row["p_value"] <= 1


@given(rules, rules, rules)
def test_stricter_is_a_semilattice(a: Rule, b: Rule, c: Rule) -> None:
    assert stricter(a, b) == stricter(b, a)
    assert stricter(a, stricter(b, c)) == stricter(stricter(a, b), c)
    assert stricter(a, a) == a


@given(rules, rules, st.integers(0, 900), st.integers(-50, 900))
def test_the_stricter_rule_holds_back_what_either_does(a: Rule, b: Rule, size: int, tested: int) -> None:
    either = verdict(a, size, tested) is not None or verdict(b, size, tested) is not None
    assert (verdict(stricter(a, b), size, tested) is not None) == either


@settings(max_examples=25)
@example(4448504, [74, 64])
@given(st.integers(0, 2**32), st.lists(st.integers(60, 200), min_size=1, max_size=4))
def test_exact_is_what_pandas_computes(seed: int, sizes: list[int]) -> None:
    names = {f"g{i}": size for i, size in enumerate(sizes)}
    people: pd.DataFrame = people_of(seed, names, 0.5)
    cells = by_place(released(people, terms_of(Noise.NONE)).table)
    shown = tuple(name for name in names if cells[name, None, None, "count"]["value"] is not None)
    truth = truth_of(people, shown)
    aged = tuple(name for name in shown if cells[name, "age", None, "sum"]["value"] is not None)
    if aged:
        # Ages known of too few people are left out of the total, too.
        truth.update({place: value for place, value in truth_of(people, aged).items() if place[1] == "age"})
    for place, row in cells.items():
        if row["suppressed"] is None:
            assert float(row["value"]) == pytest.approx(truth[place], rel=1e-11)
            assert row["low"] == row["value"] == row["high"]
            assert row["noise_sd"] == 0
        else:
            assert place[0] not in shown or place[1] == "age"


@given(epsilons, st.integers(1, 2**63), st.integers(1, 10**6), st.integers(0, 2**32))
def test_no_draw_leaves_the_bound(epsilon: Decimal, sensitivity: int, cells: int, seed: int) -> None:
    most = bound(epsilon, sensitivity, cells)
    assert abs(draw(epsilon, sensitivity, cells, random.Random(seed).randrange)) <= most
    # (41 + log2 cells) ln 2 scales and one sensitivity, never more than one bit of cells and a unit beyond it.
    assert most <= (42 + cells.bit_length()) * Fraction("0.693148") * sensitivity / Fraction(epsilon) + sensitivity + 1


@given(epsilons.filter(lambda e: e > Decimal("0.001")), st.integers(1, 200), st.integers(0, 2**32))
def test_no_tau_leaves_the_dummies(epsilon: Decimal, t: int, seed: int) -> None:
    if epsilon * t < 1:
        t = int(1 / epsilon) + 1
    assert 0 <= draw_dummies(epsilon, t, random.Random(seed).randrange) <= 2 * t
