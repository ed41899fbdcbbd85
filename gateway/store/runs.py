"""The index of the enrichment ledger: one row per released or sent run."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from gateway.store.connection import StoreConnection
from gateway.store.schema import destroyed_runs, jobs, runs


class SqlRunStore:
    """Runs inside one transaction."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection

    async def put(
        self,
        job_id: str,
        session_id: str,
        agreement_id: str,
        released_at: datetime,
        expires_at: datetime | None,
        rows: int,
    ) -> None:
        """Record a release or a sending; a job's first record stands."""
        values = {
            "job_id": job_id,
            "session_id": session_id,
            "agreement_id": agreement_id,
            "released_at": released_at,
            "expires_at": expires_at,
            "rows": rows,
        }
        await self._connection.execute(self._connection.insert(runs).values(values).on_conflict_do_nothing())

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
