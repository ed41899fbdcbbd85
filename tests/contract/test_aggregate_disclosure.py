"""Whoever is too few never comes out: as a segment, as a complement, within a total, on any record."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from gateway.route.agreement import Operation
from gateway.route.job import Job, JobState
from gateway.route.session import AggregateStage
from tests.contract.aggregates import (
    COLUMNS,
    Cells,
    assert_exact,
    audit_of,
    cells_of,
    closed,
    crm,
    job_of,
    jobs_of,
    moved,
    phone,
    run_record,
    statistics_twin,
    steps_of,
    truth,
    users,
)
from tests.results import read_result
from tests.twin import PLATFORM, RETAILER, Twin

__all__ = ["closed"]

# Arm: its size, and how many of it the platform has. The agreed minimum is 20.
ARMS = {"big": (80, 40), "full": (60, 45), "low": (60, 19), "mid": (60, 25), "one": (1, 1), "tiny": (5, 5)}


def arms() -> tuple[pa.Table, pa.Table]:
    names: list[str] = []
    found: list[int] = []
    start = 0
    for name, (size, matched) in ARMS.items():
        names += [name] * size
        found += range(start, start + matched)
        start += size
    ours = pa.table(
        {
            "id": [f"A{number:06d}" for number in range(start)],
            "phone": [phone(number) for number in range(start)],
            "arm": names,
        }
    )
    return ours, users([*found, *range(1000, 1040)])


def held_back(table: pa.Table) -> dict[str | None, set[str | None]]:
    """Return why, per segment; a held back cell holds no figure at all."""
    why: dict[str | None, set[str | None]] = {}
    for (segment, *_), row in cells_of(table).items():
        why.setdefault(segment, set()).add(row["suppressed"])
        if row["suppressed"] is not None:
            assert [row[name] for name in ("value", "low", "high", "noise_sd", "p_value")] == [None] * 5
    return why


def only(twin: Twin, names: tuple[str, ...]) -> set[str]:
    """Ids of all of R's people who are in no arm named."""
    table = twin.retailer.datasets.tables["crm"]
    rows = zip(table.column("id").to_pylist(), table.column("arm").to_pylist(), strict=True)
    return {customer for customer, arm in rows if arm not in names}


def figures(cells: Cells) -> Iterator[str]:
    """Sums as text and as integers of their lane, long enough to stand nowhere by chance."""
    for (_, column, _, statistic), value in cells.items():
        if statistic in ("sum", "sum_of_squares") and column in ("spend", "balance"):
            for text in (f"{float(abs(value)):.2f}", str(abs(int(value * 10**4))), str(abs(int(value * 100)))):
                if len(text) > 5:
                    yield text


async def test_nothing_of_a_segment_below_a_minimum_its_complement_or_its_total_comes_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    twin = await statistics_twin(tmp_path, tables=arms(), cohorts=(0, 30))
    job = await twin.run(Operation.AGGREGATE, COLUMNS)
    assert job.state is JobState.SUCCEEDED, (job.failure, job.refusal)
    table = await twin.result(job)
    assert held_back(table) == {
        "big": {None},
        "full": {"COMPLEMENT_BELOW_MINIMUM"},
        "low": {"BELOW_MINIMUM"},
        # Ours would show it, the platform bound itself to 30.
        "mid": {"WITHHELD_BY_PARTNER"},
        None: {None},
    }
    # Too few to be counted at all: their segments never left the house.
    assert job.report["left_out"] == {"SEGMENT_TOO_SMALL": 6}
    released = table.filter(pc.field("suppressed").is_null())
    # The total is that of the one released arm, digit for digit.
    assert_exact(released, truth(twin, without=only(twin, ("big",))))

    hidden = [truth(twin, without=only(twin, (name,))) for name in ("full", "low", "mid", "tiny")]
    hidden.append(truth(twin))
    shown = set(figures(truth(twin, without=only(twin, ("big",)))))
    secret = {text for cells in hidden for text in figures(cells)} - shown
    assert len(secret) > 20
    anywhere = re.compile(rf"(?<![\w.])({'|'.join(re.escape(text) for text in secret)})(?![\w.])")
    for side in (twin.retailer, twin.platform):
        own = await job_of(side, job.session_id)
        spoken = json.dumps([own.report, await run_record(twin, job), await audit_of(side)]) + caplog.text
        spoken += json.dumps((await twin.result(job)).to_pylist())
        assert not anywhere.findall(spoken)
    # The pattern finds them where they are.
    assert anywhere.findall(json.dumps([*sorted(secret)]))
    assert sum(job.report["suppressed_segments"].values()) == 3  # type: ignore[attr-defined]


