"""Intervals say what they promise: simulated runs with known truth, seeded, pooled by statistic."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from gateway.disclosure import compare, release_aggregate
from gateway.route.agreement import Noise
from gateway.route.job import Side
from tests.unit.gateway.disclosure.runs import (
    AT,
    by_place,
    exact_of,
    job_of,
    layout_of,
    noised,
    people_of,
    released,
    terms_of,
    truth_of,
)

SIZES = {"east": 300, "west": 200, "north": 150}
RUNS = 80
ALL = ("spend", "visit", "age", "channel")


@pytest.mark.parametrize(
    ("side", "result_to", "epsilon"),
    [
        (Side.RECEIVER, ("r",), "1"),
        (Side.RECEIVER, ("r",), "0.1"),
        (Side.SENDER, ("s",), "1"),
        (Side.SENDER, ("r", "s"), "0.5"),
    ],
)
def test_noise_intervals_cover_the_exact_figures(side: Side, result_to: tuple[str, ...], epsilon: str) -> None:
    people = people_of(11, SIZES)
    terms = terms_of(Noise.LAPLACE, epsilon=epsilon)
    layout, names = layout_of(terms, ALL), tuple(SIZES)
    exact = exact_of(people, names, layout)
    job = job_of(terms, ALL, side, result_to)
    truth = truth_of(people, tuple(SIZES))
    below = random.Random(f"{side} {result_to} {epsilon}").randrange
    hits: Counter[str] = Counter()
    cells: Counter[str] = Counter()
    for _ in range(RUNS):
        aggregate = noised(exact, layout, terms, below, side, result_to)
        release = release_aggregate(job, "s", aggregate, layout, names, AT, {})
        for place, row in by_place(release.table).items():
            if row["value"] is None:
                continue
            kind = place[3]
            slack = 1e-9 * abs(truth[place])
            cells[kind] += 1
            hits[kind] += float(row["low"]) - slack <= truth[place] <= float(row["high"]) + slack
            assert float(row["low"]) <= float(row["value"]) <= float(row["high"])
            assert row["noise_sd"] > 0
    assert len(cells) == 8
    for kind, total in cells.items():
        assert hits[kind] / total >= 0.93, kind
    assert sum(hits.values()) / cells.total() >= 0.95
    # Counts and sums are not covered by being vague: their intervals are as tight as the noise allows.
    if epsilon == "0.1":
        assert hits["sum"] / cells["sum"] < 0.975


@pytest.mark.parametrize("noise", [Noise.NONE, Noise.LAPLACE])
def test_comparison_intervals_cover_the_difference_in_the_population(noise: Noise) -> None:
    """Arms are drawn anew from one population each time: the true lift is 0. 600 draws tell 95 % to about 2 %."""
    terms = terms_of(noise, epsilon="0.5")
    hits: Counter[str] = Counter()
    cells: Counter[str] = Counter()
    small = 0
    for seed in range(60):
        people = people_of(seed, {"none": 300, "a": 260, "b": 340})
        table = released(people, terms, seed=seed).table
        for row in compare(table, "none").to_pylist():
            kind = str(row["statistic"])
            cells[kind] += 1
            hits[kind] += float(row["low"]) <= 0 <= float(row["high"])
            small += kind == "lift" and row["p_value"] < 0.05
            assert kind != "lift" or (row["p_value"] < 0.05) == (not float(row["low"]) <= 0 <= float(row["high"]))
    assert cells["lift"] == cells["relative_lift"] == 600
    for kind, total in cells.items():
        assert 0.92 <= hits[kind] / total <= 0.98, kind
    assert small == cells["lift"] - hits["lift"]
