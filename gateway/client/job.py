"""Jobs: run, watch, cancel, read the result."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, BinaryIO

from gateway.client.connection import Connection
from gateway.client.outcome import Cancelled, Refused
from gateway.client.plan import JobPlan, plan_from_proto
from gateway.client.record import PAGE_SIZE, bare, named, new_request_id, pages, required_time, time_of
from gateway.client.report import MatchReport, report_from_proto
from gateway.client.status import error_of_reason
from gateway.errors import HostileInput, RequestError, StateError
from gateway.v1 import job_pb2, job_pb2_grpc, report_pb2

if TYPE_CHECKING:
    import pyarrow as pa

FINAL_STATES = frozenset({"SUCCEEDED", "REFUSED", "FAILED", "CANCELLED"})
RETRY_S = (0.2, 0.5, 1.0, 2.0, 5.0)
_AWAY = ("PEER_UNAVAILABLE", "STORE_UNAVAILABLE")


@dataclass(frozen=True, slots=True)
class Count:
    """How many, and of what.

    Attributes:
        group: what the reasons have in common, e.g. "left_out"; "" for a count that stands alone.
        reason: e.g. "NO_CONSENT", "matched".
        first_rows: numbers of the first such source rows, 1 = first row of values.
    """

    group: str
    reason: str
    count: int
    first_rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """One run as our gateway sees it.

    Attributes:
        job_id: uuid, local to the gateway.
        operation: "MATCH", "ENRICH", "AGGREGATE" or "OVERLAP".
        state: e.g. "EXCHANGING"; see `final`.
        waiting_for: "NONE", "PEER", "APPROVAL" or "DISK".
        stage: stage of the protocol while EXCHANGING.
        seq: last durable chunk of the stage, -1 when there is none.
        side: "RECEIVER" or "SENDER".
        session_id: 64 hex digits, the same on both sides; "" before it is open.
        refusal: (reason code, sentence), or None.
        failure: (reason, sentence), or None.
        facts: statements about the run that are no counts.
    """

    job_id: str
    agreement_id: str
    operation: str
    purpose: str
    columns: tuple[str, ...]
    state: str
    waiting_for: str
    stage: int
    seq: int
    rows_done: int
    rows_total: int
    side: str
    partner: str
    session_id: str
    refusal: tuple[str, str] | None
    failure: tuple[str, str] | None
    counts: tuple[Count, ...]
    facts: tuple[tuple[str, str], ...]
    requested_by: str
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None

    @property
    def final(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in FINAL_STATES

    def count(self, reason: str, group: str = "") -> int:
        """Return one count, 0 where there is none."""
        return next((found.count for found in self.counts if (found.group, found.reason) == (group, reason)), 0)


Progress = Callable[[Job], None]


class AsyncJobs:
    """Calls of JobService."""

    def __init__(self, connection: Connection) -> None:
        """Use a connection."""
        self._connection = connection
        self._stub = job_pb2_grpc.JobServiceStub(connection.channel)

    async def create(
        self,
        agreement: str,
        operation: str,
        purpose: str,
        columns: Sequence[str] = (),
        request_id: str | None = None,
    ) -> Job:
        """Queue a job; it goes on when this process ends.

        Args:
            agreement: id of an agreement in force.
            operation: "MATCH", "ENRICH", "AGGREGATE" or "OVERLAP".
            purpose: one of the agreement's purposes.
            columns: agreed columns wanted: one to three for ENRICH, one or more for AGGREGATE, else none.
            request_id: uuid; repeating a call with it returns the same job. Made anew when left out.

        Raises:
            AssentError: as the gateway raised it.
        """
        request = job_pb2.CreateJobRequest(
            job=_asked(agreement, operation, purpose, columns), request_id=request_id or new_request_id()
        )
        return _job(await self._connection.call(self._stub.CreateJob, request))

    async def get(self, job_id: str) -> Job:
        """Return a job as it is now."""
        request = job_pb2.GetJobRequest(name=named("jobs", job_id))
        return _job(await self._connection.call(self._stub.GetJob, request))

    async def plan(
        self,
        agreement: str,
        operation: str,
        purpose: str,
        columns: Sequence[str] = (),
        partner_rows: int = 0,
    ) -> JobPlan:
        """Return whether a job would run and what it would take; nothing is sent to the partner, nothing is stored.

        Args:
            agreement: id; operation, purpose, columns: as of `create`.
            partner_rows: records of the partner; 0 takes those of the last run, or as many as ours.
        """
        request = job_pb2.PlanJobRequest(job=_asked(agreement, operation, purpose, columns), partner_rows=partner_rows)
        return plan_from_proto(await self._connection.call(self._stub.PlanJob, request))

    async def report(self, job_id: str) -> MatchReport:
        """Return what became of our customers in a job, beside the run before it."""
        request = report_pb2.GetJobReportRequest(name=named("jobs", job_id))
        return report_from_proto(await self._connection.call(self._stub.GetJobReport, request))

    async def list(self) -> AsyncIterator[Job]:
        """Yield jobs of both sides, newest first."""

        async def fetch(token: str) -> tuple[list[Job], str]:
            request = job_pb2.ListJobsRequest(page_size=PAGE_SIZE, page_token=token)
            answer = await self._connection.call(self._stub.ListJobs, request)
            return [_job(job) for job in answer.jobs], answer.next_page_token

        async for job in pages(fetch):
            yield job

    async def cancel(self, job_id: str) -> Job:
        """Ask for a job's end; a job that has ended is returned as it is."""
        request = job_pb2.CancelJobRequest(name=named("jobs", job_id))
        return _job(await self._connection.call(self._stub.CancelJob, request))

    async def watch(self, job_id: str) -> AsyncGenerator[Job, None]:
        """Yield a job now, after each change, and finally in its final state.

        A gateway that restarts is dialled again, some nine seconds long without any answer.

        Raises:
            StateError: PEER_UNAVAILABLE when the gateway stays away; the job itself goes on.
        """
        request = job_pb2.WatchJobRequest(name=named("jobs", job_id))
        failures = 0
        while True:
            try:
                async with aclosing(self._connection.download(self._stub.WatchJob, request)) as answers:
                    async for answer in answers:
                        failures = 0
                        job = _job(answer)
                        yield job
                        if job.final:
                            return
            except StateError as error:
                if error.reason not in _AWAY or failures == len(RETRY_S):
                    raise
            # A stream that ended without a final state was cut by a gateway that is shutting down.
            if failures == len(RETRY_S):
                raise StateError("PEER_UNAVAILABLE", f"the gateway keeps ending the watch of job {bare_id(job_id)}")
            await asyncio.sleep(RETRY_S[failures])
            failures += 1

    async def wait(self, job_id: str, progress: Progress | None = None, timeout_s: float | None = None) -> Job:
        """Wait for a job to succeed.

        Args:
            job_id: the job.
            progress: called with the job at every change.
            timeout_s: seconds to wait; None waits for as long as it takes.

        Returns:
            The job, SUCCEEDED.

        Raises:
            Refused: the answer is no.
            Cancelled: somebody ended it.
            StateError: PEER_UNAVAILABLE after the timeout; the job itself goes on.
            AssentError: the job FAILED, with its own reason.
        """
        try:
            async with asyncio.timeout(timeout_s):
                async with aclosing(self.watch(job_id)) as jobs:
                    async for job in jobs:
                        if progress is not None:
                            progress(job)
                        if job.final:
                            return succeeded(job)
        except TimeoutError as error:
            raise StateError(
                "PEER_UNAVAILABLE", f"job {bare_id(job_id)} is not done in time; it goes on, wait for it again"
            ) from error
        raise StateError("PEER_UNAVAILABLE", f"the watch of job {bare_id(job_id)} ended early; wait for it again")

    async def result(self, job_id: str, control: str | None = None) -> pa.Table:
        """Return the result of a job that SUCCEEDED.

        Args:
            job_id: the job.
            control: AGGREGATE only: a segment; adds the comparison of every other released segment with it.

        Returns:
            MATCH and ENRICH: {customer, attribute, value, partner, run, agreement, consent, obtained_at, expires_at},
            one row per customer and attribute; attribute and value are null for MATCH. AGGREGATE and OVERLAP:
            {segment, against, column, category, statistic, value, low, high, noise_sd, p_value, suppressed}, one row
            per cell, figures as decimal text; `cells_frame` makes numbers of them.
        """
        import pyarrow as pa  # a third of a second to load: only for those who need it
        import pyarrow.ipc

        stream = io.BytesIO()
        await self.save_result(job_id, stream, control)
        try:
            with pa.ipc.open_stream(pa.py_buffer(stream.getbuffer())) as reader:
                return reader.read_all()
        except (pa.ArrowInvalid, OSError) as error:
            raise HostileInput("BAD_SHAPE", NOT_WHOLE) from error

    async def save_result(self, job_id: str, file: BinaryIO, control: str | None = None) -> None:
        """Write the result of a job that SUCCEEDED into a file as it arrives: an Arrow IPC stream of any length.

        Args:
            job_id: the job.
            file: opened for writing.
            control: as of `result`.
        """
        request = job_pb2.ReadResultRequest(name=named("jobs", job_id), control_segment=control or "")
        async with aclosing(self._connection.download(self._stub.ReadResult, request)) as answers:
            async for answer in answers:
                file.write(answer.arrow_stream)


