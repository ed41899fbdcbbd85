"""The duty to delete on our own motion (PIPL 47): a task with a date for each act that brings it about.

A task says of whom, why, what of them and until when. Whoever keeps the data does the deleting; an officer, or the
code that did it (flow/evidence), says when it is done. Where a law demands keeping, the task waits for the end of
that, and until then the data may be stored and nothing else (PIPL 47(2)).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from consent.event import ConsentEvent, EventType
from consent.history import History
from consent.record import FOREVER
from consent.workday import due_after
from gateway.errors import StateError
from gateway.flow.access import require
from gateway.flow.ports import House, Transaction
from gateway.flow.registry import load_registry
from gateway.route.audit import AuditEvent
from gateway.route.caller import Caller, Role
from gateway.route.canonical import time_text
from gateway.route.task import DeletionCause, DeletionEvidence, DeletionTask
from gateway.tlog.leaf import LeafType

TASK = "open-deletions"
WINDOW = 20_000  # people looked at together
PAGE = 1000  # tasks opened per transaction

CAUSES: Mapping[EventType, DeletionCause] = {
    EventType.WITHDRAWN: DeletionCause.CONSENT_WITHDRAWN,
    EventType.REVOKED: DeletionCause.PURPOSE_DONE,
    EventType.INVALIDATED: DeletionCause.UNLAWFUL,
    EventType.DELETION: DeletionCause.DELETION_REQUESTED,
    EventType.CLOSURE: DeletionCause.ACCOUNT_CLOSED,
    EventType.COLLECTED: DeletionCause.RETENTION_OVER,
    EventType.OPT_OUT: DeletionCause.OPTED_OUT,
}
"""The acts that bring the duty about; a collection does at the end of its retention."""


async def open_deletions(house: House) -> Mapping[str, int]:
    """Plan the deletions that new acts bring about, and open those whose time has come."""
    return {"planned": await _plan(house), "opened": await _open(house)}


def task_id_of(event_id: str) -> str:
    """Return the id of the task that an event brings about."""
    return hashlib.sha256(b"assent deletion v1\n" + event_id.encode()).hexdigest()[:32]


def planned(event: ConsentEvent, marketing: Collection[str] = ()) -> DeletionTask | None:
    """Return the task that an event brings about, or None.

    Args:
        event: an act.
        marketing: the purposes of personalised marketing. An opt-out is about them alone (PIPL 24): what was obtained
            for them goes, the tags of a profile (NDSR 42), and where there is none of them nothing was.
    """
    why = CAUSES.get(event.type)
    opens_at = event.retention_until if event.type is EventType.COLLECTED else event.recorded_at
    if why is None or opens_at is None:
        return None
    purpose = event.purpose or ""
    if why is DeletionCause.OPTED_OUT:
        touched = [one for one in marketing if purpose in ("", one)]
        if not touched:
            return None
        purpose = touched[0] if len(touched) == 1 else ""
    return DeletionTask(
        task_id=task_id_of(event.event_id),
        subject_ref=event.subject,
        why=why,
        event_id=event.event_id,
        purpose=purpose,
        recipient=event.recipient or "",
        categories=event.categories,
        opens_at=opens_at,
    )


async def _plan(house: House) -> int:
    count = 0
    while True:
        async with house.store.begin() as tx:
            after = (await tx.tasks.mark(TASK)).get("changes", 0)
            until, acts = await tx.ends.acts(after, WINDOW, CAUSES.keys())
            if until == after:
                return count
            marketing: list[str] = []
            if any(act.type is EventType.OPT_OUT for act in acts):
                purposes = (await load_registry(tx, house)).purposes
                marketing = sorted(name for name, one in purposes.items() if one.personalised_marketing)
            tasks = [task for act in acts if (task := planned(act, marketing)) is not None]
            await tx.deletions.plan(tasks)
            await tx.tasks.set_mark(TASK, {"changes": until})
        count += len(tasks)


async def _open(house: House) -> int:
    count = 0
    while True:
        now = house.clock.now()
        async with house.store.read() as tx:
            people = {task.subject_ref for task in await tx.deletions.ripe(now, PAGE)}
        if not people:
            return count
        async with house.store.begin() as tx:
            await tx.consents.lock_subjects(sorted(people))  # consents before tasks, as everybody who locks both
            ripe = await tx.deletions.ripe(now, PAGE)
            opened = await open_tasks(tx, house, ripe, now) if ripe else 0
        if opened:
            house.bells.ring("audit")
        count += opened
        if len(ripe) < PAGE:
            return count


async def open_tasks(tx: Transaction, house: House, tasks: list[DeletionTask], now: datetime) -> int:
    """Open planned tasks whose time has come, but for retention that was prolonged; return how many.

    Whose retention is over did nothing that released runs would be judged by: they are woken for it (flow/reach).

    Args:
        tx: for writing.
        house: ports.
        tasks: planned.
        now: when (UTC).
    """
    histories = await tx.consents.histories(sorted({task.subject_ref for task in tasks}))
    put_off = [task.task_id for task in tasks if _prolonged(task, histories[task.subject_ref], now)]
    await tx.deletions.drop(put_off)
    opened = []
    for task in tasks:
        if task.task_id in put_off:
            continue
        held_until = _held_until(task, histories[task.subject_ref], now)
        begins = task.opens_at if held_until is None else held_until
        due_at = due_after(begins, house.limits.deadline_days, house.limits.holidays)
        opened.append(replace(task, opened_at=now, due_at=due_at, held_until=held_until))
    await tx.deletions.open(opened)
    over = [histories[task.subject_ref] for task in opened if task.why is DeletionCause.RETENTION_OVER]
    await tx.consents.wake({one.subject for history in over for one in (history, *history.linked)})
    await tx.audit.append([_event(task, LeafType.DELETION_OPENED, now) for task in opened])
    return len(opened)


def _prolonged(task: DeletionTask, history: History, now: datetime) -> bool:
    """Return whether a later collection of the same information set its retention anew."""
    if task.why is not DeletionCause.RETENTION_OVER:
        return False
    collected = [event for event in history.events if event.type is EventType.COLLECTED and _same(task, event)]
    latest = max(collected, key=lambda event: (event.at, event.recorded_at), default=None)
    if latest is None or latest.event_id == task.event_id:
        return False
    return latest.retention_until is None or latest.retention_until > now


def _held_until(task: DeletionTask, history: History, now: datetime) -> datetime | None:
    """Return until when the law demands keeping, None for no such duty."""
    ends = [
        event.until or FOREVER
        for event in history.events
        if event.type is EventType.STATUTORY_HOLD and event.later <= now and _same(task, event)
    ]
    last = max(ends, default=None)
    return last if last is not None and last > now else None


def _same(task: DeletionTask, event: ConsentEvent) -> bool:
    """Return whether an event speaks of categories that a task is about; none named is all."""
    return not task.categories or not event.categories or not set(task.categories).isdisjoint(event.categories)


async def complete_deletion(house: House, caller: Caller, task_id: str) -> DeletionTask:
    """Note that what a task names is deleted; one that is done stays as it is.

    What the rule lets stay in a released run, by another consent or basis, does not stand against it.

    Raises:
        StateError: NOT_FOUND; STAGE_ORDER while the law demands keeping, or a run of ours may still hold a row.
    """
    require(caller, Role.COMPLIANCE_OFFICER)
    async with house.store.begin() as tx:
        await _check_gone(tx, await tx.deletions.get(task_id), house.clock.now())
        await mark_deleted(tx, house, task_id, caller.subject)
        task = await tx.deletions.get(task_id)
    house.bells.ring("audit")
    return task


async def _check_gone(tx: Transaction, task: DeletionTask, now: datetime) -> None:
    """Check that no released run owes the row of a person to a task that is open; of a held one nothing is owed yet."""
    if task.done_at is not None or held(task, now):
        return
    history = (await tx.consents.histories([task.subject_ref]))[task.subject_ref]
    people = [task.subject_ref, *(other.subject for other in history.linked)]
    if await tx.deletions.held_by_runs(people, task.recipient, now):
        raise StateError(
            "STAGE_ORDER",
            "a released run is still to be looked through for this person, or a row of theirs to go: the gateway does "
            "both by itself within a minute (task reach-runs of `assent task list`); complete this afterwards",
        )


async def mark_deleted(
    tx: Transaction, house: House, task_id: str, by: str, evidence: Sequence[DeletionEvidence] = ()
) -> None:
    """Note inside a transaction that what a task names is deleted, as `complete_deletion`."""
    now = house.clock.now()
    task = await tx.deletions.get(task_id)
    if held(task, now):
        raise StateError("STAGE_ORDER", "the law demands keeping this still: storage only, until its hold ends")
    if await tx.deletions.done(task_id, by, now, evidence):
        done = replace(task, done_at=now, done_by=by, evidence=tuple(evidence))
        await tx.audit.append([_event(done, LeafType.DELETION_DONE, now)])


def held(task: DeletionTask, now: datetime) -> bool:
    """Return whether the law demands keeping what a task names: storage only."""
    return task.done_at is None and task.held_until is not None and task.held_until > now


async def list_deletions(
    house: House, caller: Caller, done: bool, after: tuple[datetime, str] | None, limit: int
) -> list[DeletionTask]:
    """Return opened tasks by due time; with `done` those done too."""
    require(caller, Role.COMPLIANCE_OFFICER)
    async with house.store.read() as tx:
        return await tx.deletions.list("", done, after, limit)


def _event(task: DeletionTask, kind: LeafType, now: datetime) -> AuditEvent:
    payload: dict[str, object] = {"id": task.task_id, "event": task.event_id, "why": task.why.value}
    if task.due_at is not None:
        payload["due_at"] = time_text(task.due_at)
    if task.held_until is not None:
        payload["held_until"] = time_text(task.held_until)
    if task.done_by:
        payload["by"] = task.done_by
    if task.evidence:
        payload["evidence"] = [
            {
                "job": one.job_id,
                "removed_at": time_text(one.removed_at),
                "notice": one.notice_id,
                "acknowledged_at": "" if one.acknowledged_at is None else time_text(one.acknowledged_at),
                **({"sinks": {row.sink: time_text(row.removed_at) for row in one.sinks}} if one.sinks else {}),
            }
            for one in task.evidence
        ]
    return AuditEvent(kind, now, task.subject_ref, payload)
