"""What people ask about jobs: create, look, watch, cancel, read the result."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gateway import kernel
from gateway.disclosure import CELLS, compare
from gateway.errors import RequestError, StateError
from gateway.flow.access import require
from gateway.flow.gate import as_texts
from gateway.flow.ports import House
from gateway.flow.threads import in_thread
from gateway.route.agreement import Operation
from gateway.route.audit import AuditEvent
from gateway.route.caller import Caller, Role
from gateway.route.canonical import parse_time_text
from gateway.route.job import Job, JobRequest, JobState, Side, WaitingFor

WATCH_INTERVAL_S = 1.0

RESULT_SCHEMA = pa.schema(
    [
        pa.field("customer", pa.string()),
        pa.field("attribute", pa.string()),
        pa.field("value", pa.string()),
        pa.field("partner", pa.string()),
        pa.field("run", pa.string()),
        pa.field("agreement", pa.string()),
        pa.field("consent", pa.string()),
        pa.field("obtained_at", pa.timestamp("us", tz="UTC")),
        pa.field("expires_at", pa.timestamp("us", tz="UTC")),
    ]
)


async def create_job(house: House, caller: Caller, request: JobRequest) -> Job:
    """Store a job for the workers and return at once; the same request_id returns the same job."""
    require(caller, Role.CDP_JOB)
    if (request.operation in (Operation.MATCH, Operation.OVERLAP)) == bool(request.columns):
        raise RequestError("BAD_FIELD", "job.columns: ENRICH and AGGREGATE name agreed columns, MATCH and OVERLAP none")
    now = house.clock.now()
    async with house.store.begin() as tx:
        copy = await tx.agreements.get(request.agreement_id)
        partner = next((p.party for p in copy.agreement.parties if p.party != house.custody.party), "")
        job = new_job(house, str(uuid.uuid4()), Side.RECEIVER, partner, request, now)
        stored = await tx.jobs.create(job)
        if stored.job_id == job.job_id:
            await tx.audit.append([created_event(job, now)])
    house.bells.ring("jobs")
    house.bells.ring("audit")
    return stored


def new_job(house: House, job_id: str, side: Side, partner: str, request: JobRequest, now: datetime) -> Job:
    """Make a queued job."""
    return Job(
        job_id=job_id,
        side=side,
        partner=partner,
        request=request,
        state=JobState.QUEUED,
        waiting_for=WaitingFor.NONE,
        stage=0,
        seq=-1,
        rows_done=0,
        rows_total=0,
        session_id="",
        refusal=None,
        failure=None,
        report={},
        cancel_requested=False,
        attempt=0,
        fence=0,
        lease_owner="",
        lease_until=None,
        spool_id=house.spool.spool_id,
        created_at=now,
        updated_at=now,
        finished_at=None,
        revision=1,
    )


def created_event(job: Job, now: datetime) -> AuditEvent:
    """Make the audit entry of a new job."""
    return AuditEvent(
        type="job_created",
        time=now,
        subject_ref="",
        payload={
            "job": job.job_id,
            "side": job.side.value,
            "partner": job.partner,
            "agreement": job.request.agreement_id,
            "operation": job.request.operation.value,
            "purpose": job.request.purpose,
            "columns": list(job.request.columns),
            "requested_by": job.request.requested_by,
        },
    )


async def get_job(house: House, caller: Caller, job_id: str) -> Job:
    """Return a job."""
    require(caller, Role.CDP_JOB, Role.COMPLIANCE_OFFICER, Role.ADMINISTRATOR)
    async with house.store.read() as tx:
        return await tx.jobs.get(job_id)


async def list_jobs(house: House, caller: Caller, after: tuple[datetime, str] | None, limit: int) -> list[Job]:
    """Return jobs, newest first."""
    require(caller, Role.CDP_JOB, Role.COMPLIANCE_OFFICER, Role.ADMINISTRATOR)
    async with house.store.read() as tx:
        return await tx.jobs.list(after, limit)


async def cancel_job(house: House, caller: Caller, job_id: str) -> Job:
    """Ask for a job's end; a worker carries it out. A final job stays as it is."""
    require(caller, Role.CDP_JOB, Role.ADMINISTRATOR)
    async with house.store.begin() as tx:
        job = await tx.jobs.request_cancel(job_id, house.clock.now())
    for key in ("jobs", job_id, job.session_id):
        house.bells.ring(key)
    return job


async def watch_job(house: House, caller: Caller, job_id: str) -> AsyncIterator[Job]:
    """Yield a job at once, after every change, and finally in its final state."""
    job = await get_job(house, caller, job_id)
    yield job
    while not job.state.final:
        await house.bells.wait(job_id, WATCH_INTERVAL_S)
        async with house.store.read() as tx:
            latest = await tx.jobs.get(job_id)
        if latest.revision != job.revision:
            job = latest
            yield job


