"""What time brings about: tasks that come round, warnings of ends, deletions that fall due."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.client.connection import Connection
from gateway.client.record import PAGE_SIZE, bare, named, pages, required_time, time_of
from gateway.v1 import task_pb2, task_pb2_grpc


@dataclass(frozen=True, slots=True)
class Task:
    """A task that comes round; of the servers on one database one runs it.

    Attributes:
        last_start: beginning of its last run, None before the first.
        last_end: end of the last run that came to one.
        outcome: "DONE" or the reason of that run's error; "" before the first.
        counts: what that run counted.
        next_run: when it is due.
        running_on: the server that runs it now, or "".
    """

    name: str
    last_start: datetime | None
    last_end: datetime | None
    outcome: str
    counts: Mapping[str, int]
    next_run: datetime
    running_on: str


@dataclass(frozen=True, slots=True)
class EndWarning:
    """Something ends soon.

    Attributes:
        kind: "ASSESSMENT", "AGREEMENT", "CONTRACT", "EXPORT_MECHANISM", "OWN_CERTIFICATE", "PARTNER_CERTIFICATE" or
            "DELETION".
        item: id of the assessment, the agreement or the party; of a "DELETION" the last day in time.
        ends_at: first moment at which it holds no more.
        days: distance of the warning from the end: 30, 7 or 1; 0 of a "DELETION" that is late.
        raised_at: when it was raised.
    """

    kind: str
    item: str
    ends_at: datetime
    days: int
    raised_at: datetime


@dataclass(frozen=True, slots=True)
class SinkEvidence:
    """That a row is gone from a sink, and since when."""

    sink: str
    removed_at: datetime


@dataclass(frozen=True, slots=True)
class DeletionEvidence:
    """What became of the row of one released run.

    Attributes:
        removed_at: when the row was off the gateway's disk.
        notice_id: by which the partner was told; "" when it held nothing of the row.
        acknowledged_at: when the partner's signed acknowledgement came.
        sinks: from which the row is gone, where the result had been put into some.
    """

    job_id: str
    removed_at: datetime
    notice_id: str
    acknowledged_at: datetime | None
    sinks: tuple[SinkEvidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Deletion:
    """Something about one person that must go (PIPL 47).

    Attributes:
        subject: pseudonymous reference.
        cause: e.g. "CONSENT_WITHDRAWN".
        purpose: what it is limited to; "" is everything, as for recipient and categories.
        state: "OPEN", "HELD" (storage only) or "DONE".
        due_at: first moment at which it is late.
        held_until: end of the statutory hold.
        done_by: who said that it is done; "reach-runs" where the gateway itself saw to it.
        evidence: what became of the rows of released runs then.
    """

    id: str
    subject: str
    cause: str
    event_id: str
    purpose: str
    recipient: str
    categories: tuple[str, ...]
    state: str
    opened_at: datetime
    due_at: datetime
    held_until: datetime | None
    done_at: datetime | None
    done_by: str = ""
    evidence: tuple[DeletionEvidence, ...] = ()


class AsyncTasks:
    """Calls of TaskService about tasks, warnings and deletions."""

    def __init__(self, connection: Connection) -> None:
        """Use a connection."""
        self._connection = connection
        self._stub = task_pb2_grpc.TaskServiceStub(connection.channel)

    async def list(self) -> AsyncIterator[Task]:
        """Yield the tasks by name."""
        answer = await self._connection.call(self._stub.ListTasks, task_pb2.ListTasksRequest())
        for task in answer.tasks:
            yield Task(
                name=bare(task.name),
                last_start=time_of(task, "start_time"),
                last_end=time_of(task, "end_time"),
                outcome=task.outcome,
                counts=dict(task.counts),
                next_run=required_time(task, "next_time"),
                running_on=task.running_on,
            )

    async def warnings(self, past: bool = False) -> AsyncIterator[EndWarning]:
        """Yield warnings by their end; with `past` also of what has ended."""

        async def fetch(token: str) -> tuple[list[EndWarning], str]:
            request = task_pb2.ListWarningsRequest(past=past, page_size=PAGE_SIZE, page_token=token)
            answer = await self._connection.call(self._stub.ListWarnings, request)
            return [_warning(warning) for warning in answer.warnings], answer.next_page_token

        async for warning in pages(fetch):
            yield warning

    async def deletions(self, done: bool = False) -> AsyncIterator[Deletion]:
        """Yield deletion tasks by due time; with `done` those done too."""

        async def fetch(token: str) -> tuple[list[Deletion], str]:
            request = task_pb2.ListDeletionsRequest(done=done, page_size=PAGE_SIZE, page_token=token)
            answer = await self._connection.call(self._stub.ListDeletions, request)
            return [_deletion(deletion) for deletion in answer.deletions], answer.next_page_token

        async for deletion in pages(fetch):
            yield deletion

    async def complete_deletion(self, deletion_id: str) -> Deletion:
        """Say that what a task names is deleted.

        Raises:
            StateError: STAGE_ORDER while the law demands keeping.
        """
        request = task_pb2.CompleteDeletionRequest(name=named("deletionTasks", deletion_id))
        return _deletion(await self._connection.call(self._stub.CompleteDeletion, request))


def _warning(message: task_pb2.EndWarning) -> EndWarning:
    return EndWarning(
        kind=task_pb2.EndingKind.Name(message.kind).removeprefix("ENDING_KIND_"),
        item=bare(message.item),
        ends_at=required_time(message, "end_time"),
        days=message.days,
        raised_at=required_time(message, "raise_time"),
    )


def _deletion(message: task_pb2.DeletionTask) -> Deletion:
    return Deletion(
        id=bare(message.name),
        subject=bare(message.subject),
        cause=task_pb2.DeletionCause.Name(message.cause).removeprefix("DELETION_CAUSE_"),
        event_id=message.event_id,
        purpose=bare(message.purpose),
        recipient=bare(message.recipient),
        categories=tuple(bare(category) for category in message.categories),
        state=task_pb2.DeletionState.Name(message.state).removeprefix("DELETION_STATE_"),
        opened_at=required_time(message, "open_time"),
        due_at=required_time(message, "due_time"),
        held_until=time_of(message, "hold_end_time"),
        done_at=time_of(message, "done_time"),
        done_by=message.done_by,
        evidence=tuple(
            DeletionEvidence(
                bare(one.job),
                required_time(one, "remove_time"),
                one.notice,
                time_of(one, "acknowledge_time"),
                tuple(SinkEvidence(bare(row.sink), required_time(row, "remove_time")) for row in one.sinks),
            )
            for one in message.evidence
        ),
    )
