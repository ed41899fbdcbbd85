"""MATCH and ENRICH whose matches both sides learn: what S is told, of whom, and what it keeps."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from gateway.errors import StateError
from gateway.flow.run import cancel
from gateway.psi.check import as_rows
from gateway.route.agreement import Operation
from gateway.route.job import Job, JobState
from gateway.route.session import Chunk, SessionState, Stage
from tests.contract.rows import (
    COLUMNS,
    after_pull,
    before_close,
    found_by,
    job_at,
    read_at,
    records_of,
    rows_twin,
    session_at,
    tokens_of,
)
from tests.contract.test_resume import EVERY, Fuse, forever, run_with
from tests.results import read_result
from tests.twin import PLATFORM, RETAILER, Twin, close_all, given, opaque, withdrawn

OURS = {f"A{number:06d}" for number in range(20, 40)}
THEIRS = {f"B{number:06d}" for number in range(20, 40)}


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    await close_all()


@pytest.fixture
async def twin(tmp_path: Path) -> Twin:
    return await rows_twin(tmp_path, both=True)


def bitmap(twin: Twin) -> bytes:
    return b"".join(chunk.bytes for chunk in twin.retailer.peer.pushed if chunk.stage == Stage.MATCHED_TAGS)


async def test_both_find_the_shared_customers_each_under_its_own_names(twin: Twin) -> None:
    job = await twin.run(Operation.ENRICH, COLUMNS)
    assert job.state is JobState.SUCCEEDED, job.failure
    assert await found_by(twin.retailer, job) == OURS
    theirs = await read_at(twin.platform, job)
    assert set(theirs.column("customer").to_pylist()) == THEIRS
    # S learns who is shared, and nothing else of them.
    assert theirs.num_rows == 20
    assert theirs.column("attribute").null_count == theirs.column("value").null_count == 20
    assert set(theirs.column("partner").to_pylist()) == {RETAILER}
    assert set(theirs.column("consent").to_pylist()) == {opaque(PLATFORM, customer) for customer in THEIRS}
    # One bit per row of the table, whatever was found; the token names the row on both sides.
    marked = np.flatnonzero(np.unpackbits(np.frombuffer(bitmap(twin), np.uint8)))
    record, run = await records_of(twin, job)
    assert (len(bitmap(twin)), len(marked)) == (7, 20)
    table = b"".join(chunk.bytes for chunk in twin.retailer.peer.pulled if chunk.stage == Stage.TABLE)
    tokens = {row[: record["tag_bytes"]].tobytes() for row in as_rows(table, record["row_bytes"])[marked]}
    own = await job_at(twin.platform, job)
    stored = await read_result(twin.platform.house.results, own.job_id)
    assert stored is not None
    assert set(stored.column("row_token").to_pylist()) == tokens
    assert stored.column_names == ["subject_ref", "row_token", "consent_id"]
    assert run["disclosure"] == {"form": "rows", "released_to": [RETAILER, PLATFORM]}
    assert record["matches_to_sender"] is True
    assert (own.report["matched"], own.report["released"], own.report["false_matches"]) == (20, 20, 0)
    assert job.report["matches_sent"] == 20
    # Its own map of what it sent stays, too.
    assert (await tokens_of(twin.platform, job)).num_rows == 50
    assert not list((twin.platform.home / "spool").glob("*/*"))


async def test_of_an_empty_table_there_is_no_bit(tmp_path: Path) -> None:
    twin = await rows_twin(tmp_path, both=True, consents=False)
    ids = twin.retailer.datasets.tables["crm"].column("id").to_pylist()
    await twin.retailer.import_events([given(RETAILER, customer) for customer in ids])
    job = await twin.run(Operation.MATCH)
    assert job.state is JobState.SUCCEEDED, job.failure
    assert bitmap(twin) == b""
    assert await found_by(twin.retailer, job) == await found_by(twin.platform, job) == set()


async def test_a_household_is_told_while_one_of_it_may_be(twin: Twin) -> None:
    crm = twin.retailer.datasets.tables["crm"]
    phones = crm.column("phone").to_pylist()
    phones[21], phones[23] = phones[20], phones[22]
    twin.retailer.datasets.tables["crm"] = crm.set_column(1, "phone", pa.array(phones))

    async def withdraw() -> None:
        now = twin.clock.now()
        gone = ("A000020", "A000022", "A000023")
        await twin.retailer.import_events([withdrawn(RETAILER, customer, now) for customer in gone])

    after_pull(twin, Stage.LATE_DROPS, withdraw)
    job = await twin.run(Operation.MATCH)
    assert await found_by(twin.retailer, job) == OURS - {"A000020", "A000022", "A000023"}
    # Two rows have nobody of R's under them any more, and one has nobody left who may be disclosed.
    assert await found_by(twin.platform, job) == THEIRS - {"B000021", "B000022", "B000023"}


async def test_withdrawals_between_all_steps(twin: Twin) -> None:
    async def before_bitmap() -> None:
        now = twin.clock.now()
        await twin.retailer.import_events([withdrawn(RETAILER, "A000021", now)])
        await twin.platform.import_events([withdrawn(PLATFORM, "B000022", now)])

    async def after_bitmap() -> None:
        now = twin.clock.now()
        await twin.retailer.import_events([withdrawn(RETAILER, "A000023", now)])
        await twin.platform.import_events([withdrawn(PLATFORM, "B000024", now)])

    async def late() -> None:
        await twin.platform.import_events([withdrawn(PLATFORM, "B000025", twin.clock.now())])

    after_pull(twin, Stage.TABLE, late)
    after_pull(twin, Stage.LATE_DROPS, before_bitmap)
    before_close(twin, after_bitmap)
    job = await twin.run(Operation.MATCH)
    assert job.state is JobState.SUCCEEDED, job.failure
    # R drops its own, and whom S named in stage 4; whom S lost later it had been given lawfully.
    assert await found_by(twin.retailer, job) == OURS - {"A000021", "A000023", "A000025"}
    # S is not told of whom R lost before it told, nor of whom S had taken out; it drops its own.
    assert await found_by(twin.platform, job) == THEIRS - {"B000021", "B000022", "B000024", "B000025"}
    own = await job_at(twin.platform, job)
    assert (own.report["matched"], own.report["released"], own.report["withdrawn_before_release"]) == (18, 16, 2)
    assert job.report["matches_sent"] == 18


def changed(chunk: Chunk, content: bytes) -> Chunk:
    return replace(chunk, bytes=content, sha256=hashlib.sha256(content).digest())


HOSTILE: dict[str, tuple[Callable[[bytes], bytes], str, str]] = {
    # 50 rows take 6 bytes and 2 bits: bit 5 of the last byte is behind them.
    "a bit behind the last row": (
        lambda bits: bits[:-1] + bytes([bits[-1] | 0x20]),
        "BAD_SHAPE",
        "stage 5 MATCHED_TAGS, chunk 0, offset 6",
    ),
    "a byte too few": (lambda bits: bits[:-1], "BAD_SHAPE", "stage 5"),
    "a byte too many": (lambda bits: bits + b"\0", "BAD_SHAPE", "stage 5"),
    # Every row could have been found; but R does not sign what it did not send.
    "all rows": (lambda bits: b"\xff" * 6 + b"\xc0", "DIGEST_MISMATCH", "transcripts differ"),
}


async def test_hostile_bitmaps_end_the_session_and_leave_no_result(twin: Twin) -> None:
    for fault, (change, reason, words) in HOSTILE.items():

        def tamper(chunk: Chunk, change: Callable[[bytes], bytes] = change) -> Chunk:
            return changed(chunk, change(chunk.bytes)) if chunk.stage == Stage.MATCHED_TAGS else chunk

        twin.retailer.peer.tamper = tamper
        job = await twin.run(Operation.MATCH)
        assert job.failure and job.failure.reason == reason, fault
        assert words in job.failure.message
        own = await job_at(twin.platform, job)
        assert own.state is JobState.FAILED
        assert (await session_at(twin.platform, job)).state is SessionState.ABORTED
        for side, failed in ((twin.retailer, job), (twin.platform, own)):
            assert not await side.house.results.exists(failed.job_id)
        with pytest.raises(StateError):
            await read_at(twin.platform, job)
        # Rows had left: who stood behind them is known all the same.
        assert (await tokens_of(twin.platform, job)).num_rows == 50


async def test_a_row_that_stage_4_took_out_may_not_be_named(twin: Twin) -> None:
    async def late() -> None:
        await twin.platform.import_events([withdrawn(PLATFORM, "B000025", twin.clock.now())])

    def everybody(chunk: Chunk) -> Chunk:
        if chunk.stage != Stage.MATCHED_TAGS:
            return chunk
        return changed(chunk, b"\xff" * 6 + b"\xc0")

    after_pull(twin, Stage.TABLE, late)
    twin.retailer.peer.tamper = everybody
    job = await twin.run(Operation.MATCH)
    assert job.failure and job.failure.reason == "BAD_SHAPE"
    assert "names a row that stage 4 took out" in job.failure.message


async def test_a_pause_longer_than_the_consent_age_gives_the_sender_nothing(twin: Twin) -> None:
    async def pause() -> None:
        twin.clock.at += timedelta(seconds=901)

    after_pull(twin, Stage.LATE_DROPS, pause)
    job = await twin.run(Operation.MATCH)
    assert job.refusal and job.refusal.reason_code == "CONSENT_CHANGED"
    assert not bitmap(twin)
    own = await job_at(twin.platform, job)
    assert own.state is JobState.REFUSED
    assert not await twin.platform.house.results.exists(own.job_id)


@pytest.mark.parametrize("side", ["retailer", "platform"])
async def test_a_run_cancelled_after_the_bitmap_leaves_no_result(twin: Twin, side: str) -> None:
    told = asyncio.Event()

    async def stand_still() -> None:
        told.set()
        await asyncio.Event().wait()

    before_close(twin, stand_still)
    job = await twin.create(Operation.MATCH)
    working = [asyncio.create_task(forever(gateway)) for gateway in (twin.retailer, twin.platform)]
    await asyncio.wait_for(told.wait(), 30)
    for task in working:
        task.cancel()
    await asyncio.gather(*working, return_exceptions=True)
    assert len(bitmap(twin)) == 7
    lease = await getattr(twin, side).lease()
    assert lease is not None
    await cancel(lease)
    await twin.settle()
    job = await twin.retailer.job(job.job_id)
    own = await job_at(twin.platform, job)
    assert (job.state, own.state) == (JobState.CANCELLED, JobState.CANCELLED)
    for gateway, ended in ((twin.retailer, job), (twin.platform, own)):
        assert not await gateway.house.results.exists(ended.job_id)
        assert not (gateway.home / "spool" / ended.job_id).exists()
    with pytest.raises(StateError):
        await read_at(twin.platform, job)


async def test_the_senders_result_can_lose_a_person_and_ends_with_the_agreed_retention(twin: Twin) -> None:
    job = await twin.run(Operation.MATCH)
    own, results = await job_at(twin.platform, job), twin.platform.house.results
    stored = await read_result(results, own.job_id)
    assert stored is not None
    assert await results.delete_subject(own.job_id, stored.column("subject_ref")[3].as_py())
    assert len(await found_by(twin.platform, job)) == 19
    twin.clock.at += timedelta(days=181)
    with pytest.raises(StateError) as caught:
        await read_at(twin.platform, job)
    assert caught.value.reason == "NOT_FOUND"
    assert not await results.exists(own.job_id)


@pytest.mark.postgres
async def test_on_postgresql_with_padding(tmp_path: Path, postgres_url: str) -> None:
    twin = await rows_twin(tmp_path, both=True, padding=True, urls=(None, postgres_url))
    job = await twin.run(Operation.MATCH)
    assert job.state is JobState.SUCCEEDED, job.failure
    assert await found_by(twin.retailer, job) == OURS
    assert await found_by(twin.platform, job) == THEIRS


@pytest.mark.parametrize("side", ["retailer", pytest.param("platform", marks=pytest.mark.thorough)])
async def test_killed_between_durable_steps_both_have_the_same_result(tmp_path: Path, side: str) -> None:
    # With padding, too: every life derives the same records of nobody.
    twin = await rows_twin(tmp_path, both=True, padding=True, rows=(12, 14), shared=6)
    victim, count = getattr(twin, side), Fuse()
    job = await run_with(twin, victim, count)
    assert job is not None
    assert job.state is JobState.SUCCEEDED, job.failure
    expected = await stored(twin, job)
    assert [len(found) for found in expected] == [6, 6]
    assert len(bitmap(twin)) == 2
    for at in range(count.steps // 3, count.steps + 1, 2 * EVERY):
        job = await run_with(twin, victim, Fuse(at))
        if job is not None:
            assert job.state is JobState.SUCCEEDED, (at, job.failure, job.refusal)
            own = await job_at(twin.platform, job)
            assert own.state is JobState.SUCCEEDED, (at, own.failure, own.refusal)
            assert await stored(twin, job) == expected, at


async def stored(twin: Twin, job: Job) -> list[set[str]]:
    """Return whom each side's stored result names."""
    tables = [
        await read_result(side.house.results, (await job_at(side, job)).job_id)
        for side in (twin.retailer, twin.platform)
    ]
    return [set() if table is None else set(table.column("subject_ref").to_pylist()) for table in tables]
