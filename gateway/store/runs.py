"""The index of the enrichment ledger: one row per released or sent run."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import and_, literal, or_, select, tuple_, update

from gateway.route.job import JobState
from gateway.route.notice import ReleasedRun
from gateway.route.provision import ProvidedRun, ProvisionFilter
from gateway.store import rows
from gateway.store.column_type import Moment
from gateway.store.connection import StoreConnection
from gateway.store.schema import destroyed_runs, jobs, run_reach, runs, sessions

_OF_REACH = [column for column in run_reach.columns if column.name != "job_id"]
_WHOLE = select(runs, *_OF_REACH).join(run_reach, run_reach.c.job_id == runs.c.job_id)

_PROVIDED = (
    _WHOLE.add_columns(
        jobs.c.request_id,
        jobs.c.operation,
        jobs.c.purpose,
        jobs.c.columns,
        jobs.c.requested_by,
        jobs.c.report,
        sessions.c.opened_at,
        sessions.c.opening,
        sessions.c.run_record,
        sessions.c.run_signatures,
    )
    .join(jobs, jobs.c.job_id == runs.c.job_id)
    .join(sessions, sessions.c.session_id == runs.c.session_id)
)


class SqlRunStore:
    """Runs inside one transaction."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection

    async def put(self, run: ReleasedRun) -> None:
        """Record a release or a sending; a job's first record stands."""
        values = asdict(run) | {"side": run.side.value}
        for table in (runs, run_reach):
            of_table = {column.name: values[column.name] for column in table.columns}
            await self._connection.execute(self._connection.insert(table).values(of_table).on_conflict_do_nothing())

    async def over(self, now: datetime, spool_id: str, limit: int) -> list[tuple[str, str]]:
        """Return (job id, agreement id) of runs of a spool whose retention is over and whose rows are not destroyed."""
        query = (
            select(runs.c.job_id, runs.c.agreement_id)
            .join(jobs, jobs.c.job_id == runs.c.job_id)
            .outerjoin(destroyed_runs, destroyed_runs.c.job_id == runs.c.job_id)
            .where(runs.c.expires_at <= now, jobs.c.spool_id == spool_id, destroyed_runs.c.job_id.is_(None))
            .order_by(runs.c.expires_at, runs.c.job_id)
            .limit(limit)
        )
        return [(job_id, agreement_id) for job_id, agreement_id in await self._connection.rows(query)]

    async def destroyed(self, job_id: str, now: datetime) -> bool:
        """Note that a run's rows are destroyed; False when it was noted before."""
        insert = self._connection.insert(destroyed_runs).values({"job_id": job_id, "at": now})
        noted = insert.on_conflict_do_nothing().returning(destroyed_runs.c.job_id)
        return await self._connection.row(noted) is not None

    async def get(self, job_id: str) -> ReleasedRun | None:
        """Return a run, or None when the job released nothing."""
        row = await self._connection.row(_WHOLE.where(runs.c.job_id == job_id))
        return None if row is None else rows.released_run(row)

    async def behind(
        self, changes: int, now: datetime, spool_id: str, after: str = "", limit: int = 100
    ) -> list[ReleasedRun]:
        """Return runs of a spool that SUCCEEDED, keep something at `now`, and were not looked at since `changes`.

        Args:
            changes: number of an append of consent events.
            now: whose retention ended by then keeps nothing.
            spool_id: where the job worked, and its result lies.
            after: job id, outside.
            limit: most runs.
        """
        kept = or_(runs.c.expires_at.is_(None), runs.c.expires_at > now)
        done = and_(
            jobs.c.job_id == runs.c.job_id, jobs.c.state == JobState.SUCCEEDED.value, jobs.c.spool_id == spool_id
        )
        query = _WHOLE.join(jobs, done).where(run_reach.c.changes < changes, kept, runs.c.job_id > after)
        query = query.order_by(runs.c.job_id).limit(limit)
        return [rows.released_run(row) for row in await self._connection.rows(query)]

    async def provided(
        self, wanted: ProvisionFilter, before: tuple[datetime, str] | None, limit: int
    ) -> list[ProvidedRun]:
        """Return runs with what their jobs and sessions keep, newest first, behind the (released_at, job_id) given."""
        query, released = _PROVIDED, runs.c.released_at
        if wanted.partner is not None:
            query = query.where(run_reach.c.partner == wanted.partner)
        if wanted.purpose is not None:
            query = query.where(jobs.c.purpose == wanted.purpose)
        if wanted.since is not None:
            query = query.where(released >= wanted.since)
        if wanted.until is not None:
            query = query.where(released < wanted.until)
        if before is not None:
            place = tuple_(literal(before[0], Moment), literal(before[1]))
            query = query.where(tuple_(released, runs.c.job_id) < place)
        query = query.order_by(released.desc(), runs.c.job_id.desc()).limit(limit)
        return [rows.provided_run(row) for row in await self._connection.rows(query)]

    async def advance(self, job_id: str, changes: int) -> None:
        """Note that all appends up to a number were looked at; it never goes back."""
        older = and_(run_reach.c.job_id == job_id, run_reach.c.changes < changes)
        await self._connection.execute(update(run_reach).where(older).values(changes=changes))
