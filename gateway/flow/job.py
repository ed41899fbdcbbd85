"""What people ask about jobs: create, look, watch, cancel, read the result."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway import kernel
from gateway.disclosure import CELLS, compare
from gateway.errors import RequestError, StateError
from gateway.flow.access import require
from gateway.flow.identity import label_of, links_to
from gateway.flow.notices import is_suspended
from gateway.flow.pipeline import ahead, in_turn
from gateway.flow.ports import House, StoredRows, Transaction
from gateway.flow.threads import in_thread
from gateway.psi.arrow import rows_of
from gateway.route.agreement import AgreementBinding, Operation
from gateway.route.audit import AuditEvent
from gateway.route.caller import Caller, Role
from gateway.route.canonical import parse_time_text
from gateway.route.job import Job, JobRequest, JobState, Side, WaitingFor

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]

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


PART = pa.field("part", pa.string())


async def create_job(house: House, caller: Caller, request: JobRequest) -> Job:
    """Store a job for the workers and return at once; the same request_id returns the same job."""
    require(caller, Role.CDP_JOB)
    check_columns(request.operation, request.columns, "job")
    async with house.store.begin() as tx:
        stored = await queue_job(tx, house, request, house.clock.now())
    house.bells.ring("jobs")
    house.bells.ring("audit")
    return stored


def check_columns(operation: Operation, columns: Sequence[str], path: str) -> None:
    """Refuse columns where an operation has none, and their absence; RequestError BAD_FIELD."""
    if (operation in (Operation.MATCH, Operation.OVERLAP)) == bool(columns):
        raise RequestError(
            "BAD_FIELD", f"{path}.columns: ENRICH and AGGREGATE name agreed columns, MATCH and OVERLAP none"
        )


async def queue_job(tx: Transaction, house: House, request: JobRequest, now: datetime) -> Job:
    """Store a job inside a transaction; the same request_id returns the same job. Who queues rings the bells."""
    copy = await tx.agreements.get(request.agreement_id)
    partner = next((p.party for p in copy.agreement.parties if p.party != house.custody.party), "")
    job = new_job(house, str(uuid.uuid4()), Side.RECEIVER, partner, request, now)
    stored = await tx.jobs.create(job)
    if stored.job_id == job.job_id:
        await tx.audit.append([created_event(job, now)])
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
    """Return the schema of a job's result: customers of MATCH and ENRICH, cells of AGGREGATE and OVERLAP.

    Customers of a data set of several parts come with the part whose id names them.
    """
    require(caller, Role.CDP_JOB)
    async with house.store.read() as tx:
        job = await tx.jobs.get(job_id)
        binding = await tx.agreements.binding(job.request.agreement_id)
    if job.request.operation.grouped:
        return CELLS
    several = binding is not None and len(await house.datasets.parts(binding.dataset)) > 1
    return RESULT_SCHEMA.append(PART) if several else RESULT_SCHEMA


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
        Batches of `result_schema`; of customers one row per customer and attribute (MATCH, and for a
        sender: null attribute and value).
    """
    require(caller, Role.CDP_JOB)
    job, binding, stored = await open_released(house, job_id)
    grouped = job.request.operation.grouped
    if not grouped and control_segment:
        raise RequestError("BAD_FIELD", "control_segment: only statistics per segment are compared")
    pieces = _cells(stored, control_segment) if grouped else customers_of(house, job, binding, stored, long_rows)
    rows = 0
    async with aclosing(pieces):
        async for piece, customers in pieces:
            rows += customers
            for batch in piece.to_batches(max_chunksize=house.limits.result_batch):
                yield batch
    payload = {"job": job_id, "by": caller.subject, "rows": rows}
    if not grouped:
        payload["absent"] = int(str(job.report["released"])) - rows
    await house.store.append([AuditEvent(type="result_read", time=house.clock.now(), subject_ref="", payload=payload)])
    house.bells.ring("audit")


