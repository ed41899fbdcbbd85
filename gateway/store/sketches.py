"""Sketches of the inputs of earlier runs: appended, and purged when no run looks at them any more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, func, literal, select, tuple_

from gateway.flow.ports.store import InputSketch
from gateway.route.job import Side
from gateway.store.connection import StoreConnection
from gateway.store.schema import input_sketches


class SqlSketchStore:
    """Sketches inside one transaction."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection

    async def put(self, entries: Sequence[InputSketch]) -> None:
        """Insert sketches; the first of a job and segment stands."""
        rows = [
            {
                "job_id": entry.job_id,
                "segment": entry.segment,
                "partner": entry.partner,
                "dataset": entry.dataset,
                "side": entry.side.value,
                "rows": entry.rows,
                "sketch": entry.sketch,
                "at": entry.at,
            }
            for entry in entries
        ]
        await self._connection.insert_rows(input_sketches, rows, skip_known=True)

    async def kept(self, job_id: str) -> frozenset[str]:
        """Return the segments that were put for a job."""
        table = input_sketches.c
        found = await self._connection.rows(select(table.segment).where(table.job_id == job_id))
        return frozenset(row.segment for row in found)

    async def count(self, partner: str, side: Side, since: datetime, excluding: str) -> int:
        """Count the sketches at or after `since`, without those of one job."""
        query = select(func.count()).select_from(input_sketches).where(_among(partner, side, since, excluding))
        return int(await self._connection.scalar(query))

    async def earlier(
        self,
        partner: str,
        side: Side,
        since: datetime,
        excluding: str,
        rows: tuple[int, int],
        after: tuple[str, str] = ("", ""),
        limit: int = 1000,
    ) -> list[InputSketch]:
        """Return what `count` counts, as far as it has so many rows, ordered by (job id, segment), after `after`."""
        table, (job_id, segment) = input_sketches.c, after
        key = tuple_(table.job_id, table.segment)
        query = (
            select(input_sketches)
            .where(_among(partner, side, since, excluding), table.rows.between(*rows))
            .where(key > tuple_(literal(job_id), literal(segment)))
            .order_by(table.job_id, table.segment)
            .limit(limit)
        )
        return [
            InputSketch(row.job_id, row.partner, row.dataset, side, row.segment, row.rows, row.sketch, row.at)
            for row in await self._connection.rows(query)
        ]

    async def partners(self) -> list[str]:
        """Return the partners towards whom sketches are kept."""
        query = select(input_sketches.c.partner).distinct().order_by(input_sketches.c.partner)
        return [row.partner for row in await self._connection.rows(query)]

    async def purge(self, partner: str, before: datetime) -> int:
        """Destroy a partner's sketches older than a time; return how many."""
        table = input_sketches.c
        gone = await self._connection.execute(delete(input_sketches).where(table.partner == partner, table.at < before))
        return gone.rowcount


def _among(partner: str, side: Side, since: datetime, excluding: str) -> ColumnElement[bool]:
    table = input_sketches.c
    return and_(table.partner == partner, table.side == side.value, table.at >= since, table.job_id != excluding)
