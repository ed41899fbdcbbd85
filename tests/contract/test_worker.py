"""The worker drives both sides of a run, and gives way when it must."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.engine import Worker, WorkerLimits
from gateway.flow.job import cancel_job, watch_job
from gateway.route.agreement import Operation
from gateway.route.job import Job, JobState
from tests.twin import EVERYBODY, Gateway, Twin, close_all, make_twin


@pytest.fixture
async def twin(tmp_path: Path) -> AsyncIterator[Twin]:
    yield await make_twin(tmp_path)
    await close_all()


class Working:
    """A worker of a gateway, for the time of a test."""

    def __init__(self, gateway: Gateway, owner: str = "one") -> None:
        self.task = asyncio.create_task(Worker(gateway.house, owner, WorkerLimits(8, 15)).work())

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def final(twin: Twin, job: Job) -> list[Job]:
    seen = []

    async def follow() -> None:
        async for look in watch_job(twin.retailer.house, EVERYBODY, job.job_id):
            seen.append(look)

    await asyncio.wait_for(follow(), 60)
    return seen


async def test_two_workers_carry_a_run_to_its_end_and_watchers_see_it(twin: Twin) -> None:
    workers = [Working(twin.retailer), Working(twin.platform)]
    job = await twin.create(Operation.ENRICH, ("tier",))
    seen = await final(twin, job)
    assert seen[-1].state is JobState.SUCCEEDED, seen[-1].failure
    order = [look.state for look in seen]
    assert order == sorted(order, key=list(JobState).index), "a job only moves forward"
    for worker in workers:
        await worker.stop()


async def test_a_cancelled_job_ends_within_two_seconds_on_both_sides(twin: Twin) -> None:
    retailer = Working(twin.retailer)
    job = await twin.create(Operation.MATCH)
    while (await twin.retailer.job(job.job_id)).state is not JobState.JUDGING:
        await asyncio.sleep(0.01)
    # The platform has no worker yet: the run stands at the opening.
    await cancel_job(twin.retailer.house, EVERYBODY, job.job_id)
    begun = asyncio.get_running_loop().time()
    assert (await final(twin, job))[-1].state is JobState.CANCELLED
    assert asyncio.get_running_loop().time() - begun < 2
    platform = Working(twin.platform)
    for _ in range(300):
        await asyncio.sleep(0.02)
        async with twin.platform.house.store.read() as tx:
            theirs = await tx.jobs.list()
        if theirs and theirs[0].state.final:
            break
    assert theirs[0].state is JobState.CANCELLED
    for worker in (retailer, platform):
        await worker.stop()


async def test_a_worker_that_lost_its_lease_stops_and_the_other_finishes(twin: Twin) -> None:
    first = Working(twin.retailer, "first")
    job = await twin.create(Operation.MATCH)
    while not (await twin.retailer.job(job.job_id)).session_id:
        await asyncio.sleep(0.01)
    # The first worker's lease runs out unseen; another one takes the job over.
    twin.clock.at += timedelta(seconds=60)
    now = twin.clock.now()
    async with twin.retailer.house.store.begin() as tx:
        taken = await tx.jobs.lease("second", twin.retailer.house.spool.spool_id, now, now + timedelta(seconds=1))
    assert taken is not None
    assert taken.fence > 1
    platform = Working(twin.platform)
    twin.clock.at += timedelta(seconds=5)
    seen = await final(twin, job)
    assert seen[-1].state is JobState.SUCCEEDED, seen[-1].failure
    assert seen[-1].fence > taken.fence - 1
    for worker in (first, platform):
        await worker.stop()
