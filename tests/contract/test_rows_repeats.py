"""Rows that name a person again: equal ones fold, of people whose rows differ none is used."""

from __future__ import annotations

from collections.abc import AsyncIterator
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


async def test_people_who_are_named_more_often_than_memory_holds_are_folded_or_left_out(tmp_path: Path) -> None:
    twin = await rows_twin(tmp_path)
    await with_memory(twin, *LITTLE)
    again = [(22, {})] * 600 + [(23, {"phone": "+8613999999999"}), *[(23, {})] * 599]
    repeat(twin.retailer, "crm", *again)
    repeat(twin.platform, "users", *again)
    job = await twin.run(Operation.ENRICH, COLUMNS)
    assert job.state is JobState.SUCCEEDED, job.failure
    assert await found_by(twin.retailer, job) == {f"A{number:06d}" for number in range(20, 40) if number != 23}
    for side in (job, await job_at(twin.platform, job)):
        assert side.report["folded"] == 600
        said = side.report["rejected"]["CONFLICTING_ROWS"]
        assert (said["count"], len(said["first_rows"])) == (601, 20)
        assert side.report["records"] == side.report["consented"]


async def test_a_phone_of_more_people_than_memory_holds_is_shared(tmp_path: Path) -> None:
    """The receiver names every one of them, the sender none."""
    twin = await rows_twin(tmp_path, rows=(500, 30), shared=12)
    await with_memory(twin, *LITTLE)
    crm = twin.retailer.datasets.tables["crm"]
    phones = crm.column("phone").to_pylist()
    phones[:490] = [phones[495]] * 490
    twin.retailer.datasets.tables["crm"] = crm.set_column(crm.column_names.index("phone"), "phone", [phones])
    job = await twin.run(Operation.MATCH)
    assert job.state is JobState.SUCCEEDED, job.failure
    assert job.report["records"] == 10
    household = {f"A{number:06d}" for number in (*range(490), 495)}
    assert await found_by(twin.retailer, job) == household | {f"A{number:06d}" for number in range(490, 500)}
