"""What is kept for a time is destroyed after it, whether or not anybody reads it; nothing is before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from gateway.flow.ports import House, InputSketch
from gateway.flow.retention import expire_sessions, purge_sketches, sweep_results
from gateway.flow.run import run
from gateway.route.agreement import Operation
from gateway.route.job import Job, JobState, Side
from gateway.route.notice import ReleasedRun
from gateway.route.session import SessionState
from gateway.store import SqlTransaction
from tests.contract import given
from tests.contract.timed import DAY, logged, timed_house
from tests.twin import Gateway, close_all, make_twin
from tests.unit.gateway.flow.houses import NOW, StoppedClock
from tests.unit.gateway.rpc.convert.aggregates import TERMS

TOKENS = pa.schema([("subject_ref", pa.string()), ("row_token", pa.binary(8))])


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock(NOW)


@pytest.fixture
async def house(tmp_path: Path, store_url: str, clock: StoppedClock) -> AsyncIterator[House]:
    async with timed_house(tmp_path, store_url, clock) as opened:
        yield opened


async def _kept(house: House, number: int, spool_id: str = "") -> str:
    """A run of somebody, with its map on disk, kept for ten days."""
    job = given.job(number, spool_id=spool_id or house.spool.spool_id)

    async def batches() -> AsyncIterator[pa.RecordBatch]:
        yield pa.record_batch([pa.array(["a" * 26]), pa.array([b"8 bytes!"], pa.binary(8))], schema=TOKENS)

    await house.results.store_tokens(job.job_id, TOKENS, batches())
    async with house.store.begin() as tx:
        await tx.jobs.create(job)
        await tx.runs.put(
            ReleasedRun(job.job_id, "", "agreement-1", job.partner, job.side, NOW, NOW, NOW + 10 * DAY, 1, 0)
        )
    return job.job_id


def _map(home: Path, job_id: str) -> Path:
    """Where a home keeps who stood behind the rows that a run sent."""
    return home / "results" / f"{job_id}.tokens"


async def test_results_are_swept_when_their_retention_is_over(
    house: House, clock: StoppedClock, tmp_path: Path
) -> None:
    ours, others = await _kept(house, 1), await _kept(house, 2, "spool-2")
    clock.at = NOW + 10 * DAY - timedelta.resolution
    assert await sweep_results(house) == {"destroyed": 0}
    assert _map(tmp_path, ours).exists()
    clock.at = NOW + 10 * DAY
    assert await sweep_results(house) == {"destroyed": 1}
    assert await sweep_results(house) == {"destroyed": 0}
    assert not _map(tmp_path, ours).exists()
    assert _map(tmp_path, others).exists(), "another server's disk"
    assert await logged(house, "result_deleted") == [{"agreement": "agreement-1", "job": ours, "why": "retention_over"}]


async def test_a_sweep_killed_between_file_and_row_is_gone_on_with(house: House, clock: StoppedClock) -> None:
    job_id = await _kept(house, 1)
    clock.at = NOW + 10 * DAY
    await house.results.delete(job_id)
    assert await sweep_results(house) == {"destroyed": 1}
    assert len(await logged(house, "result_deleted")) == 1


async def test_sketches_go_when_no_agreement_looks_back_at_them(house: House, clock: StoppedClock) -> None:
    async def keep(job_id: str, age_days: int, partner: str) -> None:
        sketch = InputSketch(job_id, partner, "d", Side.RECEIVER, "", 100, b"sketch", clock.now() - age_days * DAY)
        async with house.store.begin() as tx:
            await tx.sketches.put([sketch])

    async def left(tx: SqlTransaction) -> set[str]:
        kept = set()
        for partner in await tx.sketches.partners():
            page = await tx.sketches.earlier(partner, Side.RECEIVER, NOW - 9999 * DAY, "", (0, 999))
            kept |= {entry.job_id for entry in page}
        return kept

    for age in (29, 31, 365, 367):
        await keep(f"old-{age}", age, "platform")
        await keep(f"other-{age}", age, "stranger")
    for number, days in (("1", 20), ("2", 30)):
        copy = given.agreement_copy(f"6d0e8a0e-0000-4000-8000-00000000000{number}", 2)
        terms = replace(TERMS, period_days=days)
        async with house.store.begin() as tx:
            await tx.agreements.put(replace(copy, agreement=replace(copy.agreement, aggregate=terms)))
    assert await purge_sketches(house) == {"purged": 4}
    async with house.store.read() as tx:
        # Under no agreement with the stranger the longest period that there can be is waited for.
        assert await left(tx) == {"old-29", "other-29", "other-31", "other-365"}  # type: ignore[arg-type]
    assert [(entry["partner"], entry["sketches"]) for entry in await logged(house, "sketches_purged")] == [
        ("platform", 3),
        ("stranger", 1),
    ]


async def test_sessions_past_their_life_and_those_left_open_end(house: House, clock: StoppedClock) -> None:
    def opened(number: int, **fields: object) -> object:
        session_id, nonce = f"{number:064x}", bytes([number] * 32)
        times = {"opened_at": NOW, "expires_at": NOW + 7 * DAY}
        return given.session(session_id, nonce, **(times | fields))

    async with house.store.begin() as tx:
        await tx.sessions.create(opened(1))  # type: ignore[arg-type]
        await tx.sessions.create(opened(2, state=SessionState.ACTIVE))  # type: ignore[arg-type]
        await tx.sessions.create(opened(3, side=Side.RECEIVER))  # type: ignore[arg-type]
        await tx.sessions.create(opened(4, state=SessionState.CLOSED))  # type: ignore[arg-type]
    clock.at = NOW + DAY - timedelta.resolution
    assert await expire_sessions(house) == {"expired": 0}
    clock.at = NOW + DAY
    assert await expire_sessions(house) == {"expired": 1}
    async with house.store.read() as tx:
        first = await tx.sessions.get(f"{1:064x}")
        assert first.state is SessionState.EXPIRED
        assert first.failure is not None
        assert first.failure.reason == "STAGE_ORDER"
    clock.at = NOW + 7 * DAY
    assert await expire_sessions(house) == {"expired": 2}
    assert await expire_sessions(house) == {"expired": 0}
    async with house.store.read() as tx:
        assert (await tx.sessions.get(f"{4:064x}")).state is SessionState.CLOSED
    assert len(await logged(house, "session_ended")) == 3


async def test_the_results_and_maps_of_real_runs_are_swept_on_both_sides(tmp_path: Path) -> None:
    twin = await make_twin(tmp_path)
    try:
        job = await twin.run(Operation.ENRICH, ("tier",))
        assert job.state is JobState.SUCCEEDED
        (theirs,) = await _jobs(twin.platform)
        assert await sweep_results(twin.retailer.house) == {"destroyed": 0}
        assert _map(twin.platform.home, theirs.job_id).exists()
        twin.clock.at += timedelta(days=400)
        for gateway in (twin.retailer, twin.platform):
            assert await sweep_results(gateway.house) == {"destroyed": 1}
        assert not await twin.retailer.house.results.exists(job.job_id)
        assert not _map(twin.platform.home, theirs.job_id).exists()
    finally:
        await close_all()


async def test_a_session_that_the_partner_left_open_frees_its_job_slot(tmp_path: Path) -> None:
    twin = await make_twin(tmp_path)
    try:
        await twin.create(Operation.MATCH)
        lease = await twin.retailer.lease()
        assert lease is not None
        # The retailer opens a session and is killed before it countersigns.
        task = asyncio.create_task(run(lease))
        while not await _jobs(twin.platform):
            await asyncio.sleep(0.01)
        twin.retailer.peer.cut = True
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        twin.clock.at += timedelta(days=1, seconds=1)
        assert await expire_sessions(twin.platform.house) == {"expired": 1}
        await twin.platform.work()
        (theirs,) = await _jobs(twin.platform)
        assert theirs.state is JobState.FAILED
        assert theirs.failure is not None
        assert "left" in theirs.failure.message or "not begun" in theirs.failure.message
    finally:
        await close_all()


async def _jobs(gateway: Gateway) -> list[Job]:
    async with gateway.house.store.read() as tx:
        return await tx.jobs.list()
