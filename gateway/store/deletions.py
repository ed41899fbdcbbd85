"""Deletion tasks: planned, opened when their time comes, done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    and_,
    delete,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    tuple_,
    update,
)

from gateway.errors import StateError
from gateway.route.job import JobState
from gateway.route.task import DeletionCause, DeletionEvidence, DeletionTask, SinkEvidence
from gateway.store.column_type import KeyText, Moment
from gateway.store.connection import AnyRow, StoreConnection, readable
from gateway.store.fields import from_json, to_json
from gateway.store.schema import (
    UNDONE,
    consent_links,
    deletion_evidence,
    deletion_tasks,
    jobs,
    peer_notices,
    removals,
    run_reach,
    runs,
    subjects,
)
from gateway.store.schema_schedules import deliveries, sink_removals


class SqlDeletionStore:
    """Deletion tasks inside one transaction."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection

    async def plan(self, tasks: Sequence[DeletionTask]) -> None:
        """Insert tasks; those that are there stay as they are."""
        rows = [
            {
                "task_id": task.task_id,
                "subject_ref": task.subject_ref,
                "why": task.why.value,
                "event_id": task.event_id,
                "purpose": task.purpose,
                "recipient": task.recipient,
                "categories": list(task.categories),
                "opens_at": task.opens_at,
                "done_by": "",
            }
            for task in tasks
        ]
        await self._connection.insert_rows(deletion_tasks, rows, skip_known=True)

    async def ripe(self, now: datetime, limit: int) -> list[DeletionTask]:
        """Return tasks whose time has come and that are not open yet; to write, locked until the commit."""
        table = deletion_tasks.c
        ripe = and_(UNDONE, table.opened_at.is_(None), table.opens_at <= now)
        query = select(deletion_tasks).where(ripe).order_by(table.opens_at, table.task_id).limit(limit)
        query = query.with_for_update() if self._connection.writable else query
        return [_task(row) for row in await self._connection.rows(query)]

    async def open(self, tasks: Sequence[DeletionTask]) -> None:
        """Note when planned tasks were opened, are due and are held."""
        for task in tasks:
            opened = {"opened_at": task.opened_at, "due_at": task.due_at, "held_until": task.held_until}
            change = update(deletion_tasks).where(deletion_tasks.c.task_id == task.task_id).values(opened)
            await self._connection.execute(change)

    async def drop(self, task_ids: Sequence[str]) -> None:
        """Remove planned tasks whose time was put off."""
        if task_ids:
            among = deletion_tasks.c.task_id.in_(select(self._connection.listed(task_ids).c.value))
            await self._connection.execute(delete(deletion_tasks).where(among))

    async def get(self, task_id: str) -> DeletionTask:
        """Return an opened task.

        Raises:
            StateError: NOT_FOUND.
        """
        opened = and_(deletion_tasks.c.task_id == task_id, deletion_tasks.c.opened_at.is_not(None))
        row = await self._connection.row(select(deletion_tasks).where(opened))
        if row is None:
            raise StateError("NOT_FOUND", "there is no such deletion task; list them to see which there are")
        (task,) = await _with_evidence(self._connection, [_task(row)])
        return task

    async def held_by_runs(self, subject_refs: Sequence[str], recipient: str, now: datetime) -> bool:
        """Return whether runs are still to be looked through for these people, or rows of theirs to go.

        Args:
            subject_refs: a few.
            recipient: of the runs, a party id; "" is everybody.
            now: whose retention ended by then keeps nothing.
        """
        partner: ColumnElement[str] | None = literal(recipient, KeyText) if recipient else None
        conditions = [owing(literal(ref, KeyText), partner, now, told=False) for ref in subject_refs]
        return bool(await self._connection.scalar(select(or_(*conditions))))

    async def done(self, task_id: str, by: str, now: datetime, evidence: Sequence[DeletionEvidence] = ()) -> bool:
        """Note that a task is done, and on what evidence; False when it was."""
        open_ = and_(deletion_tasks.c.task_id == task_id, deletion_tasks.c.done_at.is_(None))
        change = update(deletion_tasks).where(open_).values({"done_at": now, "done_by": by})
        if await self._connection.row(change.returning(deletion_tasks.c.task_id)) is None:
            return False
        rows = [asdict(one) | {"task_id": task_id, "sinks": to_json(one.sinks)} for one in evidence]
        await self._connection.insert_rows(deletion_evidence, rows)
        return True

    async def reached(self, now: datetime, after: str, limit: int) -> list[DeletionTask]:
        """Return open tasks about one recipient, by id, of whose people runs with it lost rows, all of them for good.

        Args:
            now: whose retention ended by then keeps nothing.
            after: task id, outside.
            limit: most tasks.
        """
        table = deletion_tasks.c
        near, far = consent_links.alias(), consent_links.alias()
        joined = select(far.c.subject_ref).where(
            near.c.subject_ref == table.subject_ref, far.c.event_id == near.c.event_id
        )
        rows = select(removals.c.job_id).join(run_reach, run_reach.c.job_id == removals.c.job_id)
        rows = rows.where(run_reach.c.partner == table.recipient)
        own, theirs = (
            exists(rows.where(whose).correlate(deletion_tasks))
            for whose in (removals.c.subject_ref == table.subject_ref, removals.c.subject_ref.in_(joined))
        )
        query = select(deletion_tasks).where(
            UNDONE,
            table.opened_at.is_not(None),
            or_(table.held_until.is_(None), table.held_until <= now),
            table.recipient != "",
            table.task_id > after,
            or_(own, theirs),
            not_(owing(table.subject_ref, table.recipient, now)),
        )
        return [_task(row) for row in await self._connection.rows(query.order_by(table.task_id).limit(limit))]

    async def by_due_time(self, until: datetime, now: datetime) -> list[tuple[datetime, int]]:
        """Return how many open tasks, not held, are due at each time up to `until`, ascending."""
        table = deletion_tasks.c
        free = or_(table.held_until.is_(None), table.held_until <= now)
        query = select(table.due_at, func.count()).where(UNDONE, table.due_at <= until, free)
        found = await self._connection.rows(query.group_by(table.due_at).order_by(table.due_at))
        return [(due_at, count) for due_at, count in found]

    async def list(
        self, subject_ref: str, done: bool, after: tuple[datetime, str] | None, limit: int
    ) -> list[DeletionTask]:
        """Return opened tasks by due time, strictly after (due_at, task_id).

        Args:
            subject_ref: whose; "" is everybody's.
            done: those done too.
            after: where the page before ended.
            limit: most tasks.
        """
        table = deletion_tasks.c
        query = select(deletion_tasks).where(table.opened_at.is_not(None))
        if subject_ref:
            query = query.where(table.subject_ref == subject_ref)
        if not done:
            query = query.where(UNDONE)
        key = tuple_(table.due_at, table.task_id)
        if after is not None:
            query = query.where(key > tuple_(literal(after[0], Moment), literal(after[1])))
        query = query.order_by(table.due_at, table.task_id).limit(limit)
        return await _with_evidence(self._connection, [_task(row) for row in await self._connection.rows(query)])


