"""Jobs and the client: results, joins, refusals, restarts."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from gateway import kernel
from gateway.agreement.card import card_file
from gateway.client import (
    AsyncClient,
    Binding,
    Cancelled,
    Job,
    Refused,
)
from gateway.errors import RequestError, SourceError, StateError
from gateway.flow import agreement as agreements
from gateway.flow.gate import as_texts
from gateway.route.caller import Role
from gateway.route.job import Failure, JobState, Refusal, WaitingFor
from gateway.route.job import Job as StoredJob
from gateway.route.matched import Release
from gateway.v1 import job_pb2, job_pb2_grpc
from tests.e2e.tenant_port.tenant import CUSTOMERS, NOW, PARTY, Tenant, channel_to
from tests.unit.gateway.flow.houses import Neighbours, draft, furnish, open_house

PURPOSE = "profile_enrichment"
UUID = "7f1c2c1e-6f0e-4d2a-9a53-0f5d0f6a2b11"


@pytest.fixture
async def agreement(tenant: Tenant, tmp_path: Path) -> str:
    """An agreement with the platform, bound to the five customers."""
    from gateway.flow import partner as partners
    from tests.unit.gateway.flow.houses import ADMIN

    other = tmp_path / "platform"
    other.mkdir(exist_ok=True)
    neighbours = Neighbours()
    async with open_house(other, "platform", tenant.clock, neighbours) as platform:
        neighbours.houses[PARTY] = tenant.house
        for host, guest in ((tenant.house, platform), (platform, tenant.house)):
            signed = partners.invitation(guest)
            await partners.accept_partner(host, ADMIN, card_file(signed), signed.fingerprint)
        await furnish(tenant.house, "platform")
        await furnish(platform, PARTY)
        proposed = await agreements.propose(platform, ADMIN, draft(PARTY, "platform"), UUID)
    agreement_id = proposed.agreement.agreement_id
    async with tenant.client(Role.ADMINISTRATOR) as admin:
        # The partner is gone by now: the acceptance is stored and says so.
        with pytest.raises(StateError, match="does not answer"):
            tenant_peer: Any = tenant.house.peer
            tenant_peer.neighbours.cut = True
            await admin.agreements.accept(agreement_id, proposed.agreement.hash)
        await admin.agreements.bind(
            agreement_id, Binding("customers", "customer_id", "customer", {"phone.e164": "phone"}, {})
        )
    return agreement_id


async def test_an_agreement_is_read_listed_and_bound(client: AsyncClient, agreement: str) -> None:
    found = await client.agreements.get(agreement)
    assert (found.state, found.parties, found.sandbox) == ("IN_FORCE", (PARTY, "platform"), True)
    assert {party for party, _ in found.signatures} == {PARTY, "platform"}
    assert [(column.name, column.type) for column in found.columns] == [("recency", "NUMBER"), ("channel", "CATEGORY")]
    assert [copy.agreement_id async for copy in client.agreements.list()] == [agreement]
    with pytest.raises(RequestError, match="expected_hash"):
        await client.agreements.accept(agreement, bytes(32))
    with pytest.raises(RequestError, match="match_key_columns"):
        await client.agreements.bind(
            agreement, Binding("customers", "customer_id", "customer", {"phone.e164": "nowhere"}, {})
        )


async def _released(tenant: Tenant, job: StoredJob, columns: dict[str, list[str | None]]) -> None:
    """Store what a run released: customers 1, 3 and one who left the data set since."""
    subjects = pa.array([CUSTOMERS[1], CUSTOMERS[3], "C-999999"], pa.string())
    refs = as_texts(kernel.subject_refs(tenant.house.custody.subject_key(), "customer", subjects, 1))
    table = pa.table(
        {
            "subject_ref": refs,
            "consent_id": ["K-1", "K-3", "K-9"],
            **{name: pa.array(values, pa.string()) for name, values in columns.items()},
        }
    ).sort_by("subject_ref")
    request = job.request
    head = (job.job_id, "ab" * 32, request.agreement_id, job.partner, request.operation, table.slice(0, 0))
    await tenant.house.results.store(Release(*head, NOW, NOW + timedelta(days=180), REPORT), _batches(table))


async def _batches(table: pa.Table) -> AsyncIterator[pa.RecordBatch]:
    for batch in table.to_batches():
        yield batch


REPORT = {
    "tokenised": 5,
    "matched": 3,
    "released": 3,
    "left_out": {"NO_CONSENT": 2},
    "obtained_at": "2026-11-20T08:30:00.000000Z",
    "expires_at": "2027-05-19T08:30:00.000000Z",
}


async def _run(tenant: Tenant, job_id: str, columns: dict[str, list[str | None]]) -> None:
    await tenant.change(job_id, state=JobState.EXCHANGING, stage=2, seq=0, rows_done=1, rows_total=5)
    job = await tenant.change(job_id, waiting_for=WaitingFor.PEER)
    await _released(tenant, job, columns)
    await tenant.change(job_id, state=JobState.SUCCEEDED, report=REPORT, session_id="ab" * 32, finished_at=NOW)


async def _worker(tenant: Tenant, columns: dict[str, list[str | None]]) -> None:
    """Wait for a job and run it."""
    while True:
        async with tenant.house.store.read() as tx:
            queued = [job for job in await tx.jobs.list() if job.state is JobState.QUEUED]
        if queued:
            return await _run(tenant, queued[0].job_id, columns)
        await asyncio.sleep(0.02)


async def test_a_request_id_never_runs_twice(client: AsyncClient, agreement: str) -> None:
    first = await client.jobs.create(agreement, "MATCH", PURPOSE, request_id=UUID)
    again = await client.jobs.create(agreement, "MATCH", PURPOSE, request_id=UUID.upper())
    assert first == again
    with pytest.raises(StateError) as other:
        await client.jobs.create(agreement, "ENRICH", PURPOSE, ["recency"], request_id=UUID)
    assert other.value.reason == "REVISION_CONFLICT"
    with pytest.raises(RequestError, match=r"job\.operation"):
        await client.jobs.create(agreement, "GUESS", PURPOSE)


async def test_jobs_are_listed_newest_first_over_pages(tenant: Tenant, client: AsyncClient, agreement: str) -> None:
    made = []
    for _ in range(7):
        tenant.clock.advance(seconds=1)
        made.append((await client.jobs.create(agreement, "MATCH", PURPOSE)).job_id)
    assert [job.job_id async for job in client.jobs.list()] == made[::-1]
    async with channel_to(tenant) as channel:
        jobs: Any = job_pb2_grpc.JobServiceStub(channel)
        token, seen = "", []
        while True:
            answer = await jobs.ListJobs(
                job_pb2.ListJobsRequest(page_size=3, page_token=token),
                metadata=(("authorization", f"Bearer {tenant.token()}"),),
            )
            assert len(answer.jobs) <= 3
            seen += [job.name.removeprefix("jobs/") for job in answer.jobs]
            token = answer.next_page_token
            if not token:
                break
    assert seen == made[::-1]


async def test_match_waits_reports_progress_and_returns_the_table(
    tenant: Tenant, client: AsyncClient, agreement: str
) -> None:
    seen: list[Job] = []
    table, _ = await asyncio.gather(
        client.match(agreement, PURPOSE, progress=seen.append, timeout_s=20), _worker(tenant, {})
    )
    assert [job.state for job in seen][-1] == "SUCCEEDED"
    assert seen[-1].count("NO_CONSENT", "left_out") == 2
    assert table.column_names == [
        "customer",
        "attribute",
        "value",
        "partner",
        "run",
        "agreement",
        "consent",
        "obtained_at",
        "expires_at",
    ]
    assert sorted(table.column("customer").to_pylist()) == [CUSTOMERS[1], CUSTOMERS[3]]
    assert table.column("attribute").null_count == table.num_rows == 2
    assert set(table.column("partner").to_pylist()) == {"platform"}
    assert table.column("obtained_at").to_pylist()[0] == NOW


VALUES: dict[str, list[str | None]] = {"recency": ["3", "12", "9"], "channel": ["web", None, "shop"]}


@pytest.mark.parametrize("kind", ["arrow", "pandas"])
async def test_enrich_joins_in_the_client_and_keeps_the_frame(
    tenant: Tenant, client: AsyncClient, agreement: str, kind: str
) -> None:
    ids = [CUSTOMERS[3], None, CUSTOMERS[0], CUSTOMERS[1], CUSTOMERS[3]]
    frame: Any = pa.table({"id": ids}) if kind == "arrow" else pd.DataFrame({"id": ids}, index=[9, 8, 7, 7, 5])
    asked = client.enrich(
        frame, on="id", agreement=agreement, purpose=PURPOSE, columns=["channel", "recency"], timeout_s=20
    )
    found, _ = await asyncio.gather(asked, _worker(tenant, VALUES))
    assert type(found) is type(frame)
    if kind == "arrow":
        rows = found.to_pydict()
    else:
        assert list(found.index) == [9, 8, 7, 7, 5]
        rows = {name: [None if pd.isna(value) else value for value in found[name]] for name in found.columns}
    assert list(rows) == ["id", "channel", "recency"]
    assert rows == {"id": ids, "channel": [None, None, None, "web", None], "recency": [12, None, None, 3, 12]}


async def test_a_frame_that_does_not_fit_starts_no_run(client: AsyncClient, agreement: str) -> None:
    for frame, on, columns in (
        (pa.table({"id": ["a"]}), "other", ["recency"]),
        (pa.table({"id": [1.5]}), "id", ["recency"]),
        (pa.table({"id": ["a"], "recency": [1]}), "id", ["recency"]),
        (pa.table({"id": ["a"]}), "id", ["income"]),
        (pa.table({"id": ["a"]}), "id", []),
    ):
        with pytest.raises(RequestError):
            await client.enrich(frame, on, agreement=agreement, purpose=PURPOSE, columns=columns)
    assert [job async for job in client.jobs.list()] == []


async def test_a_refusal_a_failure_and_a_cancellation_are_told_apart(
    tenant: Tenant, client: AsyncClient, agreement: str
) -> None:
    refused = await client.jobs.create(agreement, "MATCH", PURPOSE)
    await tenant.change(refused.job_id, state=JobState.REFUSED, refusal=Refusal("RATE_EXCEEDED", "tomorrow again"))
    with pytest.raises(Refused) as no:
        await client.jobs.wait(refused.job_id)
    assert (no.value.reason_code, no.value.message) == ("RATE_EXCEEDED", "tomorrow again")
    failed = await client.jobs.create(agreement, "MATCH", PURPOSE)
    await tenant.change(failed.job_id, state=JobState.FAILED, failure=Failure("MISSING_COLUMN", "column phone"))
    with pytest.raises(SourceError, match="column phone"):
        await client.jobs.wait(failed.job_id)
    stopped = await client.jobs.create(agreement, "MATCH", PURPOSE)
    await client.jobs.cancel(stopped.job_id)
    await tenant.change(stopped.job_id, state=JobState.CANCELLED)
    with pytest.raises(Cancelled):
        await client.jobs.wait(stopped.job_id)
    for job in (refused, failed, stopped):
        with pytest.raises(StateError) as none:
            await client.jobs.result(job.job_id)
        assert none.value.reason == "NOT_FOUND"
        assert (await client.jobs.cancel(job.job_id)).final


async def test_waiting_has_an_end_and_the_job_has_not(client: AsyncClient, agreement: str) -> None:
    job = await client.jobs.create(agreement, "MATCH", PURPOSE)
    with pytest.raises(StateError, match="it goes on"):
        await client.jobs.wait(job.job_id, timeout_s=0.3)
    assert (await client.jobs.get(job.job_id)).state == "QUEUED"


async def test_a_watch_left_early_leaves_nothing_behind(
    tenant: Tenant, client: AsyncClient, agreement: str, log: io.StringIO
) -> None:
    job = await client.jobs.create(agreement, "MATCH", PURPOSE)
    watch = client.jobs.watch(job.job_id)
    assert (await anext(watch)).state == "QUEUED"
    await watch.aclose()
    for _ in range(100):
        if '"method": "JobServicer.WatchJob", "code": "CANCELLED"' in log.getvalue():
            break
        await asyncio.sleep(0.02)
    assert '"method": "JobServicer.WatchJob", "code": "CANCELLED"' in log.getvalue()


async def test_a_watch_survives_a_restart_of_the_gateway(tenant: Tenant, client: AsyncClient, agreement: str) -> None:
    job = await client.jobs.create(agreement, "MATCH", PURPOSE)
    seen: list[str] = []
    waiting = asyncio.create_task(client.jobs.wait(job.job_id, lambda job: seen.append(job.state), timeout_s=20))
    while not seen:
        await asyncio.sleep(0.02)
    await tenant.restart()
    await tenant.change(job.job_id, state=JobState.SUCCEEDED, report=REPORT)
    assert (await waiting).state == "SUCCEEDED"
    assert seen[0] == "QUEUED"
    assert set(seen) == {"QUEUED", "SUCCEEDED"}


async def test_a_gateway_that_stays_away_is_said_to(tenant: Tenant, client: AsyncClient, agreement: str) -> None:
    job = await client.jobs.create(agreement, "MATCH", PURPOSE)
    await tenant.listener.stop(0)
    with pytest.raises(StateError) as gone:
        await client.jobs.get(job.job_id)
    assert gone.value.reason == "PEER_UNAVAILABLE"
    with pytest.raises(StateError) as gone:
        await client.jobs.wait(job.job_id, timeout_s=0.5)
    assert gone.value.reason == "PEER_UNAVAILABLE"


SCRIPT = """
import sys
from pathlib import Path
import pandas as pd
from gateway.client import Client, Refused
target, ca, token, agreement = sys.argv[1:]
with Client(target, Path(ca).read_bytes(), token) as client:
    seen = []
    found = client.enrich(
        pd.DataFrame({"id": ["C-000003", "nobody"]}), on="id", agreement=agreement, purpose="profile_enrichment",
        columns=["recency"], progress=lambda job: seen.append(job.state), timeout_s=20,
    )
    assert found["recency"].tolist()[0] == 12 and pd.isna(found["recency"][1]), found
    assert seen[-1] == "SUCCEEDED", seen
    assert [job.state for job in client.jobs.list()] == ["SUCCEEDED"]
    assert list(client.datasets.list()) == ["broken", "customers"]
print("done")
"""


async def test_the_blocking_client_does_the_same(tenant: Tenant, agreement: str, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(tenant.ca)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        SCRIPT,
        tenant.target,
        str(tmp_path / "ca.pem"),
        tenant.token(),
        agreement,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    (out, err), _ = await asyncio.wait_for(
        asyncio.gather(process.communicate(), _worker(tenant, {"recency": VALUES["recency"]})), 40
    )
    assert (out.decode().strip(), process.returncode) == ("done", 0), err.decode()