async def open_released(house: House, job_id: str) -> tuple[Job, AgreementBinding, StoredRows]:
    """Open the result of a job that SUCCEEDED and whose result is ours.

    Raises:
        StateError: NOT_FOUND where there is none (any more); STAGE_ORDER while the partner suspends its use.
    """
    async with house.store.read() as tx:
        job = await tx.jobs.get(job_id)
        binding = await tx.agreements.binding(job.request.agreement_id)
        suspended = await is_suspended(tx, job.session_id)
    grouped = job.request.operation.grouped
    # A sender of rows has a result where the agreement lets it learn the matches.
    ours = bool(job.report.get("released")) if grouped else job.side is Side.RECEIVER or "released" in job.report
    if job.state is not JobState.SUCCEEDED or binding is None or not ours:
        raise StateError("NOT_FOUND", f"job {job_id} has no result: it is {job.state.value} on side {job.side.value}")
    if suspended:
        raise StateError("STAGE_ORDER", f"{job.partner} suspended the use of this run's result; ask its officer")
    if house.clock.now() >= parse_time_text(str(job.report["expires_at"])):
        # Retention is over: what nobody read is destroyed at the latest now.
        await house.results.delete(job_id)
    stored = await house.results.open(job_id)
    if stored is None:
        raise StateError("NOT_FOUND", f"the result of job {job_id} is gone: its retention has ended")
    return job, binding, stored


async def _cells(stored: StoredRows, control_segment: str) -> AsyncGenerator[tuple[pa.Table, int], None]:
    """Yield the cells of a statistic, and what compares them with one segment."""
    table = pa.Table.from_batches(await in_thread(lambda: list(stored.batches())), stored.schema)
    cells = table.replace_schema_metadata()
    yield cells, cells.num_rows
    if control_segment:
        yield await in_thread(compare, cells, control_segment), 0


async def customers_of(
    house: House,
    job: Job,
    binding: AgreementBinding,
    stored: StoredRows,
    shape: Callable[[Job, pa.Table, pa.StringArray], pa.Table],
) -> AsyncGenerator[tuple[pa.Table, int], None]:
    """Put raw customer values to a result, in memory; yield rows, and how many customers they are.

    The data set is passed over once for every part of the result that fits the memory.

    Args:
        house: ports.
        job: that has the result.
        binding: of its agreement.
        stored: the result.
        shape: makes rows of stored ones and the customers whose they are.
    """
    key, threads = house.custody.subject_key(), house.limits.threads
    parts = await house.datasets.parts(binding.dataset)

    def joined(
        table: pa.Table, refs: Bytes, places: Places, seen: Mask, label: str, subjects: pa.StringArray
    ) -> tuple[pa.Table, int]:
        wanted = kernel.subject_refs(key, label, subjects, threads)
        place = kernel.find_rows(refs, wanted, threads)
        if len(refs):
            place = np.where(place >= 0, places[place], place)
        # A customer with several rows in the data set is told once.
        found = np.flatnonzero(place >= 0)
        found = found[~seen[place[found]]]
        found = found[np.sort(np.unique(place[found], return_index=True)[1])]
        seen[place[found]] = True
        rows = table.take(pa.array(place[found]))
        return shape(job, rows, subjects.take(pa.array(found))), len(found)

    with house.memory.lend() as memory:
        async for table in in_turn(_parts(stored, memory // 4)):
            people = rows_of(table.column("subject_ref"))
            seen = np.zeros(len(people), dtype=bool)
            # In order: who has rows in several parts is told by the id of the first.
            for number, part in enumerate(parts):
                label, refs, places = label_of(part, binding), people, np.arange(len(people))
                if part.subject_source:
                    async with house.store.read() as tx:
                        refs, places = await links_to(tx, part.subject_source, people, threads)
                async for subjects in ahead(in_turn(house.datasets.subject_pieces(binding, number))):
                    found, customers = await in_thread(joined, table, refs, places, seen, label, subjects)
                    if customers and len(parts) > 1:
                        found = found.append_column(PART, pa.repeat(part.name, len(found)))
                    if customers:
                        yield found, customers


def _parts(stored: StoredRows, memory: int) -> Iterator[pa.Table]:
    """Yield a stored result in tables of bounded size. Blocks."""
    held, size = list[pa.RecordBatch](), 0
    for batch in stored.batches():
        held.append(batch)
        size += batch.nbytes
        if size >= memory:
            yield pa.Table.from_batches(held).combine_chunks()
            held, size = [], 0
    if held:
        yield pa.Table.from_batches(held).combine_chunks()


def long_rows(job: Job, table: pa.Table, customers: pa.StringArray) -> pa.Table:
    """Turn one column per attribute into one row per customer and attribute."""
    obtained = job.report.get("obtained_at")
    expires = job.report.get("expires_at")
    rows = table.num_rows
    pieces = []
    for name in (job.request.columns if job.side is Side.RECEIVER else ()) or (None,):
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
