"""MATCH and ENRICH between two whole gateways in one process: what is learned, by whom, and what is not."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from gateway.errors import HostileInput, RequestError, StateError
from gateway.flow.decision_log import KEPT
from gateway.flow.job import create_job, read_result
from gateway.flow.ports import DatasetPort
from gateway.flow.provision import OutputClass, list_provisions
from gateway.flow.registry import create_assessment
from gateway.flow.retention import sweep_results
from gateway.flow.run import cancel
from gateway.route.agreement import Operation
from gateway.route.job import JobRequest, JobState, Side, WaitingFor
from gateway.route.provision import ProvisionFilter
from gateway.route.session import Chunk, SessionState, Stage
from tests.contract.rows import job_at
from tests.twin import (
    EVERYBODY,
    PLATFORM,
    PURPOSE,
    RETAILER,
    START,
    Twin,
    close_all,
    given,
    make_twin,
    opaque,
    withdrawn,
)

SHARED = {f"A{number:06d}" for number in range(20, 40)}


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    await close_all()


@pytest.fixture
async def twin(tmp_path: Path) -> AsyncIterator[Twin]:
    made = await make_twin(tmp_path)
    yield made


async def released(twin: Twin, job_id: str) -> pa.Table:
    batches = [batch async for batch in read_result(twin.retailer.house, EVERYBODY, job_id)]
    return pa.Table.from_batches(batches)


async def session_of(twin: Twin, job_id: str):  # type: ignore[no-untyped-def]
    job = await twin.retailer.job(job_id)
    async with twin.retailer.house.store.read() as tx:
        return await tx.sessions.get(job.session_id)


async def test_match_finds_exactly_the_shared_customers(twin: Twin) -> None:
    job = await twin.run(Operation.MATCH)
    assert job.state is JobState.SUCCEEDED, job.failure
    table = await released(twin, job.job_id)
    assert set(table.column("customer").to_pylist()) == SHARED
    assert table.column("value").null_count == table.num_rows == 20
    assert set(table.column("consent").to_pylist()) == {opaque(RETAILER, customer) for customer in SHARED}


async def test_enrich_brings_the_agreed_attributes_row_by_row(twin: Twin) -> None:
    job = await twin.run(Operation.ENRICH, ("spend", "tier"))
    assert job.state is JobState.SUCCEEDED, job.failure
    rows = {(row["customer"], row["attribute"]): row["value"] for row in (await released(twin, job.job_id)).to_pylist()}
    assert len(rows) == 40
    for number in range(20, 40):
        assert Decimal(rows[f"A{number:06d}", "spend"]) == Decimal(number)
        assert rows[f"A{number:06d}", "tier"] == ("gold", "silver", None)[number % 3]


async def test_both_logs_hold_the_run_signed_by_both(twin: Twin) -> None:
    job = await twin.run(Operation.MATCH)
    records = []
    for side in (twin.retailer, twin.platform):
        async with side.house.store.read() as tx:
            session = await tx.sessions.get(job.session_id)
        assert session.state is SessionState.CLOSED
        assert {party for party, _ in session.run_signatures} == {RETAILER, PLATFORM}
        records.append((session.opening, session.run_record, dict(session.run_signatures)))
    assert records[0] == records[1]
    run = json.loads(records[0][1])
    assert run["receiver"]["tokenised"] == 40
    assert run["sender"]["tokenised"] == 50
    assert "matched" not in json.dumps(run)


async def test_either_side_logs_what_it_provided_and_on_which_ground(twin: Twin) -> None:
    await twin.platform.import_events([withdrawn(PLATFORM, "B000020", START - timedelta(days=1))])
    job = await twin.run(Operation.ENRICH, ("spend", "tier"))
    opening, run = (json.loads(text) for text in await records(twin, job.job_id))
    listed = {}
    for side, other in ((twin.retailer, PLATFORM), (twin.platform, RETAILER)):
        found = await list_provisions(side.house, EVERYBODY, ProvisionFilter(partner=other, purpose=PURPOSE))
        assert await list_provisions(side.house, EVERYBODY, ProvisionFilter(partner=side.party)) == []
        (listed[side.party],) = found
    for (party, one), role, people in zip(listed.items(), ("receiver", "sender"), (40, 49), strict=True):
        half = run[role]
        assert (one.handler, one.side, one.session_id) == (party, Side(role.upper()), job.session_id)
        assert (one.subject_count, one.record_count, one.replaced_count) == (
            people,
            half["tokenised"],
            half["replaced"],
        )
        assert half["tokenised"] + half["replaced"] == people
        assert one.commitment.hex() == opening[f"{role}_commitment"]
        assert one.result_hash is not None and one.result_hash.hex() == half["transcript"]
        assert one.judged_at.isoformat() == half["cut_at"].replace("Z", "+00:00")
        assert one.started_at <= one.judged_at <= one.released_at
        assert one.keep_until == one.released_at + KEPT
        assert (one.contract_id, one.assessments) == (twin.agreement_id, ("PIA-1",))
        assert one.assessed_at is not None and one.assessed_at < one.started_at
        assert (one.output_class, one.minimum_cohort) == (OutputClass.ATTRIBUTES, None)
        assert (one.released_to, one.signed_by) == ((RETAILER,), (PLATFORM, RETAILER))
        assert (one.methods, one.basis) == (("psi_hash",), "consent")
    # The receiver's values did not leave, only whom it asked about.
    assert listed[RETAILER].categories == ("phone_hash",)
    assert listed[PLATFORM].categories == ("phone_hash", "purchases", "loyalty")
    # What is registered since changes nothing of it, nor what retention destroys.
    twin.clock.at += timedelta(days=1000)
    assert await sweep_results(twin.platform.house) == {"destroyed": 1}
    later = {"id": "PIA-1", "approved_at": twin.clock.at.isoformat(), "purposes": [PURPOSE]}
    await create_assessment(
        twin.platform.house, EVERYBODY, {**later, "recipients": ["elsewhere"], "methods": ["psi_hash"]}
    )
    assert await list_provisions(twin.platform.house, EVERYBODY, ProvisionFilter()) == [listed[PLATFORM]]


async def records(twin: Twin, job_id: str) -> tuple[bytes, bytes]:
    session = await session_of(twin, job_id)
    return session.opening, session.run_record


async def test_without_consent_nothing_is_tokenised(tmp_path: Path) -> None:
    twin = await make_twin(tmp_path, consents=False)
    ids = twin.platform.datasets.tables["users"].column("id").to_pylist()
    await twin.platform.import_events([given(PLATFORM, customer) for customer in ids])
    job = await twin.run(Operation.MATCH)
    assert job.state is JobState.SUCCEEDED, job.failure
    assert job.report["left_out"] == {"NO_CONSENT": 40}
    assert (await twin.result(job)).num_rows == 0
    run = json.loads((await session_of(twin, job.job_id)).run_record)
    assert run["receiver"]["tokenised"] == 0


@pytest.mark.parametrize("operation", [Operation.MATCH, Operation.ENRICH])
async def test_an_empty_sender_cohort_gives_an_empty_result(tmp_path: Path, operation: Operation) -> None:
    twin = await make_twin(tmp_path, consents=False)
    ids = twin.retailer.datasets.tables["crm"].column("id").to_pylist()
    await twin.retailer.import_events([given(RETAILER, customer) for customer in ids])
    job = await twin.run(operation, ("tier",) if operation is Operation.ENRICH else ())
    assert job.state is JobState.SUCCEEDED, job.failure
    assert (await twin.result(job)).num_rows == 0
    run = json.loads((await session_of(twin, job.job_id)).run_record)
    assert run["sender"]["tokenised"] == 0


async def test_a_column_that_consent_does_not_cover_is_null_and_looks_like_a_missing_one(tmp_path: Path) -> None:
    twin = await make_twin(tmp_path, consents=False)
    ids = twin.platform.datasets.tables["users"].column("id").to_pylist()
    partial = set(ids[:10])
    await twin.platform.import_events(
        [
            given(
                PLATFORM,
                customer,
                ("phone_hash", "loyalty") if customer in partial else ("phone_hash", "loyalty", "purchases"),
            )
            for customer in ids
        ]
    )
    ours = twin.retailer.datasets.tables["crm"].column("id").to_pylist()
    await twin.retailer.import_events([given(RETAILER, customer) for customer in ours])
    job = await twin.run(Operation.ENRICH, ("spend", "channel"))
    assert job.state is JobState.SUCCEEDED, job.failure
    rows = {(row["customer"], row["attribute"]): row["value"] for row in (await released(twin, job.job_id)).to_pylist()}
    for number in range(20, 40):
        covered = f"B{number:06d}" not in partial
        assert (rows[f"A{number:06d}", "spend"] is not None) == covered
        assert rows[f"A{number:06d}", "channel"] == ("web", "app")[number % 2]


async def test_two_sessions_on_equal_input_share_no_element(twin: Twin) -> None:
    seen: list[set[bytes]] = []
    for _ in range(2):
        twin.retailer.peer.pushed.clear()
        assert (await twin.run(Operation.MATCH)).state is JobState.SUCCEEDED
        blinded = b"".join(chunk.bytes for chunk in twin.retailer.peer.pushed if chunk.stage == Stage.BLINDED)
        seen.append({blinded[at : at + 32] for at in range(0, len(blinded), 32)})
    assert len(seen[0]) == len(seen[1]) == 40
    assert not seen[0] & seen[1]


async def test_a_withdrawal_before_the_cut_is_replaced_on_both_sides(tmp_path: Path) -> None:
    twin = await make_twin(tmp_path)
    done: list[Stage] = []

    async def withdraw_then(stage: Stage) -> None:
        if stage in done:
            return
        done.append(stage)
        now = twin.clock.now()
        if stage == Stage.OPENING:
            await twin.retailer.import_events([withdrawn(RETAILER, "A000025", now)])
        if stage == Stage.EVALUATED:
            await twin.platform.import_events([withdrawn(PLATFORM, "B000026", now)])

    hook_pulls(twin, withdraw_then)
    job = await twin.run(Operation.MATCH)
    assert job.state is JobState.SUCCEEDED, job.failure
    found = set((await released(twin, job.job_id)).column("customer").to_pylist())
    assert found == SHARED - {"A000025", "A000026"}
    run = json.loads((await session_of(twin, job.job_id)).run_record)
    assert (run["receiver"]["replaced"], run["sender"]["replaced"]) == (1, 1)
    assert (run["receiver"]["tokenised"], run["sender"]["tokenised"]) == (39, 49)
    # Sizes equal the opening record all the same.
    opening = json.loads((await session_of(twin, job.job_id)).opening)
    assert (opening["receiver_rows"], opening["sender_rows"]) == ([40], [50])


async def test_a_withdrawal_from_an_enrichment_is_replaced_before_the_cut_and_late_behind_it(tmp_path: Path) -> None:
    twin = await make_twin(tmp_path)
    done: list[Stage] = []

    async def withdraw_then(stage: Stage) -> None:
        if stage in done:
            return
        done.append(stage)
        # Before the cut of either side.
        if stage == Stage.OPENING:
            await twin.retailer.import_events([withdrawn(RETAILER, "A000025", twin.clock.now())])
        if stage == Stage.EVALUATED:
            await twin.platform.import_events([withdrawn(PLATFORM, "B000026", twin.clock.now())])
        if stage == Stage.TABLE:
            # The table has left; stage 4 comes next.
            twin.retailer.peer.after_pull = late  # type: ignore[attr-defined]

    async def late() -> None:
        now = twin.clock.now()
        await twin.platform.import_events([withdrawn(PLATFORM, "B000027", now)])
        await twin.retailer.import_events([withdrawn(RETAILER, "A000028", now)])

    hook_pulls(twin, withdraw_then)
    job = await twin.run(Operation.ENRICH, ("tier",))
    assert job.state is JobState.SUCCEEDED, job.failure
    found = set((await released(twin, job.job_id)).column("customer").to_pylist())
    assert found == SHARED - {"A000025", "A000026", "A000027", "A000028"}
    run = json.loads((await session_of(twin, job.job_id)).run_record)
    assert (run["sender"]["late_drops"], run["receiver"]["late_drops"]) == (1, 1)
    assert (run["sender"]["replaced"], run["receiver"]["replaced"]) == (1, 1)


def hook_pulls(twin: Twin, before):  # type: ignore[no-untyped-def]
    """Call `before(stage)` ahead of every pull, and `peer.after_pull` behind it when set."""
    peer = twin.retailer.peer
    inner = peer.pull
    peer.after_pull = None  # type: ignore[attr-defined]

    async def pull(card, session_id, stage, from_seq):  # type: ignore[no-untyped-def]
        await before(stage)
        async for chunk in inner(card, session_id, stage, from_seq):
            yield chunk
        after, peer.after_pull = peer.after_pull, None  # type: ignore[attr-defined]
        if after is not None:
            await after()

    peer.pull = pull  # type: ignore[method-assign]


async def test_households_fan_out_at_home_and_shared_sender_keys_stay_out(tmp_path: Path) -> None:
    twin = await make_twin(tmp_path)
    crm, users = twin.retailer.datasets.tables["crm"], twin.platform.datasets.tables["users"]
    phones = crm.column("phone").to_pylist()
    phones[21] = phones[20]
    twin.retailer.datasets.tables["crm"] = crm.set_column(1, "phone", pa.array(phones))
    theirs = users.column("phone").to_pylist()
    theirs[3] = theirs[2]
    twin.platform.datasets.tables["users"] = users.set_column(1, "phone", pa.array(theirs))
    job = await twin.run(Operation.MATCH)
    assert job.state is JobState.SUCCEEDED, job.failure
    found = set((await released(twin, job.job_id)).column("customer").to_pylist())
    # B000022 and B000023 share a number: both stay out. A000020 and A000021 share one that matches.
    assert found == SHARED - {"A000022", "A000023"}
    run = json.loads((await session_of(twin, job.job_id)).run_record)
    assert (run["receiver"]["tokenised"], run["sender"]["tokenised"]) == (39, 48)


async def test_the_same_request_never_runs_twice(twin: Twin) -> None:
    request = JobRequest(str(uuid.uuid4()), twin.agreement_id, Operation.MATCH, PURPOSE, (), EVERYBODY.subject)
    first = await create_job(twin.retailer.house, EVERYBODY, request)
    again = await create_job(twin.retailer.house, EVERYBODY, request)
    assert first.job_id == again.job_id
    with pytest.raises(StateError) as caught:
        await create_job(
            twin.retailer.house, EVERYBODY, replace(request, operation=Operation.ENRICH, columns=("tier",))
        )
    assert caught.value.reason == "REVISION_CONFLICT"


@pytest.mark.parametrize(
    ("operation", "columns", "purpose", "code"),
    [
        (Operation.MATCH, (), "personalised_marketing", "PURPOSE_NOT_AGREED"),
        (Operation.ENRICH, ("income",), PURPOSE, "OPERATION_NOT_AGREED"),
        (Operation.ENRICH, ("tier", "tier"), PURPOSE, "OPERATION_NOT_AGREED"),
    ],
)
async def test_what_the_agreement_does_not_say_is_refused(
    twin: Twin, operation: Operation, columns: tuple[str, ...], purpose: str, code: str
) -> None:
    request = JobRequest(str(uuid.uuid4()), twin.agreement_id, operation, purpose, columns, EVERYBODY.subject)
    job = await create_job(twin.retailer.house, EVERYBODY, request)
    await twin.settle()
    job = await twin.retailer.job(job.job_id)
    assert (job.state, job.refusal and job.refusal.reason_code) == (JobState.REFUSED, code)


async def test_a_match_with_columns_is_a_wrong_request(twin: Twin) -> None:
    request = JobRequest(str(uuid.uuid4()), twin.agreement_id, Operation.MATCH, PURPOSE, ("tier",), "x")
    with pytest.raises(RequestError):
        await create_job(twin.retailer.house, EVERYBODY, request)


async def test_a_cap_on_runs_refuses_the_next_one(tmp_path: Path) -> None:
    caps = {"rows_receiver": 1000, "rows_sender": 1000, "runs_per_day": 1}
    twin = await make_twin(tmp_path, caps=caps)
    assert (await twin.run(Operation.MATCH)).state is JobState.SUCCEEDED
    job = await twin.run(Operation.MATCH)
    assert job.refusal and job.refusal.reason_code == "RATE_EXCEEDED"
    twin.clock.at += timedelta(days=2)
    assert (await twin.run(Operation.MATCH)).state is JobState.SUCCEEDED


@pytest.mark.parametrize("caps", [(39, 1000), (1000, 49)])
async def test_a_list_over_its_cap_is_refused(tmp_path: Path, caps: tuple[int, int]) -> None:
    twin = await make_twin(tmp_path, caps={"rows_receiver": caps[0], "rows_sender": caps[1], "runs_per_day": 9})
    job = await twin.run(Operation.MATCH)
    assert job.state is JobState.REFUSED, job
    assert job.refusal and job.refusal.reason_code == "SIZE_OVER_CAP"


async def test_a_pause_longer_than_the_consent_age_releases_nothing(tmp_path: Path) -> None:
    twin = await make_twin(tmp_path)

    async def before(stage: Stage) -> None:
        if stage == Stage.LATE_DROPS:
            twin.retailer.peer.after_pull = pause  # type: ignore[attr-defined]

    async def pause() -> None:
        inner = twin.retailer.peer.close_session

        async def slow(*arguments):  # type: ignore[no-untyped-def]
            twin.clock.at += timedelta(seconds=901)
            return await inner(*arguments)

        twin.retailer.peer.close_session = slow  # type: ignore[method-assign]

    hook_pulls(twin, before)
    job = await twin.run(Operation.MATCH)
    assert job.refusal and job.refusal.reason_code == "CONSENT_CHANGED"
    assert not await twin.retailer.house.results.exists(job.job_id)


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


def rehashed(chunk: Chunk, content: bytes) -> Chunk:
    import hashlib

    return replace(chunk, bytes=content, sha256=hashlib.sha256(content).digest())


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


async def test_a_cancelled_job_ends_on_both_sides_and_leaves_no_spool(twin: Twin) -> None:
    job = await twin.create(Operation.MATCH)
    twin.platform.down = True
    lease = await twin.retailer.lease()
    assert lease is not None
    twin.platform.down = False
    await cancel(lease)
    assert (await twin.retailer.job(job.job_id)).state is JobState.CANCELLED
    assert not (twin.retailer.home / "spool" / job.job_id).exists()


async def test_a_silent_partner_is_said_and_waited_for(twin: Twin) -> None:
    import asyncio

    twin.retailer.peer.cut = True
    job = await twin.create(Operation.MATCH)
    working = asyncio.create_task(twin.settle())
    for _ in range(200):
        await asyncio.sleep(0.02)
        if (await twin.retailer.job(job.job_id)).waiting_for is WaitingFor.PEER:
            break
    assert (await twin.retailer.job(job.job_id)).waiting_for is WaitingFor.PEER
    twin.retailer.peer.cut = False
    await working
    assert (await twin.retailer.job(job.job_id)).state is JobState.SUCCEEDED


async def test_nothing_readable_is_left_on_either_disk(twin: Twin) -> None:
    job = await twin.run(Operation.ENRICH, ("tier", "channel", "spend"))
    assert job.state is JobState.SUCCEEDED
    for side in (twin.retailer, twin.platform):
        content = b"".join(path.read_bytes() for path in side.home.rglob("*") if path.is_file())
        for secret in (b"A000025", b"B000025", b"13800000025", b"+86138", b"silver"):
            assert secret not in content, f"{secret!r} lies in clear at the {side.party}"
        assert not list((side.home / "spool").glob("*/*"))


async def test_an_expired_agreement_is_refused(tmp_path: Path) -> None:
    twin = await make_twin(tmp_path, valid_until=(START + timedelta(days=1)).isoformat())
    twin.clock.at += timedelta(days=2)
    job = await twin.run(Operation.MATCH)
    assert job.refusal and job.refusal.reason_code == "AGREEMENT_NOT_IN_FORCE"


@pytest.mark.postgres
async def test_a_gateway_on_postgresql_and_one_on_sqlite(tmp_path: Path, postgres_url: str) -> None:
    twin = await make_twin(tmp_path, urls=(postgres_url, None))
    job = await twin.run(Operation.ENRICH, ("tier", "channel"))
    assert job.state is JobState.SUCCEEDED, job.failure
    rows = {(row["customer"], row["attribute"]): row["value"] for row in (await released(twin, job.job_id)).to_pylist()}
    assert {customer for customer, _ in rows} == SHARED
    assert rows["A000021", "channel"] == "app"


@pytest.mark.postgres
async def test_the_sender_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    twin = await make_twin(tmp_path, urls=(None, postgres_url))
    job = await twin.run(Operation.MATCH)
    assert job.state is JobState.SUCCEEDED, job.failure
    assert (await twin.result(job)).num_rows == 20


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


async def test_a_withdrawn_column_consent_drops_the_row_late(tmp_path: Path) -> None:
    twin = await make_twin(tmp_path)

    async def withdraw_then(stage: Stage) -> None:
        if stage == Stage.TABLE:
            twin.retailer.peer.after_pull = late  # type: ignore[attr-defined]

    async def late() -> None:
        row = withdrawn(PLATFORM, "B000030", twin.clock.now()) | {"categories": ["loyalty"]}
        report = await twin.platform.import_events([row])
        assert report.accepted == 1, report

    hook_pulls(twin, withdraw_then)
    job = await twin.run(Operation.ENRICH, ("tier",))
    assert job.state is JobState.SUCCEEDED, job.failure
    found = set((await released(twin, job.job_id)).column("customer").to_pylist())
    assert found == SHARED - {"A000030"}


class Rewritten:
    """Data sets whose files are written again, with the same rows, once they have been read so many times."""

    def __init__(self, inner: DatasetPort, reads: int) -> None:
        self._inner, self._reads = inner, reads

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def scan(self, *args: Any, **kwargs: Any) -> Any:
        scan = self._inner.scan(*args, **kwargs)
        self._reads -= 1
        scan.state = {"": "as it was" if self._reads >= 0 else "written again"}  # type: ignore[misc]
        return scan


@pytest.mark.parametrize(("reads", "state"), [(1, JobState.FAILED), (99, JobState.SUCCEEDED)])
async def test_a_source_that_changes_between_two_reads_ends_the_run(
    tmp_path: Path, reads: int, state: JobState
) -> None:
    twin = await make_twin(tmp_path)
    await twin.platform.stop()
    twin.platform.wrap = lambda house: replace(house, datasets=Rewritten(house.datasets, reads))
    await twin.platform.start()
    job = await twin.run(Operation.ENRICH, ("spend",))
    theirs = await job_at(twin.platform, job)
    assert theirs.state is state
    if state is JobState.FAILED:
        assert theirs.failure is not None
        assert theirs.failure.reason == "SOURCE_CHANGED"
        assert "data set" in theirs.failure.message
