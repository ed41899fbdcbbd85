"""Rows of the projection that were made before they said a plain no."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, bindparam, not_, or_, select, update

from consent.projection import ProjectionRow
from gateway.store.connection import StoreConnection
from gateway.store.rows import use_key
from gateway.store.schema import consent_projection
from gateway.store.uses import numbered

_COLUMNS = consent_projection.c


class SqlProjectionStore:
    """The projection inside one transaction."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection

    async def unsettled(self, after: str, limit: int) -> list[str]:
        """Return people of whom a row might say a plain no and says none, ascending, strictly after a reference."""
        # A plain row without an end allows for good: it is open as it should be.
        silent = and_(_COLUMNS.closed_from.is_(None), or_(not_(_COLUMNS.plain), _COLUMNS.valid_until.is_not(None)))
        query = select(_COLUMNS.subject_ref).where(_COLUMNS.subject_ref > after, silent).distinct()
        return [ref for (ref,) in await self._connection.rows(query.order_by(_COLUMNS.subject_ref).limit(limit))]

    async def settle(self, rows: Sequence[ProjectionRow]) -> int:
        """Write into stored rows since when they are closed; returns how many were written."""
        closed = [row for row in rows if row.closed_from is not None]
        if not closed:
            return 0
        numbers = await numbered(self._connection, closed)
        change = update(consent_projection).where(
            _COLUMNS.use_id == bindparam("use"), _COLUMNS.subject_ref == bindparam("person")
        )
        values = [
            {"use": numbers[use_key(row)], "person": row.subject, "closed_from": row.closed_from} for row in closed
        ]
        await self._connection.execute(change, values)
        return len(closed)
