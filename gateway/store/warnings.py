"""Warnings of ends that draw near: one row per end, with the most urgent warning of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import literal, select, tuple_

from gateway.route.task import EndingKind, EndWarning
from gateway.store.column_type import Moment
from gateway.store.connection import StoreConnection, readable
from gateway.store.schema import end_warnings


class SqlWarningStore:
    """Warnings inside one transaction."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection

    async def raised(self, warning: EndWarning) -> bool:
        """Put a warning in the place of a less urgent one of the same end; False when it was raised before."""
        values = {
            "kind": warning.kind.value,
            "item_id": warning.item_id,
            "ends_at": warning.ends_at,
            "days": warning.days,
            "raised_at": warning.raised_at,
        }
        insert = self._connection.insert(end_warnings).values(values)
        upsert = insert.on_conflict_do_update(
            index_elements=["kind", "item_id", "ends_at"],
            set_={"days": warning.days, "raised_at": warning.raised_at},
            where=end_warnings.c.days > warning.days,
        )
        return await self._connection.row(upsert.returning(end_warnings.c.days)) is not None

    async def list(self, since: datetime, after: tuple[datetime, str, str] | None, limit: int) -> list[EndWarning]:
        """Return warnings of ends at or after a time, by (ends_at, kind, item_id), strictly after `after`."""
        table = end_warnings.c
        key = tuple_(table.ends_at, table.kind, table.item_id)
        query = select(end_warnings).where(table.ends_at >= since)
        if after is not None:
            query = query.where(key > tuple_(literal(after[0], Moment), literal(after[1]), literal(after[2])))
        query = query.order_by(table.ends_at, table.kind, table.item_id).limit(limit)
        found = await self._connection.rows(query)
        with readable():
            return [
                EndWarning(EndingKind(row.kind), row.item_id, row.ends_at, row.days, row.raised_at) for row in found
            ]
