"""Rows of released runs that consent does not cover any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, literal, select, tuple_, update

from gateway.route.notice import Removal, Timing
from gateway.store import rows
from gateway.store.column_type import Moment
from gateway.store.connection import StoreConnection
from gateway.store.schema import UNFINISHED, jobs, removals


class SqlRemovalStore:
    """Removals inside one transaction."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection

    async def add(self, found: Sequence[Removal]) -> None:
        """Insert removals; the first of a job and person stands."""
        values = [asdict(removal) | {"timing": removal.timing.value} for removal in found]
        await self._connection.insert_rows(removals, values, skip_known=True)

    async def tell(self, job_id: str, subject_refs: Sequence[str], notice_id: str) -> None:
        """Note by which notice the partner is told."""
        await self._connection.execute(
            update(removals).where(self._those(job_id, subject_refs)).values(notice_id=notice_id)
        )

    async def unfinished(self, spool_id: str) -> list[str]:
        """Return the jobs of a spool with rows decided but perhaps still on disk, each once."""
        here = and_(jobs.c.job_id == removals.c.job_id, jobs.c.spool_id == spool_id)
        query = select(removals.c.job_id).join(jobs, here).where(UNFINISHED).distinct().order_by(removals.c.job_id)
        return [job_id for (job_id,) in await self._connection.rows(query)]

    async def pending(self, job_id: str, limit: int) -> list[Removal]:
        """Return such rows of a job, the people in order."""
        query = select(removals).where(UNFINISHED, removals.c.job_id == job_id)
        return await self._found(query.order_by(removals.c.subject_ref).limit(limit))

    async def finish(self, job_id: str, subject_refs: Sequence[str], at: datetime) -> set[str]:
        """Note that the rows of these people are off the disk; return for whom that was not noted before."""
        change = update(removals).where(UNFINISHED, self._those(job_id, subject_refs)).values(removed_at=at)
        return {ref for (ref,) in await self._connection.rows(change.returning(removals.c.subject_ref))}

    async def of_subject(self, subject_ref: str) -> list[Removal]:
        """Return everything taken out about a person, by job."""
        query = select(removals).where(removals.c.subject_ref == subject_ref)
        return await self._found(query.order_by(removals.c.job_id))

    async def of_job(self, job_id: str, after: str = "", limit: int = 1000) -> list[Removal]:
        """Return what was taken out of a run, by person, strictly after `after`."""
        query = select(removals).where(removals.c.job_id == job_id, removals.c.subject_ref > after)
        return await self._found(query.order_by(removals.c.subject_ref).limit(limit))

    async def _found(self, query: Select[*tuple[Any, ...]]) -> list[Removal]:
        return [rows.removal(row) for row in await self._connection.rows(query)]

    def _those(self, job_id: str, subject_refs: Sequence[str]) -> ColumnElement[bool]:
        listed = self._connection.listed(subject_refs)
        return and_(removals.c.job_id == job_id, removals.c.subject_ref.in_(select(listed.c.value)))

    async def list(
        self, timing: Timing | None, after: tuple[datetime, str, str] | None = None, limit: int = 100
    ) -> list[Removal]:
        """Return removals, newest first.

        Args:
            timing: only such; None is all.
            after: (decided_at, job_id, subject_ref) of the page before, outside.
            limit: most removals.
        """
        key = (removals.c.decided_at, removals.c.job_id, removals.c.subject_ref)
        query = select(removals)
        if timing is not None:
            query = query.where(removals.c.timing == timing.value)
        if after is not None:
            query = query.where(tuple_(*key) < tuple_(literal(after[0], Moment), literal(after[1]), literal(after[2])))
        return await self._found(query.order_by(*(part.desc() for part in key)).limit(limit))