async def result_schema(house: House, caller: Caller, job_id: str) -> pa.Schema:
    """Return the schema of a job's result: customers of MATCH and ENRICH, cells of AGGREGATE and OVERLAP."""
    require(caller, Role.CDP_JOB)
    async with house.store.read() as tx:
        job = await tx.jobs.get(job_id)
    return CELLS if job.request.operation.grouped else RESULT_SCHEMA


async def read_result(
    house: House, caller: Caller, job_id: str, control_segment: str = ""
) -> AsyncIterator[pa.RecordBatch]:
    """Stream a result; every read is on record, and costs no privacy budget.

    Customers come with their raw values, joined in memory from the bound data set; who left it since is absent.

    Args:
        house: ports.
        caller: whom the token names.
        job_id: a job that SUCCEEDED and whose result is ours.
        control_segment: statistics only: compare every released segment with this one.

    Yields:
        Batches of `result_schema`; of customers one row per customer and attribute (MATCH: null attribute and value).
    """
    require(caller, Role.CDP_JOB)
    async with house.store.read() as tx:
        job = await tx.jobs.get(job_id)
        binding = await tx.agreements.binding(job.request.agreement_id)
    grouped = job.request.operation.grouped
    ours = bool(job.report.get("released")) if grouped else job.side is Side.RECEIVER
    if job.state is not JobState.SUCCEEDED or binding is None or not ours:
        raise StateError("NOT_FOUND", f"job {job_id} has no result: it is {job.state.value} on side {job.side.value}")
    if house.clock.now() >= parse_time_text(str(job.report["expires_at"])):
        # Retention is over: what nobody read is destroyed at the latest now.
        await house.results.delete(job_id)
    table = await house.results.read(job_id)
    if table is None:
        raise StateError("NOT_FOUND", f"the result of job {job_id} is gone: its retention has ended")
    if grouped:
        long, absent = table.replace_schema_metadata(), 0
        if control_segment:
            long = pa.concat_tables([long, await in_thread(compare, long, control_segment)])
    elif control_segment:
        raise RequestError("BAD_FIELD", "control_segment: only statistics per segment are compared")
    else:
        subjects = await house.datasets.subjects(binding)
        long, present = await in_thread(_joined, house, job, binding.subject_type, table, subjects)
        absent = table.num_rows - present
    async with house.store.begin() as tx:
        await tx.audit.append(
            [
                AuditEvent(
                    type="result_read",
                    time=house.clock.now(),
                    subject_ref="",
                    payload={
                        "job": job_id,
                        "by": caller.subject,
                        "rows": table.num_rows - absent,
                        "absent": absent,
                    },
                )
            ]
        )
    house.bells.ring("audit")
    for batch in long.to_batches(max_chunksize=house.limits.result_batch):
        yield batch


def _joined(house: House, job: Job, subject_type: str, table: pa.Table, subjects: pa.Array) -> tuple[pa.Table, int]:
    """Put raw customer values to the result, in memory; return it and how many customers are present."""
    refs = kernel.subject_refs(house.custody.subject_key(), subject_type, subjects, house.limits.threads)
    where = pc.index_in(table.column("subject_ref").combine_chunks(), value_set=as_texts(refs))
    present = np.flatnonzero(np.asarray(pc.is_valid(where)))
    return _long(job, table.take(pa.array(present)), subjects.take(where.take(pa.array(present)))), len(present)


def _long(job: Job, table: pa.Table, customers: pa.Array) -> pa.Table:
    """Turn one column per attribute into one row per customer and attribute."""
    obtained = job.report.get("obtained_at")
    expires = job.report.get("expires_at")
    rows = table.num_rows
    pieces = []
    for name in job.request.columns or (None,):
        value = pa.nulls(rows, pa.string()) if name is None else table.column(name).cast(pa.string())
        pieces.append(
            pa.table(
                [
                    customers,
                    pa.repeat(pa.scalar(name, pa.string()), rows),
                    value,
                    pa.repeat(job.partner, rows),
                    pa.repeat(job.session_id, rows),
                    pa.repeat(job.request.agreement_id, rows),
                    table.column("consent_id"),
                    pa.repeat(_time(obtained), rows),
                    pa.repeat(_time(expires), rows),
                ],
                schema=RESULT_SCHEMA,
            )
        )
    return pa.concat_tables(pieces)


def _time(text: object) -> pa.Scalar:
    return pa.scalar(datetime.fromisoformat(str(text)), pa.timestamp("us", tz="UTC"))
