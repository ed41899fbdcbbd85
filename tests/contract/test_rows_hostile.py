"""A partner that breaks the rules in the middle of lists of many chunks is named by stage, chunk and offset."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gateway import kernel
from gateway.flow import session
from gateway.flow.sessions import fail_session
from gateway.psi import suite
from gateway.route.agreement import Operation
from gateway.route.job import Failure, Job, JobState
from gateway.route.session import Chunk, SessionState, Stage
from gateway.spool import Spool
from tests.contract.rows import rehashed, rows_twin, session_at
from tests.twin import ASKED, PLATFORM, PURPOSE, Gateway, Twin, close_all, customers, given

ROWS, SHARED, WIDTH = (100, 120), 20, 32
ROWS_PER_CHUNK = 8

Chunks = list[Chunk]


@pytest.fixture
async def twin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Twin]:
    # Chunks of a few rows on the wire and in the spools of both.
    chunk_bytes = ROWS_PER_CHUNK * WIDTH
    monkeypatch.setattr(suite, "CHUNK_BYTES", chunk_bytes)
    twin = await rows_twin(tmp_path, rows=ROWS, shared=SHARED)
    for side in (twin.retailer, twin.platform):
        await side.stop()
        folder = side.home / "spool"
        side.wrap = lambda house, folder=folder: replace(house, spool=Spool(folder, house.secrets, chunk_bytes))  # type: ignore[misc]
        await side.start()
    yield twin
    await close_all()


def corrupted(content: bytes) -> Callable[[Chunks], Chunks]:
    """Put one element into the middle of the sixth chunk."""

    def change(chunks: Chunks) -> Chunks:
        raw, at = chunks[5].bytes, 3 * WIDTH
        return [*chunks[:5], rehashed(chunks[5], raw[:at] + content + raw[at + WIDTH :]), *chunks[6:]]

    return change


def repeated(chunks: Chunks) -> Chunks:
    """Say an element of the second chunk again in the sixth."""
    return corrupted(chunks[1].bytes[:WIDTH])(chunks)


# What is changed; the reason and a word of the message when the sender did it, and when the receiver did it.
FAULTS: dict[str, tuple[Callable[[Chunks], Chunks], tuple[str, str], tuple[str, str]]] = {
    "non-canonical": (corrupted(b"\xff" * WIDTH), *[("NON_CANONICAL_ELEMENT", "chunk 5, offset 3")] * 2),
    "identity": (corrupted(bytes(WIDTH)), *[("IDENTITY_ELEMENT", "chunk 5, offset 3")] * 2),
    "repeated": (repeated, *[("REPEATED_ELEMENT", "chunk 5, offset 3")] * 2),
    "out of order": (
        lambda chunks: [*chunks[:3], chunks[4], chunks[3], *chunks[5:]],
        *[("SEQUENCE_GAP", "chunk 4 came, 3 is next")] * 2,
    ),
    "too few": (lambda chunks: chunks[:-1], ("BAD_SHAPE", "96 of 100 rows"), ("STAGE_ORDER", "push the rest first")),
    "too many": (lambda chunks: [*chunks, replace(chunks[-1], seq=len(chunks))], *[("BAD_SHAPE", "chunk 13")] * 2),
    "short": (
        lambda chunks: [*chunks[:2], rehashed(chunks[2], chunks[2].bytes[:-WIDTH]), *chunks[3:]],
        *[("BAD_SHAPE", "chunk 2: 224 bytes")] * 2,
    ),
    "another stage": (
        lambda chunks: [*chunks[:3], replace(chunks[3], stage=Stage.LATE_DROPS), *chunks[4:]],
        ("SEQUENCE_GAP", "chunk 3 is next, one of another stage came"),
        ("STAGE_ORDER", "stage 4 is the sender's"),
    ),
    "another session": (
        lambda chunks: [*chunks[:3], replace(chunks[3], session_id="ab" * 32), *chunks[4:]],
        ("SEQUENCE_GAP", "chunk 3 is next, one of another stage came"),
        ("NOT_FOUND", "no such session"),
    ),
}


async def ended(twin: Twin, job: Job, reason: str, words: str) -> None:
    """The run failed for its reason on both sides and left nothing."""
    assert job.state is JobState.FAILED
    assert job.failure is not None
    assert job.failure.reason == reason
    assert words in job.failure.message
    assert not await twin.retailer.house.results.exists(job.job_id)
    assert (await session_at(twin.platform, job)).state is SessionState.ABORTED
    assert not list((twin.retailer.home / "spool").glob("*/*"))


@pytest.mark.parametrize("fault", FAULTS)
async def test_hostile_chunks_of_the_sender(twin: Twin, fault: str) -> None:
    change, (reason, words), _ = FAULTS[fault]
    pull = twin.retailer.peer.pull

    async def hostile(card: Any, session_id: str, stage: int, from_seq: int) -> AsyncIterator[Chunk]:
        chunks = [chunk async for chunk in pull(card, session_id, stage, from_seq)]
        assert stage != Stage.EVALUATED or len(chunks) == 13
        for chunk in change(chunks) if stage == Stage.EVALUATED else chunks:
            yield chunk

    twin.retailer.peer.pull = hostile  # type: ignore[method-assign]
    await ended(twin, await twin.run(Operation.MATCH), reason, words)


@pytest.mark.parametrize("fault", FAULTS)
async def test_hostile_chunks_of_the_receiver(twin: Twin, fault: str) -> None:
    change, _, (reason, words) = FAULTS[fault]
    push = twin.retailer.peer.push

    async def hostile(card: Any, chunks: AsyncIterator[Chunk]) -> int:
        told = [chunk async for chunk in chunks]
        await push(card, stream(change(told) if told[0].stage == Stage.BLINDED else told))
        return told[-1].seq

    twin.retailer.peer.push = hostile  # type: ignore[method-assign]
    await ended(twin, await twin.run(Operation.MATCH), reason, words)


async def stream(chunks: Chunks) -> AsyncIterator[Chunk]:
    for chunk in chunks:
        yield chunk


async def test_a_chunk_that_comes_twice_is_taken_once(twin: Twin) -> None:
    push = twin.retailer.peer.push

    async def again(card: Any, chunks: AsyncIterator[Chunk]) -> int:
        told = [chunk async for chunk in chunks]
        return await push(card, stream([chunk for chunk in told for _ in range(2)]))

    twin.retailer.peer.push = again  # type: ignore[method-assign]
    job = await twin.run(Operation.MATCH)
    assert job.state is JobState.SUCCEEDED, job.failure
    assert (await twin.result(job)).num_rows == SHARED


async def test_a_chunk_that_comes_while_its_session_ends_is_told_why(
    twin: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine = session.in_thread

    async def ends_first(call: Any, *args: Any) -> Any:
        """The worker ends the session and drops its spool between the look at the session and the writing."""
        if call is session._keep and (args[2].stage, args[2].seq) == (Stage.BLINDED, 4):
            house, current, _ = args
            await fail_session(house, current, Failure("BAD_SHAPE", "ended by the worker"), "stage 1, chunk 2")
            house.spool.drop(current.job_id)
        return await genuine(call, *args)

    monkeypatch.setattr(session, "in_thread", ends_first)
    await ended(twin, await twin.run(Operation.MATCH), "BAD_SHAPE", "ended by the worker")


async def test_table_rows_out_of_order_across_chunks_are_refused(twin: Twin) -> None:
    pull = twin.retailer.peer.pull

    async def hostile(card: Any, session_id: str, stage: int, from_seq: int) -> AsyncIterator[Chunk]:
        chunks = [chunk async for chunk in pull(card, session_id, stage, from_seq)]
        if stage == Stage.TABLE:
            # Each chunk ascends; the third begins before the second ends.
            chunks[1:3] = rehashed(chunks[1], chunks[2].bytes), rehashed(chunks[2], chunks[1].bytes)
        for chunk in chunks:
            yield chunk

    twin.retailer.peer.pull = hostile  # type: ignore[method-assign]
    await ended(twin, await twin.run(Operation.MATCH), "NOT_ASCENDING", "stage 3 TABLE, chunk 2, offset 0")


MILLION = 1_000_000


async def a_million_agreed(side: Gateway) -> None:
    """Let every customer of a data set have agreed to MATCH, as an import leaves it; importing them takes minutes."""
    names = side.datasets.tables["crm"].column("id").combine_chunks()
    refs = kernel.subject_refs(side.house.custody.subject_key(), "customer", names, 2)
    ascending = np.sort(refs.view(f"S{refs.shape[1]}").reshape(-1)).astype(str).tolist()
    begun = int(ASKED.timestamp()) * 1_000_000
    with closing(sqlite3.connect(side.home / "assent.db")) as database, database:
        use = (1, side.party, PURPOSE, PLATFORM, "phone_hash", "psi_hash")
        database.execute("INSERT INTO consent_uses VALUES (?, ?, ?, ?, ?, ?)", use)
        database.executemany(
            "INSERT INTO subjects (subject_ref, revision, changed) VALUES (?, 1, 0)", ((name,) for name in ascending)
        )
        database.executemany(
            "INSERT INTO consent_projection (use_id, subject_ref, plain, consent_id, effective_from)"
            f" VALUES (1, ?1, 1, substr(?1, 1, 20), {begun})",
            ((name,) for name in ascending),
        )


@pytest.mark.thorough
@pytest.mark.parametrize("fault", ["non-canonical", "repeated"])
@pytest.mark.parametrize("hostile", ["sender", "receiver"])
async def test_hostile_chunks_in_the_middle_of_a_million(tmp_path: Path, hostile: str, fault: str) -> None:
    """One bad element; or one element said again forty chunks later, where only a set over the whole list finds it."""
    caps = {"rows_receiver": MILLION, "rows_sender": 1000, "runs_per_day": 9}
    tables = (customers(0, MILLION, "A"), customers(MILLION - 20, 100, "B"))
    twin = await rows_twin(tmp_path, tables=tables, consents=False, caps=caps)
    await a_million_agreed(twin.retailer)
    ids = twin.platform.datasets.tables["users"].column("id").to_pylist()
    await twin.platform.import_events([given(twin.platform.party, customer) for customer in ids])
    stage, at, said = int(Stage.EVALUATED if hostile == "sender" else Stage.BLINDED), 45, list[bytes]()

    def change(chunk: Chunk) -> Chunk:
        if (chunk.stage, chunk.seq) == (stage, 5):
            said.append(chunk.bytes[:WIDTH])
        if (chunk.stage, chunk.seq) != (stage, at):
            return chunk
        bad = b"\xff" * WIDTH if fault == "non-canonical" else said[0]
        return rehashed(chunk, chunk.bytes[: 3 * WIDTH] + bad + chunk.bytes[4 * WIDTH :])

    twin.retailer.peer.tamper = change
    reason = "NON_CANONICAL_ELEMENT" if fault == "non-canonical" else "REPEATED_ELEMENT"
    await ended(twin, await twin.run(Operation.MATCH), reason, f"chunk {at}, offset 3")
    await close_all()
