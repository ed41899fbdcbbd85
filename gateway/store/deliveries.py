"""Deliveries of results to sinks, and the rows that had to go from there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, exists, literal, select, tuple_, update

from gateway.errors import StateError
from gateway.route.delivery import Delivery, DeliveryState
from gateway.route.job import Failure
from gateway.store.column_type import Moment
from gateway.store.connection import AnyRow, StoreConnection, readable
from gateway.store.fields import from_json
from gateway.store.schema import UNFINISHED, jobs, runs
from gateway.store.schema_schedules import OPEN, deliveries, sink_removals

_ALL = deliveries.c


class SqlDeliveryStore:
    """Deliveries inside one transaction."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection

    async def create(self, delivery: Delivery) -> Delivery:
        """Insert a delivery; the same id again returns the stored one.

        Raises:
            StateError: REVISION_CONFLICT when the id stands for another.
        """
        insert = self._connection.insert(deliveries).values(_values(delivery)).on_conflict_do_nothing()
        await self._connection.execute(insert)
        known = await self.get(delivery.delivery_id)
        if (known.sink, known.job_id) != (delivery.sink, delivery.job_id):
            raise StateError("REVISION_CONFLICT", "this request_id asked for something else before; use a new one")
        return known

    async def get(self, delivery_id: str) -> Delivery:
        """Return a delivery, locked in a writing transaction.

        Raises:
            StateError: NOT_FOUND.
        """
        query = select(deliveries).where(_ALL.delivery_id == delivery_id)
        row = await self._connection.row(query.with_for_update() if self._connection.writable else query)
        if row is None:
            raise StateError("NOT_FOUND", "there is no such delivery; list them to see which there are")
        return _delivery(row)

    async def waiting(self, spool_id: str, now: datetime, limit: int) -> list[Delivery]:
        """Return deliveries whose attempt has come and whose result lies in a spool, the oldest first."""
        query = _in_spool(spool_id).where(OPEN, _ALL.state == DeliveryState.WAITING.value, _ALL.not_before <= now)
        return await self._found(query.order_by(_ALL.created_at, _ALL.delivery_id).limit(limit))

    async def update(self, delivery: Delivery) -> None:
        """Store state, rows, attempt, failure and times."""
        values = _values(delivery)
        await self._connection.execute(
            update(deliveries).where(_ALL.delivery_id == values.pop("delivery_id")).values(values)
        )

    async def of_job(self, job_id: str) -> list[Delivery]:
        """Return the deliveries of a job of which something lies, or may come to lie, in a sink."""
        return await self._found(select(deliveries).where(OPEN, _ALL.job_id == job_id).order_by(_ALL.delivery_id))

    async def of_sink(self, sink: str) -> list[Delivery]:
        """Return what lies in a sink, or may come to lie there, locked in a writing transaction."""
        query = select(deliveries).where(OPEN, _ALL.sink == sink).order_by(_ALL.delivery_id)
        return await self._found(query.with_for_update() if self._connection.writable else query)

    async def over(self, now: datetime, spool_id: str) -> list[Delivery]:
        """Return deliveries that lie in sinks though the retention of their runs is over."""
        ended = runs.c.job_id == _ALL.job_id
        query = _in_spool(spool_id).join(runs, ended).where(OPEN, runs.c.expires_at <= now)
        return await self._found(query.order_by(_ALL.delivery_id))

    async def decide(self, delivery_ids: Sequence[str], subject_refs: Sequence[str]) -> None:
        """Note that the rows of these people must go from deliveries; what is noted stays."""
        rows = [
            {"delivery_id": delivery_id, "subject_ref": ref, "removed_at": None}
            for delivery_id in delivery_ids
            for ref in subject_refs
        ]
        await self._connection.insert_rows(sink_removals, rows, skip_known=True)

    async def undone(self, spool_id: str) -> list[Delivery]:
        """Return deliveries with rows that must go and are not gone, those on their way left out."""
        left = exists().where(sink_removals.c.delivery_id == _ALL.delivery_id, UNFINISHED)
        query = _in_spool(spool_id).where(_ALL.state != DeliveryState.WAITING.value, left)
        return await self._found(query.order_by(_ALL.sink, _ALL.delivery_id))

    async def pending(self, delivery_id: str, limit: int) -> list[str]:
        """Return whose rows must go from a delivery, in order."""
        table = sink_removals.c
        query = select(table.subject_ref).where(UNFINISHED, table.delivery_id == delivery_id)
        return [ref for (ref,) in await self._connection.rows(query.order_by(table.subject_ref).limit(limit))]

    async def removed(self, delivery_id: str, subject_refs: Sequence[str], at: datetime) -> list[str]:
        """Note that rows are gone; return for whom that was not noted before."""
        table = sink_removals.c
        those = table.subject_ref.in_(select(self._connection.listed(subject_refs).c.value))
        change = update(sink_removals).where(UNFINISHED, table.delivery_id == delivery_id, those).values(removed_at=at)
        return sorted(ref for (ref,) in await self._connection.rows(change.returning(table.subject_ref)))

    async def removals_of(self, subject_ref: str) -> list[tuple[Delivery, datetime | None]]:
        """Return out of which deliveries rows of a person had to go, and when they were gone."""
        table = sink_removals.c
        query = (
            select(deliveries, table.removed_at)
            .join(sink_removals, table.delivery_id == _ALL.delivery_id)
            .where(table.subject_ref == subject_ref)
            .order_by(_ALL.created_at, _ALL.delivery_id)
        )
        return [(_delivery(row), row.removed_at) for row in await self._connection.rows(query)]

    async def _found(self, query: Select[*tuple[Any, ...]]) -> list[Delivery]:
        return [_delivery(row) for row in await self._connection.rows(query)]

    async def list(self, sink: str, after: tuple[datetime, str] | None, limit: int) -> list[Delivery]:
        """Return deliveries, newest first.

        Args:
            sink: of one sink; "" of all.
            after: (created_at, delivery_id) of the page before, outside.
            limit: most deliveries.
        """
        key = tuple_(_ALL.created_at, _ALL.delivery_id)
        query = select(deliveries)
        if sink:
            query = query.where(_ALL.sink == sink)
        if after is not None:
            query = query.where(key < tuple_(literal(after[0], Moment), literal(after[1])))
        return await self._found(query.order_by(_ALL.created_at.desc(), _ALL.delivery_id.desc()).limit(limit))


def _in_spool(spool_id: str) -> Select[*tuple[Any, ...]]:
    return select(deliveries).join(jobs, and_(jobs.c.job_id == _ALL.job_id, jobs.c.spool_id == spool_id))


def _values(delivery: Delivery) -> dict[str, Any]:
    failure = None if delivery.failure is None else asdict(delivery.failure)
    return asdict(delivery) | {"state": delivery.state.value, "failure": failure}


def _delivery(row: AnyRow) -> Delivery:
    with readable():
        return Delivery(
            delivery_id=row.delivery_id,
            sink=row.sink,
            job_id=row.job_id,
            state=DeliveryState(row.state),
            rows=row.rows,
            attempt=row.attempt,
            retries=row.retries,
            backoff_s=row.backoff_s,
            not_before=row.not_before,
            failure=None if row.failure is None else from_json(Failure, row.failure),
            requested_by=row.requested_by,
            created_at=row.created_at,
            delivered_at=row.delivered_at,
            ended_at=row.ended_at,
        )
