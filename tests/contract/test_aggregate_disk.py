"""The disks of both sides of AGGREGATE are full again and again: each says so and waits, and the figures are exact."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.route.agreement import Operation
from gateway.route.job import JobState
from tests.contract.aggregates import assert_exact, closed, job_of, statistics_twin, truth
from tests.contract.test_rows_disk import PWRITE, Disk, waits
from tests.results import read_result
from tests.twin import Gateway

__all__ = ["closed"]

COLUMN = ("visited",)
WRITES = 23
"""Between a disk that has room again and the next write that finds none."""


@dataclass
class Crowded:
    """A gateway and its disk, which is full again some writes after it was freed."""

    side: Gateway
    disk: Disk
    times: int = 0

    async def watch(self, working: asyncio.Task[None]) -> None:
        """Free the disk whenever the gateway says that it waits for it."""
        while not working.done():
            if self.disk.full_at and await waits(self.side):
                self.times += 1
                self.disk.full_at = 0
                while not working.done() and await waits(self.side):
                    await asyncio.sleep(0.02)
                self.disk.full_at = self.disk.writes + WRITES
            await asyncio.sleep(0.02)


async def test_full_disks_on_both_sides_are_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    twin = await statistics_twin(tmp_path)
    sides = [Crowded(side, Disk(side.home.resolve(), WRITES)) for side in (twin.retailer, twin.platform)]

    def pwrite(descriptor: int, data: bytes, offset: int) -> int:
        place = Path(f"/proc/self/fd/{descriptor}").readlink()
        for crowded in sides:
            if place.is_relative_to(crowded.disk.home):
                return crowded.disk.pwrite(descriptor, data, offset)
        return PWRITE(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    job = await twin.create(Operation.AGGREGATE, COLUMN)
    working = asyncio.create_task(twin.settle())
    async with asyncio.timeout(120):
        await asyncio.gather(working, *(crowded.watch(working) for crowded in sides))
    job = await twin.retailer.job(job.job_id)
    assert job.state is JobState.SUCCEEDED, (job.failure, job.refusal)
    assert (await job_of(twin.platform, job.session_id)).state is JobState.SUCCEEDED
    assert all(crowded.times >= 2 for crowded in sides)
    table = await read_result(twin.retailer.house.results, job.job_id)
    assert table is not None
    assert_exact(table, truth(twin, COLUMN))
