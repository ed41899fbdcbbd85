"""Jobs: durable, leased to one worker at a time, every write under the fence of its lease."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select, tuple_, update

from gateway.errors import StateError
from gateway.route.job import FINAL_STATES, Job, JobState
from gateway.store import rows
from gateway.store.column_type import Moment
from gateway.store.connection import StoreConnection
from gateway.store.schema import jobs

_UNFINISHED = sorted(state.value for state in JobState if state not in FINAL_STATES)


class SqlJobStore:
    """Jobs inside one transaction."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection

    async def create(self, job: Job) -> Job:
        """Insert a job; the same request_id with the same request returns the stored job.

        Raises:
            StateError: REVISION_CONFLICT when the side's request_id is stored with another request.
        """
        values = rows.job_values(job) | {"not_before": job.created_at, "looked_at": job.created_at}
        insert = self._connection.insert(jobs).values(values)
        insert = insert.on_conflict_do_nothing(index_elements=["side", "request_id"])
        await self._connection.execute(insert)
        same_request = and_(jobs.c.side == job.side.value, jobs.c.request_id == job.request.request_id)
        stored = await self._connection.row(select(jobs).where(same_request))
        if stored is None:
            raise StateError("REVISION_CONFLICT", "the job was removed while it was created; repeat the request")
        known = rows.job(stored)
        if known.request != job.request:
            raise StateError("REVISION_CONFLICT", "this request_id asked for something else before; use a new one")
        return known

    async def get(self, job_id: str) -> Job:
        """Return a job.

        Raises:
            StateError: NOT_FOUND.
        """
        row = await self._connection.row(select(jobs).where(jobs.c.job_id == job_id))
        if row is None:
            raise StateError("NOT_FOUND", "there is no such job here; list them to see which there are")
        return rows.job(row)

    async def lease(self, owner: str, spool_id: str, now: datetime, until: datetime) -> Job | None:
        """Take the unfinished job that waited longest since a worker last looked at it.

        Its fence grows by one; its attempt grows with the first lease and with each one that a worker lost, not when
        a waiting job is merely looked at again.

        Args:
            owner: names the worker.
            spool_id: only jobs of this spool.
            now: leases that ended by then are free.
            until: when the new lease ends.

        Returns:
            The job under its new fence, or None when there is nothing to do.
        """
        free = and_(
            jobs.c.state.in_(_UNFINISHED),
            jobs.c.spool_id == spool_id,
            jobs.c.not_before <= now,
            or_(jobs.c.lease_until.is_(None), jobs.c.lease_until <= now),
        )
        # Another worker's candidate is skipped, not waited for. SQLite's writers are alone anyway.
        query = select(jobs.c.job_id).where(free).order_by(jobs.c.looked_at, jobs.c.job_id).limit(1)
        job_id = await self._connection.scalar(query.with_for_update(skip_locked=True))
        if job_id is None:
            return None
        lost = or_(jobs.c.attempt == 0, jobs.c.lease_owner != "")
        taken = {
            "fence": jobs.c.fence + 1,
            "attempt": case((lost, jobs.c.attempt + 1), else_=jobs.c.attempt),
            "lease_owner": owner,
            "lease_until": until,
            "looked_at": now,
            "updated_at": now,
        }
        return await self._change(jobs.c.job_id == job_id, taken, job_id)

    async def renew(self, job_id: str, fence: int, until: datetime) -> Job:
        """Prolong a lease and return the job.

        Raises:
            StateError: NOT_FOUND; REVISION_CONFLICT when fenced out or given back.
        """
        held = and_(_under(job_id, fence), jobs.c.lease_owner != "")
        return await self._change(held, {"lease_until": until}, job_id)

    async def release(self, job_id: str, fence: int, not_before: datetime) -> None:
        """Give a lease back; the job may be leased again from `not_before`.

        Raises:
            StateError: NOT_FOUND; REVISION_CONFLICT when fenced out.
        """
        # A cancellation asked for during this lease is looked at once without waiting.
        asked_meanwhile = and_(jobs.c.cancel_requested, jobs.c.not_before > jobs.c.looked_at)
        soon = case((asked_meanwhile, jobs.c.not_before), else_=literal(not_before, Moment))
        given_back = {"lease_owner": "", "lease_until": None, "not_before": soon}
        await self._change(_under(job_id, fence), given_back, job_id)

    async def update(self, job_id: str, fence: int, changes: Mapping[str, object]) -> Job:
        """Change fields of a job held under `fence`. A final job changes no more.

        Raises:
            StateError: NOT_FOUND; REVISION_CONFLICT when fenced out or final.
            Misuse: for a field that an update may not change.
        """
        values = rows.changed_values("job", changes, rows.JOB_CHANGES) | {"updated_at": self._connection.now()}
        held = and_(_under(job_id, fence), jobs.c.state.in_(_UNFINISHED))
        return await self._change(held, values, job_id)

    async def request_cancel(self, job_id: str, now: datetime) -> Job:
        """Mark a job for cancellation and let a worker look at it at once; a final job is returned as it is.

        Raises:
            StateError: NOT_FOUND.
        """
        table = jobs.c
        open_ = and_(table.job_id == job_id, table.state.in_(_UNFINISHED), table.cancel_requested.is_(False))
        marked = {"cancel_requested": True, "not_before": now, "updated_at": now, "revision": table.revision + 1}
        await self._connection.execute(update(jobs).where(open_).values(marked))
        return await self.get(job_id)

    async def previous(self, job: Job) -> Job | None:
        """Return the last job before one that succeeded with the same agreement, side, operation and purpose."""
        table, request = jobs.c, job.request
        alike = and_(
            table.agreement_id == request.agreement_id,
            table.side == job.side.value,
            table.operation == request.operation.value,
            table.purpose == request.purpose,
            table.state == JobState.SUCCEEDED.value,
            tuple_(table.created_at, table.job_id) < tuple_(literal(job.created_at, Moment), literal(job.job_id)),
        )
        newest = select(jobs).where(alike).order_by(table.created_at.desc(), table.job_id.desc()).limit(1)
        row = await self._connection.row(newest)
        return None if row is None else rows.job(row)

    async def count_since(self, agreement_id: str, side: str, since: datetime) -> int:
        """Count jobs of an agreement created at or after `since` that opened a session."""
        table = jobs.c
        asked = and_(
            table.agreement_id == agreement_id,
            table.side == side,
            table.created_at >= since,
            table.session_id != "",
        )
        return int(await self._connection.scalar(select(func.count()).select_from(jobs).where(asked)))

    async def _change(self, condition: ColumnElement[bool], values: Mapping[str, object], job_id: str) -> Job:
        change = update(jobs).where(condition).values({**values, "revision": jobs.c.revision + 1})
        row = await self._connection.row(change.returning(jobs))
        if row is not None:
            return rows.job(row)
        stored = await self.get(job_id)
        if stored.state.final:
            raise StateError("REVISION_CONFLICT", f"the job is {stored.state.value} and changes no more")
        raise StateError(
            "REVISION_CONFLICT", "the job's lease has passed to another worker; stop working on it under the old fence"
        )

    async def list(self, after: tuple[datetime, str] | None = None, limit: int = 100) -> list[Job]:
        """Return jobs, newest first, strictly after the (created_at, job_id) given."""
        key = tuple_(jobs.c.created_at, jobs.c.job_id)
        query = select(jobs)
        if after is not None:
            query = query.where(key < tuple_(literal(after[0], Moment), literal(after[1])))
        query = query.order_by(jobs.c.created_at.desc(), jobs.c.job_id.desc()).limit(limit)
        return [rows.job(row) for row in await self._connection.rows(query)]


def _under(job_id: str, fence: int) -> ColumnElement[bool]:
    return and_(jobs.c.job_id == job_id, jobs.c.fence == fence)
