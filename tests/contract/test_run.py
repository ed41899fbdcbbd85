"""MATCH and ENRICH between two whole gateways in one process: what is learned, by whom, and what is not."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from gateway.errors import RequestError, StateError
from gateway.flow.job import create_job
from gateway.flow.run import cancel
from gateway.route.agreement import Operation
from gateway.route.job import Job, JobRequest, JobState, WaitingFor
from gateway.route.session import SessionState, Stage
from tests.contract.rows import found_by, read_at, records_of
from tests.twin import EVERYBODY, PLATFORM, PURPOSE, RETAILER, START, Twin, given, make_twin, opaque

SHARED = {f"A{number:06d}" for number in range(20, 40)}

pytestmark = pytest.mark.usefixtures("twins_closed")


async def attributes(twin: Twin, job: Job) -> dict[tuple[str, str], Any]:
    """Return what the retailer got, by customer and attribute."""
    table = await read_at(twin.retailer, job)
    return {(row["customer"], row["attribute"]): row["value"] for row in table.to_pylist()}


async def test_match_finds_exactly_the_shared_customers(twin: Twin) -> None:
    job = await twin.run(Operation.MATCH)
    assert job.state is JobState.SUCCEEDED, job.failure
    table = await read_at(twin.retailer, job)
    assert set(table.column("customer").to_pylist()) == SHARED
    assert table.column("value").null_count == table.num_rows == 20
    assert set(table.column("consent").to_pylist()) == {opaque(RETAILER, customer) for customer in SHARED}


async def test_enrich_brings_the_agreed_attributes_row_by_row(twin: Twin) -> None:
    job = await twin.run(Operation.ENRICH, ("spend", "tier"))
    assert job.state is JobState.SUCCEEDED, job.failure
    rows = await attributes(twin, job)
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


async def test_without_consent_nothing_is_tokenised(tmp_path: Path) -> None:
    twin = await make_twin(tmp_path, consents=False)
    ids = twin.platform.datasets.tables["users"].column("id").to_pylist()
    await twin.platform.import_events([given(PLATFORM, customer) for customer in ids])
    job = await twin.run(Operation.MATCH)
    assert job.state is JobState.SUCCEEDED, job.failure
    assert job.report["left_out"] == {"NO_CONSENT": 40}
    assert (await twin.result(job)).num_rows == 0
    _, run = await records_of(twin, job)
    assert run["receiver"]["tokenised"] == 0


@pytest.mark.parametrize("operation", [Operation.MATCH, Operation.ENRICH])
async def test_an_empty_sender_cohort_gives_an_empty_result(tmp_path: Path, operation: Operation) -> None:
    twin = await make_twin(tmp_path, consents=False)
    ids = twin.retailer.datasets.tables["crm"].column("id").to_pylist()
    await twin.retailer.import_events([given(RETAILER, customer) for customer in ids])
    job = await twin.run(operation, ("tier",) if operation is Operation.ENRICH else ())
    assert job.state is JobState.SUCCEEDED, job.failure
    assert (await twin.result(job)).num_rows == 0
    _, run = await records_of(twin, job)
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
    rows = await attributes(twin, job)
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
    found = await found_by(twin.retailer, job)
    # B000022 and B000023 share a number: both stay out. A000020 and A000021 share one that matches.
    assert found == SHARED - {"A000022", "A000023"}
    _, run = await records_of(twin, job)
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
    rows = await attributes(twin, job)
    assert {customer for customer, _ in rows} == SHARED
    assert rows["A000021", "channel"] == "app"


@pytest.mark.postgres
async def test_the_sender_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    twin = await make_twin(tmp_path, urls=(None, postgres_url))
    job = await twin.run(Operation.MATCH)
    assert job.state is JobState.SUCCEEDED, job.failure
    assert (await twin.result(job)).num_rows == 20
