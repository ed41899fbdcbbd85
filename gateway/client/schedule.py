"""Schedules: jobs that run again and again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from google.protobuf.duration_pb2 import Duration

from gateway.client.connection import Connection
from gateway.client.job import operation_number
from gateway.client.record import PAGE_SIZE, bare, named, new_request_id, pages, required_time, time_of
from gateway.errors import RequestError
from gateway.v1 import job_pb2, schedule_pb2, schedule_pb2_grpc

Word = TypeVar("Word")


@dataclass(frozen=True, slots=True)
class SchedulePolicy:
    """What happens when things do not go by the clock.

    Attributes:
        retries: how often a run is tried again, 0 to 10; never after a refusal or a cancellation.
        backoff: until the first of them; doubled for each further one, up to a day.
        retry_reasons: reasons of failures after which it is tried again; none are those that may be gone the next time.
        missed: due times that passed while no server ran: "RUN_ONCE", "SKIP" or "RUN_ALL".
        catch_up: with "RUN_ALL", which needs "QUEUE": how many of the newest of them run, 1 to 31.
        overlap: due times that come while an earlier run is not over: "SKIP" or "QUEUE".
    """

    retries: int = 0
    backoff: timedelta = timedelta(minutes=5)
    retry_reasons: tuple[str, ...] = ()
    missed: str = "RUN_ONCE"
    catch_up: int = 1
    overlap: str = "SKIP"


@dataclass(frozen=True, slots=True)
class Schedule:
    """A job that runs again and again.

    Attributes:
        cron: five fields.
        time_zone: IANA name.
        sink: into which each result is put, or "".
        next_due: None while it is paused.
        created_by: in whose name its jobs run.
        revision: grows with every change that a person makes.
    """

    name: str
    agreement_id: str
    operation: str
    purpose: str
    columns: tuple[str, ...]
    cron: str
    time_zone: str
    sink: str
    policy: SchedulePolicy
    next_due: datetime | None
    created_by: str
    created_at: datetime
    revision: int


@dataclass(frozen=True, slots=True)
class ScheduleRun:
    """What became of one due time.

    Attributes:
        state: "WAITING", "RUNNING", "DELIVERING", "SUCCEEDED", "REFUSED", "FAILED", "CANCELLED" or "SKIPPED".
        attempt: jobs so far.
        job_id: the last of them, or "".
        missed: due times before it that it stands for, or that were left out with it.
        reason: why it ended as it did, or is tried again.
        next_attempt: while it waits.
    """

    due_at: datetime
    state: str
    attempt: int
    job_id: str
    missed: int
    reason: str
    next_attempt: datetime | None
    ended_at: datetime | None


class AsyncSchedules:
    """Calls of ScheduleService."""

    def __init__(self, connection: Connection) -> None:
        """Use a connection."""
        self._connection = connection
        self._stub = schedule_pb2_grpc.ScheduleServiceStub(connection.channel)

    async def create(
        self,
        name: str,
        agreement: str,
        operation: str,
        purpose: str,
        columns: Sequence[str] = (),
        *,
        cron: str,
        time_zone: str,
        sink: str = "",
        policy: SchedulePolicy | None = None,
        request_id: str | None = None,
    ) -> Schedule:
        """Make a schedule, whose jobs run in the name of this token until somebody pauses or deletes it.

        Args:
            name: 1 to 63 of a-z, 0-9, _ and -, beginning with a letter.
            agreement: as of a job.
            operation: as of a job.
            purpose: as of a job.
            columns: as of a job.
            cron: minute, hour, day of month, month, day of week.
            time_zone: IANA name, e.g. Asia/Shanghai.
            sink: into which each result is put; "" for none.
            policy: what happens when things do not go by the clock.
            request_id: uuid; repeating a call with it returns the same schedule. Made anew when left out.
        """
        chosen = policy or SchedulePolicy()
        schedule = schedule_pb2.Schedule(
            name=named("schedules", name),
            agreement=named("agreements", agreement),
            operation=operation_number(operation, "schedule.operation"),
            purpose=named("purposes", purpose),
            columns=columns,
            cron=cron,
            time_zone=time_zone,
            sink=named("sinks", sink),
            policy=schedule_pb2.SchedulePolicy(
                retries=chosen.retries,
                backoff=Duration(seconds=int(chosen.backoff.total_seconds())),
                retry_reasons=chosen.retry_reasons,
                missed_runs=_number(_MISSED, chosen.missed, "missed"),
                catch_up=chosen.catch_up,
                overlap=_number(_OVERLAPS, chosen.overlap, "overlap"),
            ),
        )
        request = schedule_pb2.CreateScheduleRequest(schedule=schedule, request_id=request_id or new_request_id())
        return _schedule(await self._connection.call(self._stub.CreateSchedule, request))

    async def get(self, name: str) -> Schedule:
        """Return a schedule."""
        request = schedule_pb2.GetScheduleRequest(name=named("schedules", name))
        return _schedule(await self._connection.call(self._stub.GetSchedule, request))

    async def pause(self, name: str) -> Schedule:
        """Let nothing of a schedule begin any more; a job under way goes on."""
        request = schedule_pb2.PauseScheduleRequest(name=named("schedules", name))
        return _schedule(await self._connection.call(self._stub.PauseSchedule, request))

    async def resume(self, name: str) -> Schedule:
        """Let a paused schedule go on with its next due time."""
        request = schedule_pb2.ResumeScheduleRequest(name=named("schedules", name))
        return _schedule(await self._connection.call(self._stub.ResumeSchedule, request))

    async def delete(self, name: str) -> None:
        """Remove a schedule and the record of its runs; jobs and the log stay."""
        request = schedule_pb2.DeleteScheduleRequest(name=named("schedules", name))
        await self._connection.call(self._stub.DeleteSchedule, request)

    async def runs(self, name: str) -> AsyncIterator[ScheduleRun]:
        """Yield what became of due times, the newest first."""

        async def fetch(token: str) -> tuple[list[ScheduleRun], str]:
            request = schedule_pb2.ListScheduleRunsRequest(
                name=named("schedules", name), page_size=PAGE_SIZE, page_token=token
            )
            answer = await self._connection.call(self._stub.ListScheduleRuns, request)
            return [_run(run) for run in answer.runs], answer.next_page_token

        async for run in pages(fetch):
            yield run

    async def list(self) -> AsyncIterator[Schedule]:
        """Yield schedules by name."""

        async def fetch(token: str) -> tuple[list[Schedule], str]:
            request = schedule_pb2.ListSchedulesRequest(page_size=PAGE_SIZE, page_token=token)
            answer = await self._connection.call(self._stub.ListSchedules, request)
            return [_schedule(schedule) for schedule in answer.schedules], answer.next_page_token

        async for schedule in pages(fetch):
            yield schedule


_MISSED = {
    "RUN_ONCE": schedule_pb2.MISSED_RUNS_RUN_ONCE,
    "SKIP": schedule_pb2.MISSED_RUNS_SKIP,
    "RUN_ALL": schedule_pb2.MISSED_RUNS_RUN_ALL,
}
_OVERLAPS = {"SKIP": schedule_pb2.OVERLAP_SKIP, "QUEUE": schedule_pb2.OVERLAP_QUEUE}


def _number(words: Mapping[str, Word], word: str, field: str) -> Word:
    if word not in words:
        raise RequestError("BAD_FIELD", f"{field} must be one of {', '.join(words)}")
    return words[word]


def _schedule(message: schedule_pb2.Schedule) -> Schedule:
    policy = message.policy
    return Schedule(
        name=bare(message.name),
        agreement_id=bare(message.agreement),
        operation=job_pb2.Operation.Name(message.operation).removeprefix("OPERATION_"),
        purpose=bare(message.purpose),
        columns=tuple(message.columns),
        cron=message.cron,
        time_zone=message.time_zone,
        sink=bare(message.sink),
        policy=SchedulePolicy(
            retries=policy.retries,
            backoff=timedelta(seconds=policy.backoff.seconds),
            retry_reasons=tuple(policy.retry_reasons),
            missed=schedule_pb2.MissedRuns.Name(policy.missed_runs).removeprefix("MISSED_RUNS_"),
            catch_up=policy.catch_up or 1,
            overlap=schedule_pb2.Overlap.Name(policy.overlap).removeprefix("OVERLAP_"),
        ),
        next_due=time_of(message, "next_time"),
        created_by=message.created_by,
        created_at=required_time(message, "create_time"),
        revision=message.revision,
    )


def _run(message: schedule_pb2.ScheduleRun) -> ScheduleRun:
    return ScheduleRun(
        due_at=required_time(message, "due_time"),
        state=schedule_pb2.ScheduleRunState.Name(message.state).removeprefix("SCHEDULE_RUN_STATE_"),
        attempt=message.attempt,
        job_id=bare(message.job),
        missed=message.missed,
        reason=message.reason,
        next_attempt=time_of(message, "next_time"),
        ended_at=time_of(message, "end_time"),
    )
