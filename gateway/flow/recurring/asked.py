"""What people ask about schedules: create, look, pause, resume, delete, and what became of the runs."""

from __future__ import annotations

import re
from datetime import datetime

from gateway.errors import HostileInput, RequestError, SourceError, StateError
from gateway.flow.access import require
from gateway.flow.authorize import direction_of, purpose_agreed
from gateway.flow.ends import REFUSAL_CODES
from gateway.flow.job import check_columns
from gateway.flow.ports import House, Transaction
from gateway.flow.recurring.cron import next_due
from gateway.route.agreement import Agreement
from gateway.route.audit import AuditEvent
from gateway.route.caller import Caller, Role
from gateway.route.job import JobRequest, Refusal, Side
from gateway.route.schedule import Missed, Overlap, Schedule, ScheduledRun, SchedulePolicy, ScheduleTerms
from gateway.tlog.leaf import LeafType

NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
MOST_RETRIES = 10
LONGEST_BACKOFF_S = 86_400
MOST_CAUGHT_UP = 31
RETRIED = ("DISK_FULL", "PEER_UNAVAILABLE", "REVISION_CONFLICT", "SOURCE_CHANGED", "STAGE_ORDER", "STORE_UNAVAILABLE")
"""Failures that may be gone the next time, unless a schedule says others; STAGE_ORDER is a session that ran out."""
FAILURES = HostileInput.reasons | SourceError.reasons | StateError.reasons | {"BUG"}

_READERS = (Role.CDP_JOB, Role.COMPLIANCE_OFFICER, Role.ADMINISTRATOR)


async def create_schedule(
    house: House, caller: Caller, name: str, request_id: str, terms: ScheduleTerms, policy: SchedulePolicy
) -> Schedule:
    """Store a schedule, whose jobs run in the caller's name until somebody pauses or deletes it.

    Args:
        house: ports.
        caller: with the role of those who start jobs.
        name: 1 to 63 of a-z, 0-9, _ and -, beginning with a letter.
        request_id: uuid; the same one again returns the same schedule.
        terms: what, and when.
        policy: what happens when things do not go by the clock.

    Raises:
        RequestError: BAD_FIELD, also for what the agreement does not name.
        StateError: NOT_FOUND for an agreement or a sink; REVISION_CONFLICT for a name that is taken.
    """
    require(caller, Role.CDP_JOB)
    if NAME.fullmatch(name) is None:
        raise _bad("name: must be 1 to 63 of a-z, 0-9, _ and -, beginning with a letter")
    check_columns(terms.operation, terms.columns, "schedule")
    _check_policy(policy)
    if terms.sink:
        await house.sinks.describe(terms.sink)
    now = house.clock.now()
    first = next_due(terms.cron, terms.time_zone, now)
    schedule = Schedule(name, request_id, terms, policy, first, caller.subject, now, 1)
    async with house.store.begin() as tx:
        _check_agreed((await tx.agreements.get(terms.agreement_id)).agreement, terms, house.custody.party)
        stored = await tx.schedules.create(schedule)
        if stored == schedule:
            await _note(tx, stored, "created", caller, now)
    house.bells.ring("audit")
    return stored


def _check_agreed(agreement: Agreement, terms: ScheduleTerms, own: str) -> None:
    """Refuse what every run would be refused for: what an agreement says does not change."""
    request = JobRequest("", terms.agreement_id, terms.operation, terms.purpose, terms.columns, "")
    if (refusal := purpose_agreed(agreement, request)) is not None:
        raise _bad(f"purpose: {refusal.message}; it names {', '.join(agreement.purposes)}")
    direction = direction_of(agreement, request, own, Side.RECEIVER, None)
    if isinstance(direction, Refusal):
        field = "operation" if all(one.operation is not terms.operation for one in agreement.directions) else "columns"
        raise _bad(f"{field}: {direction.message}")


