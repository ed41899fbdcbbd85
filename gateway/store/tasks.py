"""Tasks that come round: one row each, leased by the server that runs it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, update

from gateway.errors import StateError
from gateway.route.task import TaskRow
from gateway.store.connection import AnyRow, StoreConnection
from gateway.store.schema import tasks


class SqlTaskStore:
    """Tasks inside one transaction."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection

    async def ensure(self, names: Collection[str], now: datetime) -> None:
        """Insert the tasks that are not there yet, due now."""
        rows = [_new(name, now) for name in sorted(names)]
        await self._connection.insert_rows(tasks, rows, skip_known=True)

    async def lease(self, owner: str, names: Collection[str], now: datetime, until: datetime) -> TaskRow | None:
        """Take the due task of these names that waited longest and that nobody holds; its fence grows by one.

        Args:
            owner: names the server.
            names: the tasks that it can run.
            now: leases that ended by then are free.
            until: when the new lease ends.
        """
        table = tasks.c
        free = and_(
            table.name.in_(sorted(names)),
            table.not_before <= now,
            or_(table.lease_until.is_(None), table.lease_until <= now),
        )
        query = select(table.name).where(free).order_by(table.not_before, table.name).limit(1)
        # Another server's candidate is skipped, not waited for. SQLite's writers are alone anyway.
        name = await self._connection.scalar(query.with_for_update(skip_locked=True))
        if name is None:
            return None
        taken = {"fence": table.fence + 1, "lease_owner": owner, "lease_until": until, "started_at": now}
        row = await self._connection.row(update(tasks).where(table.name == name).values(taken).returning(tasks))
        return None if row is None else _task(row)

    async def renew(self, name: str, fence: int, until: datetime) -> None:
        """Prolong a lease.

        Raises:
            StateError: REVISION_CONFLICT when fenced out.
        """
        await self._change(name, fence, {"lease_until": until})

    async def finish(
        self, name: str, fence: int, outcome: str, report: Mapping[str, int], now: datetime, not_before: datetime
    ) -> None:
        """Note how a run ended and give the lease back.

        Raises:
            StateError: REVISION_CONFLICT when fenced out.
        """
        ended = {"ended_at": now, "outcome": outcome, "report": dict(report), "not_before": not_before}
        await self._change(name, fence, {**ended, "lease_owner": "", "lease_until": None})

    async def release(self, name: str, fence: int) -> None:
        """Give the lease of a run that came to no end back; whoever is free takes it."""
        given_back = {"lease_owner": "", "lease_until": None}
        await self._connection.execute(update(tasks).where(_under(name, fence)).values(given_back))

    async def list(self) -> list[TaskRow]:
        """Return all tasks by name."""
        return [_task(row) for row in await self._connection.rows(select(tasks).order_by(tasks.c.name))]

    async def mark(self, name: str) -> Mapping[str, int]:
        """Return how far a task has come, {} at first; in a writing transaction others wait for its end."""
        query = select(tasks.c.mark).where(tasks.c.name == name)
        if self._connection.writable:
            await self.ensure([name], self._connection.now())
            query = query.with_for_update()
        return await self._connection.scalar(query) or {}

    async def set_mark(self, name: str, mark: Mapping[str, int]) -> None:
        """Note how far a task has come."""
        await self._connection.execute(update(tasks).where(tasks.c.name == name).values(mark=dict(mark)))

    async def _change(self, name: str, fence: int, values: Mapping[str, Any]) -> None:
        change = update(tasks).where(_under(name, fence), tasks.c.lease_owner != "").values(values)
        if await self._connection.row(change.returning(tasks.c.name)) is None:
            raise StateError("REVISION_CONFLICT", f"another server holds the task {name} now; this one stops")


def _new(name: str, now: datetime) -> dict[str, Any]:
    return {
        "name": name,
        "not_before": now,
        "lease_owner": "",
        "fence": 0,
        "outcome": "",
        "report": {},
        "mark": {},
    }


def _under(name: str, fence: int) -> ColumnElement[bool]:
    return and_(tasks.c.name == name, tasks.c.fence == fence)


def _task(row: AnyRow) -> TaskRow:
    return TaskRow(
        name=row.name,
        not_before=row.not_before,
        lease_owner=row.lease_owner,
        lease_until=row.lease_until,
        fence=row.fence,
        started_at=row.started_at,
        ended_at=row.ended_at,
        outcome=row.outcome,
        report=row.report,
    )