@pytest.mark.parametrize("operation", [Operation.AGGREGATE, Operation.OVERLAP])
@pytest.mark.parametrize("result_to", [(PLATFORM,), (RETAILER, PLATFORM)], ids="+".join)
async def test_the_receivers_stricter_rule_holds_for_what_the_sender_learns(
    tmp_path: Path, result_to: tuple[str, ...], operation: Operation
) -> None:
    twin = await statistics_twin(tmp_path, tables=arms(), cohorts=(30, 0), result_to=result_to)
    job = await twin.run(operation, ("visited",) if operation is Operation.AGGREGATE else ())
    assert job.state is JobState.SUCCEEDED, (job.failure, job.refusal)
    theirs = await job_of(twin.platform, job.session_id)
    table = await read_result(twin.platform.house.results, theirs.job_id)
    assert table is not None
    # big, full, low, mid in the order of their names; the retailer bound itself to 30.
    why = held_back(table)
    assert (why["1"], why[None]) == ({None}, {None})
    for number in ("2", "3", "4"):
        assert None not in why[number], (number, why)
    assert cells_of(table)[None, None, None, "count"]["value"] == "40"
    if RETAILER in result_to:
        ours = held_back(await twin.result(job))
        assert ours["mid"] == {"BELOW_MINIMUM"}


@pytest.mark.parametrize("operation", [Operation.AGGREGATE, Operation.OVERLAP])
async def test_a_modified_receiver_with_too_small_a_segment_gets_nothing_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: Operation
) -> None:
    twin = await statistics_twin(tmp_path, tables=arms())
    # The receiver's own check is taken out; the sender has its own.
    monkeypatch.setattr("gateway.flow.segment.minimum_cohort", lambda job: 1)
    job = await twin.run(operation, ("visited",) if operation is Operation.AGGREGATE else ())
    theirs = await job_of(twin.platform, job.session_id)
    for one in (job, theirs):
        assert one.state is JobState.REFUSED, one.failure
        assert one.refusal and one.refusal.reason_code == "COHORT_TOO_SMALL"
    stages = {chunk.stage for chunk in moved(twin) if chunk.session_id == job.session_id}
    assert stages <= {AggregateStage.OPENING, AggregateStage.BLINDED}
    assert await steps_of(twin.platform, theirs.job_id) == []


async def test_the_same_input_may_be_counted_again_though_its_segments_are_small(tmp_path: Path) -> None:
    # Two arms of fewer than 50 people together: unlike as they are, they differ from each other in fewer than 50.
    sizes = {"a": 80, "b": 22, "c": 24}
    people = [name for name, size in sizes.items() for _ in range(size)]
    table = crm(len(people)).set_column(2, "arm", [people])
    twin = await statistics_twin(tmp_path, tables=(table, users(range(40, 160))))
    tables = []
    for _ in range(2):
        job = await twin.run(Operation.OVERLAP)
        assert job.state is JobState.SUCCEEDED, (job.failure, job.refusal)
        tables.append(await twin.result(job))
    assert tables[0].equals(tables[1])


async def test_a_receiver_without_any_large_enough_segment_is_refused_and_asks_nobody(tmp_path: Path) -> None:
    twin = await statistics_twin(tmp_path, cohorts=(76, 0))
    job = await twin.run(Operation.AGGREGATE, ("visited",))
    assert job.state is JobState.REFUSED
    assert job.refusal and job.refusal.reason_code == "COHORT_TOO_SMALL"
    assert not moved(twin)
    theirs: list[Job] = await jobs_of(twin.platform)
    assert [one.state for one in theirs] == [JobState.REFUSED]


async def test_more_segments_than_agreed_are_refused_at_home(tmp_path: Path) -> None:
    twin = await statistics_twin(tmp_path, tables=arms(), terms={"dummies": "NONE", "noise": "NONE", "segments": 3})
    job = await twin.run(Operation.OVERLAP)
    assert job.state is JobState.FAILED
    assert job.failure and job.failure.reason == "BAD_ROW"
    assert not moved(twin)