async def _with_evidence(connection: StoreConnection, tasks: Sequence[DeletionTask]) -> list[DeletionTask]:
    of: dict[str, list[DeletionEvidence]] = {task.task_id: [] for task in tasks if task.done_at is not None}
    if of:
        table = deletion_evidence.c
        query = select(deletion_evidence).where(table.task_id.in_(select(connection.listed(list(of)).c.value)))
        for row in await connection.rows(query.order_by(table.task_id, table.removed_at, table.job_id)):
            with readable():
                sinks = from_json(tuple[SinkEvidence, ...], row.sinks)
            told = (row.notice_id, row.acknowledged_at)
            of[row.task_id].append(DeletionEvidence(row.job_id, row.removed_at, *told, sinks))
    return [replace(task, evidence=tuple(of.get(task.task_id, ()))) for task in tasks]


def owing(
    subject: ColumnElement[str], partner: ColumnElement[str] | None, now: datetime, *, told: bool = True
) -> ColumnElement[bool]:
    """Return the condition that rows of a person in released runs or sinks are still to be found, to go, or to tell of.

    Args:
        subject: reference of the person.
        partner: of the runs; None is any.
        now: whose retention ended by then keeps nothing.
        told: whether the partner must have acknowledged, too.
    """
    of_partner = true() if partner is None else run_reach.c.partner == partner
    unsaid = and_(removals.c.notice_id != "", peer_notices.c.ours, peer_notices.c.done_at.is_(None))
    left_open = removals.c.removed_at.is_(None)
    left = (
        select(removals.c.job_id)
        .join(run_reach, run_reach.c.job_id == removals.c.job_id)
        .outerjoin(
            peer_notices,
            and_(peer_notices.c.notice_id == removals.c.notice_id, peer_notices.c.partner == run_reach.c.partner),
        )
        .where(
            removals.c.subject_ref == subject,
            of_partner,
            or_(left_open, unsaid) if told else left_open,
        )
    )
    kept = or_(runs.c.expires_at.is_(None), runs.c.expires_at > now)
    behind = (
        select(run_reach.c.job_id)
        .join(runs, runs.c.job_id == run_reach.c.job_id)
        .join(jobs, and_(jobs.c.job_id == run_reach.c.job_id, jobs.c.state == JobState.SUCCEEDED.value))
        .join(subjects, subjects.c.subject_ref == subject)
        .where(of_partner, kept, run_reach.c.changes < subjects.c.changed)
    )
    lying = (
        select(sink_removals.c.delivery_id)
        .join(deliveries, deliveries.c.delivery_id == sink_removals.c.delivery_id)
        .join(run_reach, run_reach.c.job_id == deliveries.c.job_id)
        .where(sink_removals.c.subject_ref == subject, sink_removals.c.removed_at.is_(None), of_partner)
    )
    return or_(exists(left), exists(behind), exists(lying))


def _task(row: AnyRow) -> DeletionTask:
    with readable():
        return DeletionTask(
            task_id=row.task_id,
            subject_ref=row.subject_ref,
            why=DeletionCause(row.why),
            event_id=row.event_id,
            purpose=row.purpose,
            recipient=row.recipient,
            categories=tuple(row.categories),
            opens_at=row.opens_at,
            opened_at=row.opened_at,
            due_at=row.due_at,
            held_until=row.held_until,
            done_at=row.done_at,
            done_by=row.done_by,
        )
