from __future__ import annotations

from dataclasses import replace

from gateway.route.job import Side
from gateway.route.notice import ReleasedRun
from gateway.store import SqlStore
from tests.contract.given import DAY, NOW

RUN = ReleasedRun("job-1", "s1", "agreement-1", "platform", Side.SENDER, NOW - DAY, NOW, NOW + DAY, 20, 3)


async def test_a_job_s_first_record_of_its_run_stands(store: SqlStore) -> None:
    other = replace(RUN, job_id="job-2", expires_at=None, rows=0)
    async with store.begin() as tx:
        for run in (RUN, replace(RUN, released_at=NOW + DAY, rows=21), other):
            await tx.runs.put(run)
    async with store.read() as tx:
        assert [await tx.runs.get(job_id) for job_id in ("job-1", "job-2", "job-3")] == [RUN, other, None]


async def test_what_was_looked_at_never_goes_back(store: SqlStore) -> None:
    async with store.begin() as tx:
        await tx.runs.put(RUN)
        await tx.runs.advance("job-1", 9)
        await tx.runs.advance("job-1", 5)
    async with store.read() as tx:
        found = await tx.runs.get("job-1")
        assert found is not None
        assert found.changes == 9
