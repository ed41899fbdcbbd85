"""Rows that name a person again: equal ones fold, of people whose rows differ none is used."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from gateway.route.agreement import Operation
from gateway.route.job import JobState
from gateway.spool.spill import Spill
from tests.contract.rows import COLUMNS, found_by, job_at, rows_twin, with_memory
from tests.twin import Gateway, close_all

SENT = 300
LITTLE = (1 << 16, 1 << 16)
"""Of the platform's rows a sort holds half at a time."""


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    await close_all()


def repeat(side: Gateway, name: str, *people: tuple[int, dict[str, Any]]) -> None:
    """Name customers again behind the last row, each with other values in some columns."""
    table = side.datasets.tables[name]
    rows = table.to_pylist()
    first = int(rows[0]["id"][1:])
    again = [rows[number - first] | changes for number, changes in people]
    side.datasets.tables[name] = pa.concat_tables([table, pa.Table.from_pylist(again, table.schema)])


@pytest.mark.parametrize("little", [False, True], ids=["in memory", "spilled"])
async def test_equal_rows_fold_and_people_with_different_ones_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, little: bool
) -> None:
    twin = await rows_twin(tmp_path, rows=(40, SENT))
    if little:
        await with_memory(twin, *LITTLE)
    spilled, write = list[int](), Spill.write

    def counted(self: Spill, rows: Any, *arguments: Any) -> Any:
        spilled.append(len(rows))
        return write(self, rows, *arguments)

    monkeypatch.setattr(Spill, "write", counted)
    repeat(
        twin.platform,
        "users",
        (20, {}),
        (21, {"phone": "+8613999999999"}),
        (22, {"tier": "bronze"}),
        (23, {"tier": ""}),  # empty is not absent
        (24, {}),
        (25, {"spend": None}),
        (24, {}),
        (24, {}),
        (26, {"arm": "another"}),  # nobody asks for it
    )
    # The phone of the next customer, who is in no conflict by it.
    repeat(twin.retailer, "crm", (30, {"tier": "bronze"}), (31, {"phone": "+8613800000032"}))

    job = await twin.run(Operation.ENRICH, COLUMNS)
    assert job.state is JobState.SUCCEEDED, job.failure
    assert (len(spilled) > 2) is little
    out = {21, 22, 23, 25, 31}
    assert await found_by(twin.retailer, job) == {f"A{number:06d}" for number in range(20, 40) if number not in out}
    theirs = await job_at(twin.platform, job)
    assert (theirs.report["rows_read"], theirs.report["folded"], theirs.report["records"]) == (309, 5, 296)
    assert theirs.report["rejected"] == {
        "CONFLICTING_ROWS": {"count": 8, "first_rows": [2, 3, 4, 6, 302, 303, 304, 306]}
    }
    assert (job.report["rows_read"], job.report["folded"], job.report["records"]) == (42, 1, 39)
    assert job.report["rejected"] == {"CONFLICTING_ROWS": {"count": 2, "first_rows": [32, 42]}}

    # Without values there is less to differ in.
    match = await twin.run(Operation.MATCH)
    assert await found_by(twin.retailer, match) == {f"A{number:06d}" for number in range(20, 40)} - {
        "A000021",
        "A000031",
    }
    theirs = await job_at(twin.platform, match)
    assert (theirs.report["folded"], theirs.report["rejected"]["CONFLICTING_ROWS"]["count"]) == (8, 2)


async def test_a_person_who_is_named_more_often_than_memory_holds_ends_the_job(tmp_path: Path) -> None:
    twin = await rows_twin(tmp_path)
    await with_memory(twin, *LITTLE)
    repeat(twin.retailer, "crm", *[(30, {"spend": Decimal(1)})] * 2000)
    job = await twin.run(Operation.MATCH)
    assert job.state is JobState.FAILED
    assert job.failure is not None
    assert job.failure.reason == "BAD_ROW"
    assert "2001 rows have one and the same key" in job.failure.message
    assert "remove repeated rows from the source" in job.failure.message