NOT_WHOLE = "the gateway's result is not a whole Arrow stream; read it again"


def succeeded(job: Job) -> Job:
    """Return a final job that SUCCEEDED; raise what any other final state means."""
    if job.refusal is not None and job.state == "REFUSED":
        raise Refused(*job.refusal)
    if job.failure is not None and job.state == "FAILED":
        raise error_of_reason(*job.failure)
    if job.state != "SUCCEEDED":
        raise Cancelled(job.job_id)
    return job


def bare_id(job_id: str) -> str:
    """Return a job's id without its collection."""
    return job_id.removeprefix("jobs/")


OPERATIONS = {
    "MATCH": job_pb2.OPERATION_MATCH,
    "ENRICH": job_pb2.OPERATION_ENRICH,
    "AGGREGATE": job_pb2.OPERATION_AGGREGATE,
    "OVERLAP": job_pb2.OPERATION_OVERLAP,
}


def operation_number(operation: str, field: str) -> job_pb2.Operation:
    """Return an operation as it goes over the wire.

    Raises:
        RequestError: BAD_FIELD for a word that is none.
    """
    if operation not in OPERATIONS:
        raise RequestError("BAD_FIELD", f"{field} must be one of {', '.join(OPERATIONS)}")
    return OPERATIONS[operation]


