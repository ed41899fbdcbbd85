"""The round of schedules: due times become runs, runs become jobs, and what their jobs end with is carried on.

    schedule due -> one row per (schedule, due time) -> job, its request_id made of both and the attempt -> ending
                                                                                       -> another attempt | delivery

Every step is one transaction that does nothing the second time: two servers at once, a server that is killed anywhere,
and a clock that is set back begin no run twice. A job judges consent anew, each attempt too.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from gateway.errors import AssentError
from gateway.flow.job import queue_job
from gateway.flow.ports import House, Transaction
from gateway.flow.recurring.cron import due_until
from gateway.flow.recurring.due import after_job, runs_of
from gateway.flow.sinks.asked import new_delivery
from gateway.flow.threads import in_thread
from gateway.route.audit import AuditEvent
from gateway.route.canonical import time_text
from gateway.route.delivery import DeliveryState
from gateway.route.job import JobRequest
from gateway.route.schedule import RunState, Schedule, ScheduledRun
from gateway.tlog.leaf import LeafType

PAGE = 100


async def run_schedules(house: House) -> Mapping[str, int]:
    """Begin what is due, and carry on what is under way, as a task that comes round.

    Raises:
        AssentError: the first trouble met, after all others were seen to.
    """
    troubles: list[AssentError] = []
    due = await _make_runs(house, troubles)
    begun = await _carry_on(house, troubles)
    if troubles:
        raise troubles[0]
    return {"due": due, "begun": begun}


async def _make_runs(house: House, troubles: list[AssentError]) -> int:
    """Make the runs of all due times that have come."""
    count = 0
    while True:
        async with house.store.read() as tx:
            due = await tx.schedules.due(house.clock.now(), PAGE)
        made = 0
        for schedule in due:
            try:
                made += await _make(house, schedule)
            except AssentError as error:
                troubles.append(error)
        count += made
        # Where another server was faster there is nothing left to do; where there was trouble, next time.
        if len(due) < PAGE or not made:
            return count


async def _make(house: House, schedule: Schedule) -> int:
    """Make the runs of what is due of one schedule; return how many there are of a new due time."""
    now, terms = house.clock.now(), schedule.terms
    if schedule.next_at is None or schedule.next_at > now:
        return 0
    # Outside the transaction: after a year without a server there are many due times.
    newest, due, next_at = await in_thread(
        due_until, terms.cron, terms.time_zone, schedule.next_at, now, schedule.policy.catch_up
    )
    async with house.store.begin() as tx:
        if not await tx.schedules.advance(schedule, next_at):
            return 0
        waiting = len(await tx.schedules.open_runs(schedule.uid))
        runs = runs_of(schedule, newest, due, waiting, now)
        new = [run for run in runs if await tx.schedules.add_run(run)]
        await tx.audit.append([run_event(schedule, run, now) for run in new if run.ended_at is not None])
    house.bells.ring("audit")
    return len(new)


async def _carry_on(house: House, troubles: list[AssentError]) -> int:
    """Begin the runs whose turn it is and look after those under way; return how many jobs were made."""
    names = await _names(house)
    count, ahead = 0, ""
    after: tuple[str, datetime] | None = None
    while True:
        async with house.store.read() as tx:
            runs = await tx.schedules.open_runs("", after, PAGE)
        for run in runs:
            # Of one schedule the oldest comes first; the others wait until it is over.
            first, ahead = run.uid != ahead, run.uid
            if run.uid in names and (first or run.state is not RunState.WAITING):
                try:
                    count += await _step(house, names[run.uid], run)
                except AssentError as error:
                    troubles.append(error)
        if len(runs) < PAGE:
            return count
        after = runs[-1].uid, runs[-1].due_at


async def _names(house: House) -> dict[str, str]:
    """Return the names of schedules by uid."""
    names: dict[str, str] = {}
    after = ""
    async with house.store.read() as tx:
        while page := await tx.schedules.list(after, PAGE):
            names |= {schedule.uid: schedule.name for schedule in page}
            after = page[-1].name
    return names


async def _step(house: House, name: str, seen: ScheduledRun) -> bool:
    """Carry one run on; True when a job was made for it.

    Args:
        house: ports.
        name: of its schedule.
        seen: as it was read; it may have changed.

    Raises:
        StateError: NOT_FOUND when the schedule is deleted just now.
    """
    now = house.clock.now()
    async with house.store.begin() as tx:
        schedule = await tx.schedules.get(name)
        run = await tx.schedules.run(seen.uid, seen.due_at)
        if run is None or run != seen or schedule.uid != run.uid:
            return False
        if run.state is RunState.WAITING:
            changed = await _begun(tx, house, schedule, run, now)
        elif run.state is RunState.RUNNING:
            changed = await _after_job(tx, house, schedule, run, now)
        else:
            changed = await _after_delivery(tx, run, now)
        if changed == run:
            return False
        await tx.schedules.update_run(changed)
        await tx.audit.append([run_event(schedule, changed, now)])
    for key in ("jobs", "audit"):
        house.bells.ring(key)
    return changed.state is RunState.RUNNING


async def _begun(tx: Transaction, house: House, schedule: Schedule, run: ScheduledRun, now: datetime) -> ScheduledRun:
    """Make the job of the next attempt, unless its time has not come or the schedule is paused."""
    if run.not_before > now or schedule.next_at is None:
        return run
    attempt, terms = run.attempt + 1, schedule.terms
    request = JobRequest(
        request_id=request_id_of(run, attempt),
        agreement_id=terms.agreement_id,
        operation=terms.operation,
        purpose=terms.purpose,
        columns=terms.columns,
        requested_by=schedule.created_by,
    )
    job = await queue_job(tx, house, request, now)
    return replace(run, state=RunState.RUNNING, attempt=attempt, job_id=job.job_id)


async def _after_job(
    tx: Transaction, house: House, schedule: Schedule, run: ScheduledRun, now: datetime
) -> ScheduledRun:
    job = await tx.jobs.get(run.job_id)
    if not job.state.final:
        return run
    changed = after_job(schedule, run, job, now)
    if changed.state is RunState.DELIVERING:
        policy = schedule.policy
        delivery = new_delivery(
            delivery_id_of(run),
            schedule.terms.sink,
            job.job_id,
            policy.retries,
            policy.backoff_s,
            schedule.created_by,
            now,
        )
        await tx.deliveries.create(delivery)
        house.bells.ring("tasks")
    return changed


async def _after_delivery(tx: Transaction, run: ScheduledRun, now: datetime) -> ScheduledRun:
    delivery = await tx.deliveries.get(delivery_id_of(run))
    if delivery.state is DeliveryState.WAITING:
        return run
    if delivery.state is DeliveryState.FAILED:
        reason = delivery.failure.reason if delivery.failure else ""
        return replace(run, state=RunState.FAILED, reason=reason, ended_at=now)
    return replace(run, state=RunState.SUCCEEDED, ended_at=now)


def request_id_of(run: ScheduledRun, attempt: int) -> str:
    """Return the request_id of an attempt's job: whoever makes that job, there is one."""
    return str(uuid.uuid5(uuid.UUID(run.uid), f"{time_text(run.due_at)} {attempt}"))


def delivery_id_of(run: ScheduledRun) -> str:
    """Return the id of the delivery of a run's result."""
    return str(uuid.uuid5(uuid.UUID(run.uid), f"{run.job_id} delivery"))


def run_event(schedule: Schedule, run: ScheduledRun, now: datetime) -> AuditEvent:
    """Make the audit entry of a run's begin of an attempt, or of its end."""
    payload = {
        "schedule": schedule.name,
        "uid": schedule.uid,
        "due_at": time_text(run.due_at),
        "state": run.state.value,
        "attempt": run.attempt,
        "job": run.job_id,
        "missed": run.missed,
        "reason": run.reason,
    }
    return AuditEvent(LeafType.SCHEDULE_RUN, now, "", payload)
