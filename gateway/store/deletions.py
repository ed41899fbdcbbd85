"""Deletion tasks: planned, opened when their time comes, done."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, delete, literal, select, tuple_, update

from gateway.errors import StateError
from gateway.route.task import DeletionCause, DeletionTask
from gateway.store.column_type import Moment
from gateway.store.connection import AnyRow, StoreConnection, readable
from gateway.store.schema import UNDONE, deletion_tasks


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
        """Return tasks whose time has come and that are not open yet, locked against others until the commit."""
        table = deletion_tasks.c
        ripe = and_(UNDONE, table.opened_at.is_(None), table.opens_at <= now)
        query = select(deletion_tasks).where(ripe).order_by(table.opens_at, table.task_id).limit(limit)
        return [_task(row) for row in await self._connection.rows(query.with_for_update())]

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
        return _task(row)

    async def done(self, task_id: str, by: str, now: datetime) -> bool:
        """Note that a task is done; False when it was."""
        open_ = and_(deletion_tasks.c.task_id == task_id, deletion_tasks.c.done_at.is_(None))
        change = update(deletion_tasks).where(open_).values({"done_at": now, "done_by": by})
        return await self._connection.row(change.returning(deletion_tasks.c.task_id)) is not None

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
        return [_task(row) for row in await self._connection.rows(query)]


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
