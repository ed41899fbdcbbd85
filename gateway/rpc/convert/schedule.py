"""Schedules and their runs, from and to messages."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration

from gateway.flow.recurring.asked import RETRIED
from gateway.route.schedule import (
    Missed,
    Overlap,
    RunState,
    Schedule,
    ScheduledRun,
    SchedulePolicy,
    ScheduleTerms,
)
from gateway.rpc.convert.field import choice, refuse, request_id, some, text, time_to_proto
from gateway.rpc.convert.job import OPERATION_NUMBERS, OPERATIONS, columns_from_proto
from gateway.rpc.convert.name import id_of, name_of
from gateway.v1 import schedule_pb2

MAX_CRON = 200  # characters
MAX_ZONE = 100
MAX_REASONS = 64
BACKOFF_S = 300

_MISSED = {
    schedule_pb2.MISSED_RUNS_UNSPECIFIED: Missed.RUN_ONCE,
    schedule_pb2.MISSED_RUNS_RUN_ONCE: Missed.RUN_ONCE,
    schedule_pb2.MISSED_RUNS_SKIP: Missed.SKIP,
    schedule_pb2.MISSED_RUNS_RUN_ALL: Missed.RUN_ALL,
}
_OVERLAPS = {
    schedule_pb2.OVERLAP_UNSPECIFIED: Overlap.SKIP,
    schedule_pb2.OVERLAP_SKIP: Overlap.SKIP,
    schedule_pb2.OVERLAP_QUEUE: Overlap.QUEUE,
}


def schedule_from_proto(
    message: schedule_pb2.CreateScheduleRequest,
) -> tuple[str, str, ScheduleTerms, SchedulePolicy]:
    """Return name, request_id, terms and policy of a schedule that is asked for.

    Raises:
        RequestError: BAD_FIELD.
    """
    if not message.HasField("schedule"):
        refuse("schedule", "is required")
    asked, path = message.schedule, "schedule"
    terms = ScheduleTerms(
        agreement_id=id_of(asked.agreement, "agreements", f"{path}.agreement"),
        operation=choice(asked.operation, OPERATIONS, f"{path}.operation"),
        purpose=id_of(asked.purpose, "purposes", f"{path}.purpose"),
        columns=columns_from_proto(asked.columns, asked.operation, path),
        cron=text(asked.cron, f"{path}.cron", longest=MAX_CRON),
        time_zone=text(asked.time_zone, f"{path}.time_zone", longest=MAX_ZONE),
        sink=id_of(asked.sink, "sinks", f"{path}.sink") if asked.sink else "",
    )
    name = id_of(asked.name, "schedules", f"{path}.name")
    return name, request_id(message.request_id), terms, _policy(asked.policy, f"{path}.policy")


def _policy(asked: schedule_pb2.SchedulePolicy, path: str) -> SchedulePolicy:
    if asked.backoff.nanos:
        refuse(f"{path}.backoff", "must be whole seconds")
    reasons = some(asked.retry_reasons, f"{path}.retry_reasons", least=0, most=MAX_REASONS)
    return SchedulePolicy(
        retries=asked.retries,
        backoff_s=asked.backoff.seconds if asked.HasField("backoff") else BACKOFF_S,
        retry_on=tuple(sorted(set(reasons))) or RETRIED,
        missed=choice(asked.missed_runs, _MISSED, f"{path}.missed_runs"),
        catch_up=asked.catch_up or 1,
        overlap=choice(asked.overlap, _OVERLAPS, f"{path}.overlap"),
    )


def schedule_to_proto(schedule: Schedule) -> schedule_pb2.Schedule:
    """Write a schedule."""
    terms, policy = schedule.terms, schedule.policy
    return schedule_pb2.Schedule(
        name=name_of("schedules", schedule.name),
        agreement=name_of("agreements", terms.agreement_id),
        operation=OPERATION_NUMBERS[terms.operation],
        purpose=name_of("purposes", terms.purpose),
        columns=terms.columns,
        cron=terms.cron,
        time_zone=terms.time_zone,
        sink=name_of("sinks", terms.sink),
        policy=schedule_pb2.SchedulePolicy(
            retries=policy.retries,
            backoff=Duration(seconds=policy.backoff_s),
            retry_reasons=policy.retry_on,
            missed_runs=f"MISSED_RUNS_{policy.missed.name}",
            catch_up=policy.catch_up if policy.missed is Missed.RUN_ALL else 0,
            overlap=f"OVERLAP_{policy.overlap.name}",
        ),
        paused=schedule.next_at is None,
        next_time=time_to_proto(schedule.next_at),
        created_by=schedule.created_by,
        create_time=time_to_proto(schedule.created_at),
        revision=schedule.revision,
    )


def run_to_proto(run: ScheduledRun) -> schedule_pb2.ScheduleRun:
    """Write what became of a due time."""
    return schedule_pb2.ScheduleRun(
        due_time=time_to_proto(run.due_at),
        state=f"SCHEDULE_RUN_STATE_{run.state.name}",
        attempt=run.attempt,
        job=name_of("jobs", run.job_id),
        missed=run.missed,
        reason=run.reason,
        next_time=time_to_proto(run.not_before) if run.state is RunState.WAITING else None,
        end_time=time_to_proto(run.ended_at),
    )