def _check_policy(policy: SchedulePolicy) -> None:
    if not 0 <= policy.retries <= MOST_RETRIES:
        raise _bad(f"policy.retries: must be 0 to {MOST_RETRIES}")
    if not 1 <= policy.backoff_s <= LONGEST_BACKOFF_S:
        raise _bad("policy.backoff: must be 1 second to 1 day")
    for reason in policy.retry_on:
        if reason in REFUSAL_CODES or reason == "CANCELLED":
            raise _bad(
                "policy.retry_on: a refusal is an answer, and who cancels a job means it: neither is tried again"
            )
        if reason not in FAILURES:
            raise _bad("policy.retry_on: must name reasons of failures, e.g. SOURCE_CHANGED")
    if not 1 <= policy.catch_up <= MOST_CAUGHT_UP:
        raise _bad(f"policy.catch_up: must be 1 to {MOST_CAUGHT_UP}")
    if policy.missed is Missed.RUN_ALL and policy.overlap is not Overlap.QUEUE:
        raise _bad("policy.overlap: runs that catch up wait for each other, so RUN_ALL needs QUEUE")
    if policy.missed is not Missed.RUN_ALL and policy.catch_up != 1:
        raise _bad("policy.catch_up: is for RUN_ALL only")


def _bad(problem: str) -> RequestError:
    return RequestError("BAD_FIELD", f"schedule.{problem}")


async def get_schedule(house: House, caller: Caller, name: str) -> Schedule:
    """Return a schedule."""
    require(caller, *_READERS)
    async with house.store.read() as tx:
        return await tx.schedules.get(name)


async def list_schedules(house: House, caller: Caller, after: str, limit: int) -> list[Schedule]:
    """Return schedules by name."""
    require(caller, *_READERS)
    async with house.store.read() as tx:
        return await tx.schedules.list(after, limit)


async def list_runs(house: House, caller: Caller, name: str, after: datetime | None, limit: int) -> list[ScheduledRun]:
    """Return what became of due times, the newest first."""
    require(caller, *_READERS)
    async with house.store.read() as tx:
        schedule = await tx.schedules.get(name)
        return await tx.schedules.runs(schedule.uid, after, limit)


async def pause_schedule(house: House, caller: Caller, name: str) -> Schedule:
    """Let nothing of a schedule begin any more, also what waits; a job under way goes on."""
    require(caller, *_READERS)
    return await _change(house, caller, name, paused=True)


async def resume_schedule(house: House, caller: Caller, name: str) -> Schedule:
    """Let a paused schedule go on with its next due time; those meanwhile are not missed, they never were."""
    require(caller, Role.CDP_JOB)
    return await _change(house, caller, name, paused=False)


async def _change(house: House, caller: Caller, name: str, *, paused: bool) -> Schedule:
    now = house.clock.now()
    async with house.store.begin() as tx:
        schedule = await tx.schedules.get(name)
        if (schedule.next_at is None) == paused:
            return schedule
        next_at = None if paused else next_due(schedule.terms.cron, schedule.terms.time_zone, now)
        schedule = await tx.schedules.change(name, next_at)
        await _note(tx, schedule, "paused" if paused else "resumed", caller, now)
    house.bells.ring("audit")
    return schedule


async def delete_schedule(house: House, caller: Caller, name: str) -> None:
    """Remove a schedule and the record of its runs; a job under way goes on, and is delivered nowhere."""
    require(caller, Role.CDP_JOB, Role.ADMINISTRATOR)
    async with house.store.begin() as tx:
        schedule = await tx.schedules.delete(name)
        await _note(tx, schedule, "deleted", caller, house.clock.now())
    house.bells.ring("audit")


async def _note(tx: Transaction, schedule: Schedule, change: str, caller: Caller, now: datetime) -> None:
    terms, policy = schedule.terms, schedule.policy
    payload = {
        "schedule": schedule.name,
        "uid": schedule.uid,
        "change": change,
        "by": caller.subject,
        "revision": schedule.revision,
        "agreement": terms.agreement_id,
        "operation": terms.operation.value,
        "purpose": terms.purpose,
        "columns": list(terms.columns),
        "cron": terms.cron,
        "time_zone": terms.time_zone,
        "sink": terms.sink,
        "retries": policy.retries,
        "backoff_s": policy.backoff_s,
        "retry_on": list(policy.retry_on),
        "missed": policy.missed.value,
        "catch_up": policy.catch_up,
        "overlap": policy.overlap.value,
    }
    await tx.audit.append([AuditEvent(LeafType.SCHEDULE_CHANGED, now, "", payload)])
