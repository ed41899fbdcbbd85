from __future__ import annotations

from dataclasses import replace
from typing import Any

from gateway.route.job import Side
from gateway.route.notice import ReleasedRun
from gateway.route.provision import ProvisionFilter
from gateway.store import SqlStore
from tests.contract import given
from tests.contract.given import DAY, NOW

RUN = ReleasedRun("job-1", "s1", "agreement-1", "platform", Side.SENDER, NOW - DAY, NOW, NOW + DAY, 20, 3)


async def test_a_job_s_first_record_of_its_run_stands(store: SqlStore) -> None:
    other = replace(RUN, job_id="job-2", expires_at=None, rows=0, systems=("app", "tills"), map_version=7)
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


async def test_provided_runs_come_newest_first_page_after_page_and_by_what_is_asked(store: SqlStore) -> None:
    async with store.begin() as tx:
        for number in range(1, 6):
            job = given.job(number)
            purpose = "measure" if number == 4 else job.request.purpose
            await tx.jobs.create(replace(job, request=replace(job.request, purpose=purpose)))
            session = given.session(f"{number:02d}" * 32, bytes([number] * 32), job_id=job.job_id)
            await tx.sessions.create(session)
            if number < 5:  # what released nothing provided nothing
                partner = "other" if number == 1 else "platform"
                # Two runs of one moment have their order by job.
                at = NOW + DAY * max(number, 2)
                run = replace(RUN, job_id=job.job_id, session_id=session.session_id, partner=partner, released_at=at)
                await tx.runs.put(run)

    async def found(before: Any = None, limit: int = 10, **wanted: Any) -> list[int]:
        async with store.read() as tx:
            runs = await tx.runs.provided(ProvisionFilter(**wanted), before, limit)
        return [int(kept.run.job_id[-4:]) for kept in runs]

    assert await found() == [4, 3, 2, 1]
    assert await found(limit=2) == [4, 3]
    assert await found((NOW + DAY * 3, "job-0003"), 1) == [2]
    assert await found((NOW + DAY * 2, "job-0002")) == [1]
    assert await found(partner="other") == [1]
    assert await found(purpose="measure") == [4]
    assert await found(since=NOW + DAY * 3) == [4, 3]
    assert await found(until=NOW + DAY * 3) == [2, 1]
    async with store.read() as tx:
        (newest,) = await tx.runs.provided(ProvisionFilter(), None, 1)
        session = await tx.sessions.get("04" * 32)
        job = await tx.jobs.get("job-0004")
    assert (newest.request, newest.report) == (job.request, job.report)
    assert (newest.started_at, newest.opening, newest.run_record, newest.signed_by) == (
        session.opened_at, session.opening, session.run_record,
        tuple(sorted(party for party, _ in session.run_signatures)),
    )  # fmt: skip
