from __future__ import annotations

from sqlalchemy import select

from gateway.store import SqlStore
from gateway.store.schema import runs
from tests.contract.given import DAY, NOW


async def test_a_job_s_first_record_of_its_run_stands(store: SqlStore) -> None:
    async with store.begin() as tx:
        await tx.runs.put("job-1", "s1", "agreement-1", NOW, NOW + DAY, 20)
        await tx.runs.put("job-1", "s1", "agreement-1", NOW + DAY, None, 21)
        await tx.runs.put("job-2", "s2", "agreement-1", NOW, None, 0)
    async with store.begin() as tx:
        stored = [tuple(row) for row in await tx._connection.rows(select(runs).order_by(runs.c.job_id))]
    assert stored == [
        ("job-1", "s1", "agreement-1", NOW, NOW + DAY, 20),
        ("job-2", "s2", "agreement-1", NOW, None, 0),
    ]
