"""Jobs, from and to messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gateway.errors import Misuse
from gateway.route.agreement import Operation
from gateway.route.job import Job, JobRequest, JobState, Side, WaitingFor
from gateway.rpc.convert.field import COLUMN_NAME, choice, refuse, request_id, some, text_or_empty, time_to_proto
from gateway.rpc.convert.name import id_of, name_of
from gateway.v1 import job_pb2

MAX_COLUMNS = 64
MAX_ENRICH_COLUMNS = 3
MAX_SEGMENT = 200  # characters

OPERATIONS = {
    job_pb2.OPERATION_MATCH: Operation.MATCH,
    job_pb2.OPERATION_ENRICH: Operation.ENRICH,
    job_pb2.OPERATION_AGGREGATE: Operation.AGGREGATE,
    job_pb2.OPERATION_OVERLAP: Operation.OVERLAP,
}
OPERATION_NUMBERS = {operation: number for number, operation in OPERATIONS.items()}


def job_request_from_proto(message: job_pb2.CreateJobRequest, requested_by: str) -> JobRequest:
    """Parse a request for a job.

    Args:
        message: the request.
        requested_by: subject of the caller's token.

    Raises:
        RequestError: BAD_FIELD.
    """
    if not message.HasField("job"):
        refuse("job", "is required")
    job = message.job
    operation = choice(job.operation, OPERATIONS, "job.operation")
    return JobRequest(
        request_id=request_id(message.request_id),
        agreement_id=id_of(job.agreement, "agreements", "job.agreement"),
        operation=operation,
        purpose=id_of(job.purpose, "purposes", "job.purpose"),
        columns=columns_from_proto(job.columns, job.operation, "job"),
        requested_by=requested_by,
    )


def columns_from_proto(names: Sequence[str], operation: int, path: str) -> tuple[str, ...]:
    """Parse the agreed columns that are wanted.

    Args:
        names: as they were sent.
        operation: number of the operation that they are wanted of.
        path: of the message that holds them.

    Raises:
        RequestError: BAD_FIELD.
    """
    most = MAX_ENRICH_COLUMNS if operation == job_pb2.OPERATION_ENRICH else MAX_COLUMNS
    columns = tuple(some(names, f"{path}.columns", least=0, most=most))
    for row, column in enumerate(columns):
        if COLUMN_NAME.fullmatch(column) is None:
            refuse(f"{path}.columns[{row}]", "must be the name of an agreed column")
        if column in columns[:row]:
            refuse(f"{path}.columns[{row}]", "repeats a column")
    return columns


def control_segment_from_proto(message: job_pb2.ReadResultRequest) -> str:
    """Return the segment that others are compared with, trimmed as segments are; "" for no comparison.

    Raises:
        RequestError: BAD_FIELD.
    """
    return text_or_empty(message.control_segment, "control_segment", longest=MAX_SEGMENT).strip()


def job_to_proto(job: Job) -> job_pb2.Job:
    """Write a job."""
    return job_pb2.Job(
        name=name_of("jobs", job.job_id),
        agreement=name_of("agreements", job.request.agreement_id),
        operation=OPERATION_NUMBERS[job.request.operation],
        purpose=name_of("purposes", job.request.purpose),
        columns=job.request.columns,
        state=_STATES[job.state],
        waiting_for=_WAITING_FOR[job.waiting_for],
        stage=job.stage,
        seq=job.seq,
        rows_done=job.rows_done,
        rows_total=job.rows_total,
        side=SIDES[job.side],
        partner=name_of("parties", job.partner),
        session=name_of("sessions", job.session_id),
        refusal=(
            job_pb2.Refusal(reason_code=job.refusal.reason_code, message=job.refusal.message) if job.refusal else None
        ),
        failure=job_pb2.Failure(reason=job.failure.reason, message=job.failure.message) if job.failure else None,
        report=report_to_proto(job.report),
        requested_by=job.request.requested_by,
        create_time=time_to_proto(job.created_at),
        update_time=time_to_proto(job.updated_at),
        finish_time=time_to_proto(job.finished_at),
    )


def report_to_proto(report: Mapping[str, object]) -> job_pb2.JobReport:
    """Write a report: numbers become counts, groups of numbers grouped counts, texts and flags facts.

    Args:
        report: {"matched": 3, "left_out": {"NO_CONSENT": 2},
            "rejected": {"BAD_MATCH_KEY": {"count": 1, "first_rows": [7]}}, "cut_at": "..."}.

    Raises:
        Misuse: for a value of another kind.
    """
    message = job_pb2.JobReport()
    for key, value in report.items():
        if isinstance(value, Mapping):
            message.counts.extend(_group(key, value))
        elif isinstance(value, bool):
            message.facts.add(name=key, text="true" if value else "false")
        elif isinstance(value, int):
            message.counts.add(reason=key, count=value)
        elif isinstance(value, str):
            message.facts.add(name=key, text=value)
        elif value is not None:
            raise Misuse(f"a job's report holds {type(value).__name__} at its first level")
    return message


def _group(group: str, counts: Mapping[object, object]) -> Iterator[job_pb2.Count]:
    for reason, value in counts.items():
        if isinstance(value, Mapping):
            yield job_pb2.Count(
                group=group, reason=str(reason), count=value["count"], first_rows=value.get("first_rows", ())
            )
        elif isinstance(value, int):
            yield job_pb2.Count(group=group, reason=str(reason), count=value)
        else:
            raise Misuse(f"a job's report holds {type(value).__name__} within a group")


_STATES = {
    JobState.QUEUED: job_pb2.JOB_STATE_QUEUED,
    JobState.AUTHORIZING: job_pb2.JOB_STATE_AUTHORIZING,
    JobState.JUDGING: job_pb2.JOB_STATE_JUDGING,
    JobState.EXCHANGING: job_pb2.JOB_STATE_EXCHANGING,
    JobState.REJUDGING: job_pb2.JOB_STATE_REJUDGING,
    JobState.RELEASING: job_pb2.JOB_STATE_RELEASING,
    JobState.CANCELLING: job_pb2.JOB_STATE_CANCELLING,
    JobState.SUCCEEDED: job_pb2.JOB_STATE_SUCCEEDED,
    JobState.REFUSED: job_pb2.JOB_STATE_REFUSED,
    JobState.FAILED: job_pb2.JOB_STATE_FAILED,
    JobState.CANCELLED: job_pb2.JOB_STATE_CANCELLED,
}
SIDES = {Side.RECEIVER: job_pb2.SIDE_RECEIVER, Side.SENDER: job_pb2.SIDE_SENDER}
_WAITING_FOR = {
    WaitingFor.NONE: job_pb2.WAITING_FOR_NONE,
    WaitingFor.PEER: job_pb2.WAITING_FOR_PEER,
    WaitingFor.APPROVAL: job_pb2.WAITING_FOR_APPROVAL,
    WaitingFor.DISK: job_pb2.WAITING_FOR_DISK,
}
