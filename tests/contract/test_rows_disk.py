"""The disk is full at some write of a run: the job says so and waits; with room again it goes on as if nothing was."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.route.agreement import Operation
from gateway.route.job import Job, JobState, WaitingFor
from tests.contract.rows import COLUMNS, found_by, job_at, rows_twin
from tests.twin import Gateway, Twin, close_all

ROWS, SHARED = (40, 50), 15
MOMENTS = 3  # writes of a run, evenly drawn, that meet a full disk


@dataclass
class Disk:
    """The disk of one gateway, whose spool and results find no room from some write on.

    Attributes:
        home: what lies below it is on this disk.
        full_at: number of the first write that finds no room; 0 is never.
        writes: so far.
    """

    home: Path
    full_at: int = 0
    writes: int = 0

    def pwrite(self, descriptor: int, data: bytes, offset: int) -> int:
        if Path(f"/proc/self/fd/{descriptor}").readlink().is_relative_to(self.home):
            self.writes += 1
            if self.full_at and self.writes >= self.full_at:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return PWRITE(descriptor, data, offset)


PWRITE = os.pwrite


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    await close_all()


@pytest.mark.parametrize("side", [pytest.param("retailer", marks=pytest.mark.thorough), "platform"])
async def test_a_full_disk_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, side: str) -> None:
    twin = await rows_twin(tmp_path, rows=ROWS, shared=SHARED, both=True)
    victim: Gateway = getattr(twin, side)
    disk = Disk(victim.home.resolve())
    monkeypatch.setattr(os, "pwrite", disk.pwrite)
    whole = await twin.run(Operation.ENRICH, COLUMNS)
    assert whole.state is JobState.SUCCEEDED, whole.failure
    expected = await found_by(twin.retailer, whole)
    assert len(expected) == SHARED
    writes = disk.writes
    assert writes > 20
    for moment in range(1, MOMENTS + 1):
        disk.writes, disk.full_at = 0, writes * moment // (MOMENTS + 1)
        job = await filled_and_freed(twin, victim, disk)
        assert job.state is JobState.SUCCEEDED, (moment, job.failure)
        assert await found_by(twin.retailer, job) == expected, moment
        assert (await job_at(twin.platform, job)).state is JobState.SUCCEEDED


async def filled_and_freed(twin: Twin, victim: Gateway, disk: Disk) -> Job:
    """Run a job; free the disk once the victim says that it waits for it."""
    job = await twin.create(Operation.ENRICH, COLUMNS)
    working = asyncio.create_task(twin.settle())
    try:
        async with asyncio.timeout(60):
            while not await waits(victim):
                assert not working.done(), "the run ended without a word of the full disk"
                await asyncio.sleep(0.02)
            disk.full_at = 0
            await working
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    return await twin.retailer.job(job.job_id)


async def waits(side: Gateway) -> bool:
    async with side.house.store.read() as tx:
        return any(job.waiting_for is WaitingFor.DISK for job in await tx.jobs.list())
