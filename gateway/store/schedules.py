"""Schedules and their runs: one row per due time, so that whatever servers do, a run begins once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, delete, literal, select, tuple_, update

from gateway.errors import StateError
from gateway.route.schedule import RunState, Schedule, ScheduledRun, SchedulePolicy, ScheduleTerms
from gateway.store.column_type import Moment
from gateway.store.connection import AnyRow, StoreConnection, readable
from gateway.store.fields import from_json, to_json
from gateway.store.schema_schedules import OPEN, schedule_runs, schedules

_RUN = schedule_runs.c


class SqlScheduleStore:
    """Schedules inside one transaction."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection

    async def create(self, schedule: Schedule) -> Schedule:
        """Insert a schedule; the same uid again returns the stored one.

        Raises:
            StateError: REVISION_CONFLICT when the name stands for another, or the uid for other terms.
        """
        values = {
            "name": schedule.name,
            "uid": schedule.uid,
            "terms": to_json(schedule.terms),
            "policy": to_json(schedule.policy),
            "next_at": schedule.next_at,
            "created_by": schedule.created_by,
            "created_at": schedule.created_at,
            "revision": schedule.revision,
        }
        await self._connection.execute(self._connection.insert(schedules).values(values).on_conflict_do_nothing())
        row = await self._connection.row(select(schedules).where(schedules.c.uid == schedule.uid))
        if row is None:
            raise StateError("REVISION_CONFLICT", f"there is a schedule {schedule.name} already; choose another name")
        known = _schedule(row)
        if (known.name, known.terms, known.policy) != (schedule.name, schedule.terms, schedule.policy):
            raise StateError("REVISION_CONFLICT", "this request_id made something else before; use a new one")
        return known

    async def get(self, name: str) -> Schedule:
        """Return a schedule, locked in a writing transaction.

        Raises:
            StateError: NOT_FOUND.
        """
        row = await self._connection.row(self._locked(select(schedules).where(schedules.c.name == name)))
        if row is None:
            raise StateError("NOT_FOUND", "there is no such schedule; list them to see which there are")
        return _schedule(row)

    async def change(self, name: str, next_at: datetime | None) -> Schedule:
        """Pause (None) or resume a schedule; its revision grows by one.

        Raises:
            StateError: NOT_FOUND.
        """
        known = await self.get(name)
        changed = replace(known, next_at=next_at, revision=known.revision + 1)
        values = {"next_at": next_at, "revision": changed.revision}
        await self._connection.execute(update(schedules).where(schedules.c.name == name).values(values))
        return changed

    async def delete(self, name: str) -> Schedule:
        """Remove a schedule with its runs; return it as it was.

        Raises:
            StateError: NOT_FOUND.
        """
        known = await self.get(name)
        await self._connection.execute(delete(schedules).where(schedules.c.name == name))
        await self._connection.execute(delete(schedule_runs).where(_RUN.uid == known.uid))
        return known

    async def due(self, now: datetime, limit: int) -> list[Schedule]:
        """Return schedules whose next due time has come, the longest due first."""
        query = select(schedules).where(schedules.c.next_at <= now).order_by(schedules.c.next_at, schedules.c.name)
        return [_schedule(row) for row in await self._connection.rows(query.limit(limit))]

    async def advance(self, schedule: Schedule, next_at: datetime) -> bool:
        """Set the next due time where it still is that of `schedule`; False where another server was faster."""
        same = and_(schedules.c.uid == schedule.uid, schedules.c.next_at == schedule.next_at)
        change = update(schedules).where(same).values(next_at=next_at).returning(schedules.c.uid)
        return await self._connection.row(change) is not None

    async def add_run(self, run: ScheduledRun) -> bool:
        """Insert a run; False when its due time has one already."""
        values = {"uid": run.uid, "due_at": run.due_at, **_values(run)}
        insert = self._connection.insert(schedule_runs).values(values).on_conflict_do_nothing()
        return await self._connection.row(insert.returning(_RUN.uid)) is not None

    async def open_runs(
        self, uid: str = "", after: tuple[str, datetime] | None = None, limit: int = 1000
    ) -> list[ScheduledRun]:
        """Return runs that are not over by (uid, due_at), strictly after `after`.

        Args:
            uid: of one schedule; "" of all.
            after: (uid, due_at) of the page before, outside.
            limit: most runs.
        """
        query = select(schedule_runs).where(OPEN)
        if uid:
            query = query.where(_RUN.uid == uid)
        if after is not None:
            query = query.where(tuple_(_RUN.uid, _RUN.due_at) > tuple_(literal(after[0]), literal(after[1], Moment)))
        return await self._runs(query.order_by(_RUN.uid, _RUN.due_at).limit(limit))

    async def run(self, uid: str, due_at: datetime) -> ScheduledRun | None:
        """Return a run, locked in a writing transaction, or None."""
        query = select(schedule_runs).where(_RUN.uid == uid, _RUN.due_at == due_at)
        return next(iter(await self._runs(self._locked(query))), None)

    async def update_run(self, run: ScheduledRun) -> None:
        """Store state, attempt, job, reason and times of a run that is locked."""
        here = and_(_RUN.uid == run.uid, _RUN.due_at == run.due_at)
        await self._connection.execute(update(schedule_runs).where(here).values(_values(run)))

    async def runs(self, uid: str, after: datetime | None, limit: int) -> list[ScheduledRun]:
        """Return runs of a schedule, the newest due time first, strictly after `after`."""
        query = select(schedule_runs).where(_RUN.uid == uid)
        if after is not None:
            query = query.where(_RUN.due_at < after)
        return await self._runs(query.order_by(_RUN.due_at.desc()).limit(limit))

    def _locked(self, query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
        return query.with_for_update() if self._connection.writable else query

    async def _runs(self, query: Select[*tuple[Any, ...]]) -> list[ScheduledRun]:
        return [_run(row) for row in await self._connection.rows(query)]

    async def list(self, after: str = "", limit: int = 100) -> list[Schedule]:
        """Return schedules by name, strictly after `after`."""
        query = select(schedules).where(schedules.c.name > after).order_by(schedules.c.name).limit(limit)
        return [_schedule(row) for row in await self._connection.rows(query)]


def _values(run: ScheduledRun) -> dict[str, Any]:
    return {
        "state": run.state.value,
        "attempt": run.attempt,
        "missed": run.missed,
        "job_id": run.job_id,
        "reason": run.reason,
        "not_before": run.not_before,
        "ended_at": run.ended_at,
    }


def _schedule(row: AnyRow) -> Schedule:
    with readable():
        return Schedule(
            name=row.name,
            uid=row.uid,
            terms=from_json(ScheduleTerms, row.terms),
            policy=from_json(SchedulePolicy, row.policy),
            next_at=row.next_at,
            created_by=row.created_by,
            created_at=row.created_at,
            revision=row.revision,
        )


def _run(row: AnyRow) -> ScheduledRun:
    with readable():
        return ScheduledRun(
            uid=row.uid,
            due_at=row.due_at,
            state=RunState(row.state),
            attempt=row.attempt,
            missed=row.missed,
            job_id=row.job_id,
            reason=row.reason,
            not_before=row.not_before,
            ended_at=row.ended_at,
        )
