"""Lists of very different lengths, with hardly any memory: sorts go to the disk, the source is read several times."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.route.agreement import Operation
from gateway.route.job import JobState
from gateway.spool.spill import Spill
from tests.contract.rows import COLUMNS, TINY, found_by, job_at, read_at, rows_twin, with_memory
from tests.table_datasets import TableDatasets
from tests.twin import close_all

FEW, MANY, CAP = 50, 20_000, 20_500
SHARED = 20


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    await close_all()


@pytest.mark.parametrize(
    "rows",
    [(FEW, MANY), pytest.param((MANY, FEW), marks=pytest.mark.thorough)],
    ids=["few-among-many", "many-among-few"],
)
async def test_hardly_any_memory_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: tuple[int, int]
) -> None:
    caps = {"rows_receiver": CAP, "rows_sender": CAP, "runs_per_day": 9}
    twin = await rows_twin(tmp_path, rows=rows, shared=SHARED, padding=True, both=True, caps=caps)
    await with_memory(twin, *TINY)
    spilled, scans = list[Spill](), list[str]()
    write, scan = Spill.write, TableDatasets.scan

    def counted(self: Spill, *arguments: Any) -> Any:
        spilled.append(self)
        return write(self, *arguments)

    def scanned(self: TableDatasets, *arguments: Any, **named: Any) -> Any:
        scans.append(arguments[0].dataset)
        return scan(self, *arguments, **named)

    monkeypatch.setattr(Spill, "write", counted)
    monkeypatch.setattr(TableDatasets, "scan", scanned)
    job = await twin.run(Operation.ENRICH, COLUMNS)
    assert job.state is JobState.SUCCEEDED, job.failure
    shared = range(rows[0] - SHARED, rows[0])
    values = {
        (row["customer"], row["attribute"]): row["value"] for row in (await read_at(twin.retailer, job)).to_pylist()
    }
    assert len(values) == 3 * SHARED
    for number in shared:
        told = [values[f"A{number:06d}", column] for column in COLUMNS]
        assert told[:2] == [("gold", "silver", None)[number % 3], ("web", "app")[number % 2]]
        assert Decimal(told[2]) == number
    padding = [job.report["padding"], (await job_at(twin.platform, job)).report["padding"]]
    assert padding == [64 - FEW if count == FEW else CAP - MANY for count in rows]
    match = await twin.run(Operation.MATCH)
    for found in (job, match):
        assert await found_by(twin.retailer, found) == {f"A{number:06d}" for number in shared}
        assert await found_by(twin.platform, found) == {f"B{number:06d}" for number in shared}
    # The many were sorted on disk, and read again for each range of records: judged once, used once or twice.
    assert len(spilled) > 10
    assert scans.count("crm" if rows[0] == MANY else "users") >= 2 * (1 + 2)
