"""What a release of statistics shows, and what it never does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.disclosure import CELLS, release_aggregate, release_cells
from gateway.errors import Misuse
from gateway.route.aggregate import Aggregate, SegmentSums
from gateway.route.agreement import Noise, Operation
from gateway.route.job import Side
from tests.unit.gateway.disclosure.runs import (
    AT,
    BINDING,
    by_place,
    exact_of,
    job_of,
    layout_of,
    people_of,
    released,
    terms_of,
    truth_of,
)

ALL = ("spend", "visit", "age", "channel")
SIZES = {"east": 200, "west": 150, "north": 120}
PLAIN = terms_of(Noise.NONE)


def test_exact_cells_equal_the_plain_computation() -> None:
    people = people_of(5, SIZES)
    release = released(people, PLAIN)
    assert release.table.schema == CELLS
    cells = by_place(release.table)
    truth = truth_of(people, tuple(SIZES))
    assert len(cells) == release.table.num_rows == 4 * (2 + 4 + 3 + 5 + 4)
    for place, row in cells.items():
        assert row["low"] == row["value"] == row["high"], place
        assert (row["noise_sd"], row["suppressed"], row["p_value"], row["against"]) == (0.0, None, None, None)
        assert float(row["value"]) == pytest.approx(truth[place], rel=1e-11), place
    assert cells["east", "spend", None, "sum"]["value"] == f"{truth['east', 'spend', None, 'sum']:.2f}"
    matched = people[people.found & (people.segment == "east")]
    squares = int((matched.spend.astype(int) ** 2).sum())
    assert cells["east", "spend", None, "sum_of_squares"]["value"] == f"{squares // 10_000}.{squares % 10_000:04}"
    assert [row["segment"] for row in release.table.to_pylist()][-1] is None, "the total comes last"


def test_a_release_says_what_it_is() -> None:
    people = people_of(5, SIZES | {"tiny": 5})
    release = released(people, terms_of(Noise.LAPLACE))
    assert (release.job_id, release.session_id, release.agreement_id, release.partner) == ("j", "s", "a", "s")
    assert release.expires_at - release.obtained_at == timedelta(days=10)
    assert release.report == {
        "cut": 1,
        "dummies": "LAPLACE",
        "noise": "LAPLACE",
        "suppressed_segments": {"BELOW_MINIMUM": 1},
        "not_for_partner": True,
    }
    assert released(people, PLAIN).report["not_for_partner"] is True, "exact figures of R unveil R's people too"
    assert released(people, PLAIN, side=Side.SENDER, result_to=("s",)).report["not_for_partner"] is False
    both = released(people, terms_of(Noise.LAPLACE), side=Side.SENDER, result_to=("r", "s"))
    assert both.report["not_for_partner"] is False, "S's figures carry R's noise"


@pytest.mark.parametrize(
    ("tested", "sums", "why"),
    [
        (19, (7,), "BELOW_MINIMUM"),
        (1, (7,), "BELOW_MINIMUM"),
        (181, (7,), "COMPLEMENT_BELOW_MINIMUM"),
        (100, None, "WITHHELD_BY_PARTNER"),
        (19, None, "BELOW_MINIMUM"),
    ],
)
def test_a_segment_that_is_held_back_shows_nothing_at_all(tested: int, sums: Any, why: str) -> None:
    layout = layout_of(PLAIN, ("visit",))
    ours = SegmentSums(200, 100, 100, (40,))
    # Whatever its count says: the test alone decides.
    other = SegmentSums(200, 100, tested, sums)
    release = release_aggregate(job_of(PLAIN, ("visit",)), "s", Aggregate((ours, other)), layout, ("a", "b"), AT, {})
    cells = by_place(release.table)
    held = [row for row in cells.values() if row["segment"] == "b"]
    assert len(held) == 5
    for row in held:
        assert row["suppressed"] == why
        assert all(row[name] is None for name in ("value", "low", "high", "noise_sd", "p_value"))
    for place, row in cells.items():
        if place[0] is None:
            assert row["value"] == cells["a", *place[1:]]["value"], "the total is of what is shown"


def test_a_segment_too_similar_to_an_earlier_one_shows_nothing_whatever_its_count() -> None:
    layout = layout_of(PLAIN, ("visit",))
    segments = tuple(SegmentSums(200, 100 + more, 100 + more, (40 + more,)) for more in range(3))
    job, names = job_of(PLAIN, ("visit",)), ("a", "b", "c")

    def cells_of(similar: frozenset[int]) -> tuple[Any, Any]:
        release = release_aggregate(job, "s", Aggregate(segments), layout, names, AT, {}, similar)
        return by_place(release.table), release.report["suppressed_segments"]

    free, none_held = cells_of(frozenset())
    assert none_held == {}
    cells, held = cells_of(frozenset({1}))
    assert held == {"INPUT_TOO_SIMILAR": 1}
    for place, row in cells.items():
        if place[0] == "b":
            assert row["suppressed"] == "INPUT_TOO_SIMILAR"
            assert all(row[name] is None for name in ("value", "low", "high", "noise_sd", "p_value"))
        elif place[0] is not None:
            assert row == free[place], "the others are shown as they were"
    # Nor can it be had from the total: that is of a and c.
    assert cells[None, None, None, "count"]["value"] == "202"
    assert cells[None, "visit", None, "sum"]["value"] == "82"
    nothing, held = cells_of(frozenset({0, 1, 2}))
    assert held == {"INPUT_TOO_SIMILAR": 3}
    assert {(row["value"], row["suppressed"]) for row in nothing.values()} == {(None, "INPUT_TOO_SIMILAR")}


def test_cells_that_were_sealed_are_the_same_release() -> None:
    release = released(people_of(5, SIZES), PLAIN)
    assert release_cells(job_of(PLAIN, ALL), "s", release.table, AT, release.report) == release


def test_nothing_released_has_no_total() -> None:
    layout = layout_of(PLAIN, ("visit",))
    aggregate = Aggregate((SegmentSums(200, 5, 5, (3,)), SegmentSums(200, 6, 6, (3,))))
    release = release_aggregate(job_of(PLAIN, ("visit",)), "s", aggregate, layout, ("a", "b"), AT, {})
    assert all(row["value"] is None and row["suppressed"] == "BELOW_MINIMUM" for row in release.table.to_pylist())
    nobody = release_aggregate(job_of(PLAIN, ("visit",)), "s", Aggregate(()), layout, (), AT, {})
    assert all(row["value"] is None and row["segment"] is None for row in nobody.table.to_pylist())


def test_our_own_minimum_holds_back_what_the_agreement_would_show() -> None:
    people = people_of(5, SIZES)
    layout = layout_of(PLAIN, ALL)
    aggregate = exact_of(people, tuple(SIZES), layout)
    job = job_of(PLAIN, ALL, binding=replace(BINDING, minimum_cohort=10_000))
    release = release_aggregate(job, "s", aggregate, layout, tuple(SIZES), AT, {})
    assert set(release.table.column("value").to_pylist()) == {None}


def test_a_sum_of_fewer_people_than_the_minimum_is_held_back_though_the_segment_is_not() -> None:
    layout = layout_of(PLAIN, ("age",))
    rare = SegmentSums(200, 100, 100, (40, 1600, 1))  # one person of 100 has an age: the sum is that age
    usual = SegmentSums(200, 100, 100, (4000, 200_000, 90))
    names = ("rare", "usual")
    release = release_aggregate(job_of(PLAIN, ("age",)), "s", Aggregate((rare, usual)), layout, names, AT, {})
    cells = by_place(release.table)
    assert cells["rare", None, None, "count"]["value"] == "100"
    for statistic in ("sum", "sum_of_squares", "present", "mean", "variance"):
        row = cells["rare", "age", None, statistic]
        assert (row["value"], row["low"], row["noise_sd"], row["suppressed"]) == (None, None, None, "BELOW_MINIMUM")
        total = cells[None, "age", None, statistic]
        assert total["value"] == cells["usual", "age", None, statistic]["value"]
    assert cells[None, None, None, "count"]["value"] == "200"


def test_the_people_behind_a_sum_are_counted_before_rounding() -> None:
    terms = terms_of(Noise.NONE, count_step=10)
    layout = layout_of(terms, ("age",))
    aggregate = Aggregate((SegmentSums(200, 100, 100, (640, 20_000, 16)),))
    release = release_aggregate(job_of(terms, ("age",)), "s", aggregate, layout, ("a",), AT, {})
    assert by_place(release.table)["a", "age", None, "present"]["suppressed"] == "BELOW_MINIMUM"


def test_rounding_is_in_the_value_the_interval_and_the_deviation() -> None:
    terms = terms_of(Noise.NONE, count_step=10)
    terms = replace(terms, measures=tuple(replace(one, step=one.step * 500) for one in terms.measures[:2]))
    layout = layout_of(terms, ("spend", "visit"))
    aggregate = Aggregate((SegmentSums(400, 104, 104, (123_456, 99, 270)), SegmentSums(400, 107, 107, (1, 1, 249))))
    release = release_aggregate(job_of(terms, ("spend", "visit")), "s", aggregate, layout, ("a", "b"), AT, {})
    cells = by_place(release.table)
    count = cells["a", None, None, "count"]
    assert (count["value"], count["low"], count["high"]) == ("100", "95", "105")
    assert count["noise_sd"] == pytest.approx(10 / 12**0.5)
    spend = cells["a", "spend", None, "sum"]
    assert (spend["value"], spend["low"], spend["high"]) == ("1235.00", "1232.50", "1237.50")
    assert cells["a", "spend", None, "sum_of_squares"]["value"] == "0.0099", "squares keep their digits"
    mean = cells["a", "spend", None, "mean"]
    assert mean["value"] == "12.35", "from what is released, not from what was hidden"
    assert float(mean["low"]) == pytest.approx(1232.5 / 105)
    assert float(mean["high"]) == pytest.approx(1237.5 / 95)
    assert [cells[name, "visit", None, "sum"]["value"] for name in ("a", "b", None)] == ["500", "0", "500"]
    assert cells[None, None, None, "count"]["value"] == "210"


def test_overlap_has_counts_only() -> None:
    aggregate = Aggregate((SegmentSums(200, 100, 103, ()), SegmentSums(200, 3, 3, ())))
    terms = terms_of(Noise.LAPLACE)
    release = release_aggregate(job_of(terms, ()), "s", aggregate, None, ("a", "b"), AT, {})
    assert release.operation is Operation.OVERLAP
    cells = by_place(release.table)
    assert [place[3] for place in cells] == ["count", "share_of_segment"] * 3
    row = cells["a", None, None, "count"]
    assert (row["value"], row["low"], row["high"]) == ("100", "97", "103")
    assert cells["a", None, None, "share_of_segment"]["value"] == "0.5"
    assert cells["b", None, None, "count"]["value"] is None


def test_noise_that_leaves_nothing_to_divide_by_leaves_no_quotient() -> None:
    terms = terms_of(Noise.LAPLACE)
    layout = layout_of(terms, ("visit",))
    aggregate = Aggregate((SegmentSums(200, 0, 25, (40,)), SegmentSums(200, 1, 25, (-4,))))
    release = release_aggregate(job_of(terms, ("visit",)), "s", aggregate, layout, ("a", "b"), AT, {})
    cells = by_place(release.table)
    for name in ("mean", "variance"):
        row = cells["a", "visit", None, name]
        assert (row["value"], row["low"], row["high"], row["noise_sd"], row["suppressed"]) == (None,) * 5
    assert cells["b", "visit", None, "mean"]["value"] == "-4"
    assert cells["b", "visit", None, "variance"]["value"] is None


def test_both_who_receive_and_who_noised_widen_the_intervals() -> None:
    people = people_of(5, SIZES)
    terms = terms_of(Noise.LAPLACE)

    def deviation(side: Side, result_to: tuple[str, ...], statistic: str) -> float:
        table = released(people, terms, ("spend",), side=side, result_to=result_to).table
        column = "spend" if statistic == "sum" else None
        return float(by_place(table)["east", column, None, statistic]["noise_sd"])

    alone = deviation(Side.RECEIVER, ("r",), "sum")
    assert alone == pytest.approx(200 * 2**0.5, rel=1e-4), "bound 200.00 at epsilon 1"
    assert deviation(Side.RECEIVER, ("r", "s"), "sum") == alone
    assert deviation(Side.SENDER, ("s",), "sum") == alone
    assert deviation(Side.SENDER, ("r", "s"), "sum") == pytest.approx(alone * 2**0.5)
    tau = deviation(Side.RECEIVER, ("r",), "count")
    assert deviation(Side.SENDER, ("s",), "count") == pytest.approx((tau**2 + 0.5 / 0.2526123168081683**2) ** 0.5)


SUMS = SegmentSums(200, 100, 100, (40,))


@pytest.mark.parametrize(
    ("job", "sums", "names", "columns"),
    [
        (job_of(PLAIN, ("visit",)), (SUMS,), ("a", "b"), ("visit",)),
        (job_of(PLAIN, ("visit",)), (SUMS, SUMS), ("a", "a"), ("visit",)),
        (job_of(PLAIN, ("visit",)), (replace(SUMS, sums=(1, 2)),), ("a",), ("visit",)),
        (job_of(PLAIN, ("visit", "spend")), (SUMS,), ("a",), ("visit",)),
        (job_of(PLAIN, ("spend",)), (SUMS,), ("a",), ("visit",)),
        (job_of(PLAIN, ("visit",), Side.SENDER, ("r",)), (SUMS,), ("a",), ("visit",)),
        (job_of(PLAIN, ("visit",), Side.RECEIVER, ("s",)), (SUMS,), ("a",), ("visit",)),
        (job_of(None, ("visit",)), (SUMS,), ("a",), ("visit",)),
    ],
)
def test_what_cannot_be_is_a_bug(job: Any, sums: Any, names: tuple[str, ...], columns: tuple[str, ...]) -> None:
    with pytest.raises(Misuse):
        release_aggregate(job, "s", Aggregate(sums), layout_of(PLAIN, columns), names, AT, {})