def _asked(agreement: str, operation: str, purpose: str, columns: Sequence[str]) -> job_pb2.Job:
    return job_pb2.Job(
        agreement=named("agreements", agreement),
        operation=operation_number(operation, "job.operation"),
        purpose=named("purposes", purpose),
        columns=columns,
    )


def _job(message: job_pb2.Job) -> Job:
    return Job(
        job_id=bare(message.name),
        agreement_id=bare(message.agreement),
        operation=job_pb2.Operation.Name(message.operation).removeprefix("OPERATION_"),
        purpose=bare(message.purpose),
        columns=tuple(message.columns),
        state=job_pb2.JobState.Name(message.state).removeprefix("JOB_STATE_"),
        waiting_for=job_pb2.WaitingFor.Name(message.waiting_for).removeprefix("WAITING_FOR_"),
        stage=message.stage,
        seq=message.seq,
        rows_done=message.rows_done,
        rows_total=message.rows_total,
        side=job_pb2.Side.Name(message.side).removeprefix("SIDE_"),
        partner=bare(message.partner),
        session_id=bare(message.session),
        refusal=(message.refusal.reason_code, message.refusal.message) if message.HasField("refusal") else None,
        failure=(message.failure.reason, message.failure.message) if message.HasField("failure") else None,
        counts=tuple(
            Count(count.group, count.reason, count.count, tuple(count.first_rows)) for count in message.report.counts
        ),
        facts=tuple((fact.name, fact.text) for fact in message.report.facts),
        requested_by=message.requested_by,
        created_at=required_time(message, "create_time"),
        updated_at=required_time(message, "update_time"),
        finished_at=time_of(message, "finish_time"),
    )
