"""A partner that alters, repeats, reorders or skips what it sends ends the session, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import numpy as np
import pytest

from gateway.errors import HostileInput, StateError
from gateway.route.agreement import Operation
from gateway.route.job import JobState
from gateway.route.session import Chunk, SessionState, Stage
from tests.contract.rows import rehashed
from tests.twin import Twin

TAMPERED = {
    "altered bytes": (
        lambda chunk: replace(chunk, bytes=bytes([chunk.bytes[0] ^ 1]) + chunk.bytes[1:]),
        "DIGEST_MISMATCH",
    ),
    "short chunk": (lambda chunk: rehashed(chunk, chunk.bytes[:-32]), "BAD_SHAPE"),
    "long chunk": (lambda chunk: rehashed(chunk, chunk.bytes + bytes(32)), "BAD_SHAPE"),
    "identity": (lambda chunk: rehashed(chunk, bytes(32) + chunk.bytes[32:]), "IDENTITY_ELEMENT"),
    "non-canonical": (lambda chunk: rehashed(chunk, b"\xff" * 32 + chunk.bytes[32:]), "NON_CANONICAL_ELEMENT"),
    "repeated": (lambda chunk: rehashed(chunk, chunk.bytes[:32] * 2 + chunk.bytes[64:]), "REPEATED_ELEMENT"),
}


@pytest.mark.parametrize("stage", [Stage.BLINDED, Stage.EVALUATED])
@pytest.mark.parametrize("fault", TAMPERED)
async def test_hostile_elements_end_the_session_and_leave_both_serving(twin: Twin, stage: Stage, fault: str) -> None:
    change, reason = TAMPERED[fault]
    twin.retailer.peer.tamper = lambda chunk: change(chunk) if chunk.stage == stage else chunk
    job = await twin.run(Operation.MATCH)
    assert job.state is JobState.FAILED
    assert job.failure and job.failure.reason == reason
    assert f"stage {int(stage)}" in job.failure.message
    async with twin.platform.house.store.read() as tx:
        assert (await tx.sessions.get(job.session_id)).state is SessionState.ABORTED
    twin.retailer.peer.tamper = lambda chunk: chunk
    assert (await twin.run(Operation.MATCH)).state is JobState.SUCCEEDED


async def test_a_table_out_of_order_is_refused(twin: Twin) -> None:
    def swap(chunk: Chunk) -> Chunk:
        if chunk.stage != Stage.TABLE:
            return chunk
        size = len(chunk.bytes) // 50
        return rehashed(chunk, chunk.bytes[size : 2 * size] + chunk.bytes[:size] + chunk.bytes[2 * size :])

    twin.retailer.peer.tamper = swap
    job = await twin.run(Operation.MATCH)
    assert job.failure and job.failure.reason == "NOT_ASCENDING"
    assert "stage 3 TABLE, chunk 0, offset 1" in job.failure.message


async def test_a_forged_row_does_not_open_and_is_counted(twin: Twin) -> None:
    def flip(chunk: Chunk) -> Chunk:
        if chunk.stage != Stage.TABLE:
            return chunk
        rows = np.frombuffer(chunk.bytes, dtype=np.uint8).reshape(50, -1).copy()
        rows[:, -1] ^= 1
        return rehashed(chunk, rows.tobytes())

    twin.retailer.peer.tamper = flip
    job = await twin.run(Operation.ENRICH, ("tier",))
    # The transcripts differ, so neither side signs, whatever was opened.
    assert job.state is JobState.FAILED
    assert job.failure and job.failure.reason == "DIGEST_MISMATCH"


async def test_an_altered_replay_of_a_durable_chunk_ends_the_session(twin: Twin) -> None:
    inner = twin.retailer.peer.push

    async def replayed(card, chunks):  # type: ignore[no-untyped-def]
        sent = [chunk async for chunk in chunks]
        await inner(card, stream(sent))
        if sent[0].stage == Stage.BLINDED:
            assert await inner(card, stream(sent)) == sent[-1].seq, "the same chunk again is confirmed again"
            return await inner(card, stream([rehashed(sent[0], bytes(len(sent[0].bytes)))]))
        return sent[-1].seq

    twin.retailer.peer.push = replayed  # type: ignore[method-assign]
    job = await twin.run(Operation.MATCH)
    assert job.failure and job.failure.reason == "DIGEST_MISMATCH"
    assert "came before with other bytes" in job.failure.message
    async with twin.platform.house.store.read() as tx:
        assert (await tx.sessions.get(job.session_id)).state is SessionState.ABORTED


async def test_a_gap_is_refused_and_the_session_goes_on(twin: Twin) -> None:
    inner, tried = twin.retailer.peer.push, []

    async def gapped(card, chunks):  # type: ignore[no-untyped-def]
        sent = [chunk async for chunk in chunks]
        if sent[0].stage == Stage.BLINDED:
            with pytest.raises(HostileInput) as caught:
                await inner(card, stream([replace(sent[0], seq=1)]))
            tried.append(caught.value.reason)
        return await inner(card, stream(sent))

    twin.retailer.peer.push = gapped  # type: ignore[method-assign]
    job = await twin.run(Operation.MATCH)
    assert tried == ["SEQUENCE_GAP"]
    assert job.state is JobState.SUCCEEDED, job.failure


async def stream(chunks: list[Chunk]) -> AsyncIterator[Chunk]:
    for chunk in chunks:
        yield chunk


async def test_later_stages_cannot_be_asked_for_early(twin: Twin) -> None:
    refused: list[str] = []
    inner = twin.retailer.peer.push

    async def eager(card, chunks):  # type: ignore[no-untyped-def]
        sent = [chunk async for chunk in chunks]
        last = await inner(card, stream(sent))
        if sent[0].stage == Stage.BLINDED:
            with pytest.raises(StateError) as caught:
                async for _ in twin.retailer.peer.pull(card, sent[0].session_id, Stage.LATE_DROPS, 0):
                    pass
            refused.append(caught.value.reason)
        return last

    twin.retailer.peer.push = eager  # type: ignore[method-assign]
    job = await twin.run(Operation.MATCH)
    assert refused == ["STAGE_ORDER"]
    assert job.state is JobState.SUCCEEDED, job.failure


async def test_an_agreement_hash_that_differs_is_refused_and_logged(twin: Twin) -> None:
    inner = twin.retailer.peer.open_session

    async def other_hash(card, offer):  # type: ignore[no-untyped-def]
        return await inner(card, replace(offer, agreement_hash=bytes(32)))

    twin.retailer.peer.open_session = other_hash  # type: ignore[method-assign]
    job = await twin.run(Operation.MATCH)
    assert (job.state, job.refusal and job.refusal.reason_code) == (JobState.REFUSED, "AGREEMENT_HASH_MISMATCH")
