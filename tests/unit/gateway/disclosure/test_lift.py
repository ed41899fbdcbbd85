"""Lift against scipy on plaintext, and what it does where a test is not defined."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind

from gateway.disclosure import CELLS, compare, release_aggregate
from gateway.errors import Misuse, RequestError
from gateway.route.aggregate import Aggregate, SegmentSums
from gateway.route.agreement import Noise
from tests.unit.gateway.disclosure.runs import (
    AT,
    WORDS,
    by_place,
    job_of,
    layout_of,
    people_of,
    released,
    terms_of,
)

SIZES = {"none": 260, "mens": 150, "womens": 330}
PLAIN = terms_of(Noise.NONE)
PLACES = [("spend", None), ("visit", None), ("age", None), *(("channel", word) for word in WORDS)]


def values_of(people: pd.DataFrame, segment: str, column: str, word: str | None) -> Any:
    found = people[people.found & (people.segment == segment)][column]
    if word is not None:
        return (found == word).astype(float).to_numpy()
    return found.dropna().astype(float).to_numpy() / (100 if column == "spend" else 1)


@pytest.mark.parametrize("seed", range(5))
def test_without_noise_it_is_welchs_test(seed: int) -> None:
    people = people_of(seed, SIZES)
    lifts = compare(released(people, PLAIN).table, "none")
    assert lifts.schema == CELLS
    rows = by_place(lifts)
    assert len(rows) == lifts.num_rows == 2 * 2 * len(PLACES)
    for segment in ("mens", "womens"):
        for column, word in PLACES:
            a, b = values_of(people, segment, column, word), values_of(people, "none", column, word)
            expected = ttest_ind(a, b, equal_var=False)
            interval = expected.confidence_interval(0.95)
            row = rows[segment, column, word, "lift"]
            assert row["against"] == "none"
            assert row["noise_sd"] == 0.0
            assert float(row["value"]) == pytest.approx(a.mean() - b.mean(), rel=1e-9, abs=1e-12)
            assert float(row["low"]) == pytest.approx(interval.low, rel=1e-9)
            assert float(row["high"]) == pytest.approx(interval.high, rel=1e-9)
            assert row["p_value"] == pytest.approx(expected.pvalue, rel=1e-9)
            relative = rows[segment, column, word, "relative_lift"]
            assert float(relative["value"]) == pytest.approx(a.mean() / b.mean() - 1, rel=1e-9)
            assert relative["p_value"] == row["p_value"]


def test_the_relative_interval_is_the_delta_method() -> None:
    people = people_of(1, {"none": 4000, "mens": 4000})
    row = by_place(compare(released(people, PLAIN).table, "none"))["mens", "spend", None, "relative_lift"]
    a, b = values_of(people, "mens", "spend", None), values_of(people, "none", "spend", None)
    error = np.sqrt(a.var(ddof=1) / len(a) / b.mean() ** 2 + a.mean() ** 2 * b.var(ddof=1) / len(b) / b.mean() ** 4)
    assert float(row["high"]) - float(row["value"]) == pytest.approx(1.96 * error, rel=2e-3)
    assert float(row["value"]) - float(row["low"]) == pytest.approx(1.96 * error, rel=2e-3)


def test_noise_widens_the_interval_by_its_variance() -> None:
    people = people_of(2, {"none": 2000, "mens": 2000})
    plain = by_place(compare(released(people, PLAIN).table, "none"))["mens", "visit", None, "lift"]
    noisy = by_place(compare(released(people, terms_of(Noise.LAPLACE, epsilon="0.05")).table, "none"))
    row = noisy["mens", "visit", None, "lift"]
    half = [(float(one["high"]) - float(one["low"])) / 2 / 1.96 for one in (plain, row)]
    assert row["noise_sd"] > 0.02
    assert half[1] ** 2 == pytest.approx(half[0] ** 2 + row["noise_sd"] ** 2, rel=0.02)


def cells_from(columns: tuple[str, ...], segments: dict[str, SegmentSums], terms: Any = PLAIN) -> Any:
    aggregate, names = Aggregate(tuple(segments.values())), tuple(segments)
    return release_aggregate(job_of(terms, columns), "s", aggregate, layout_of(terms, columns), names, AT, {}).table


def test_a_held_back_segment_is_compared_to_nothing() -> None:
    table = cells_from(
        ("visit",),
        {
            "none": SegmentSums(200, 100, 100, (30,)),
            "mens": SegmentSums(200, 5, 5, (3,)),
            "womens": SegmentSums(200, 90, 90, None),
        },
    )
    rows = by_place(compare(table, "none"))
    assert len(rows) == 4
    for (segment, *_), row in rows.items():
        assert row["suppressed"] == ("BELOW_MINIMUM" if segment == "mens" else "WITHHELD_BY_PARTNER")
        assert all(row[name] is None for name in ("value", "low", "high", "noise_sd", "p_value"))
    for control in ("mens", "womens", "nobody", ""):
        with pytest.raises(RequestError, match="not a released segment") as caught:
            compare(table, control)
        assert caught.value.reason == "BAD_FIELD"


def test_a_column_held_back_in_the_control_alone_gives_its_reason() -> None:
    table = cells_from(
        ("age",), {"a": SegmentSums(200, 90, 90, (900, 9500, 80)), "c": SegmentSums(200, 90, 90, (40, 1600, 1))}
    )
    rows = by_place(compare(table, "c"))
    assert {row["suppressed"] for row in rows.values()} == {"BELOW_MINIMUM"}
    assert {row["value"] for row in rows.values()} == {None}


def test_where_nothing_varies_there_is_no_test() -> None:
    table = cells_from(("visit",), {"a": SegmentSums(200, 90, 90, (90,)), "c": SegmentSums(200, 90, 90, (0,))})
    rows = by_place(compare(table, "c"))
    lift = rows["a", "visit", None, "lift"]
    assert (lift["value"], lift["low"], lift["high"], lift["p_value"]) == ("1", "1", "1", None)
    relative = rows["a", "visit", None, "relative_lift"]
    assert (relative["value"], relative["p_value"], relative["suppressed"]) == (None, None, None), (
        "nothing to relate to"
    )


def test_where_the_variance_was_not_asked_there_is_a_lift_without_an_interval() -> None:
    measure = PLAIN.measures[0]
    terms = terms_of(measures=(type(measure)("spend", (), measure.step, measure.epsilon[:1]),))
    table = cells_from(
        ("spend",), {"a": SegmentSums(200, 90, 90, (900,)), "c": SegmentSums(200, 90, 90, (450,))}, terms
    )
    row = by_place(compare(table, "c"))["a", "spend", None, "lift"]
    assert (row["value"], row["low"], row["high"], row["p_value"]) == ("0.05", None, None, None)


def test_a_mean_lost_to_noise_has_no_lift() -> None:
    terms = terms_of(Noise.LAPLACE)
    table = cells_from(("visit",), {"a": SegmentSums(99, 0, 40, (9,)), "c": SegmentSums(99, 40, 40, (9,))}, terms)
    assert {row["value"] for row in compare(table, "c").to_pylist()} == {None}
    assert {row["suppressed"] for row in compare(table, "c").to_pylist()} == {None}


def test_comparisons_are_made_of_released_cells_only() -> None:
    people = people_of(3, SIZES)
    table = released(people, PLAIN).table
    with pytest.raises(Misuse):
        compare(table.drop_columns(["p_value"]), "none")
