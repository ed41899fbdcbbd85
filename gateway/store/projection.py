"""Rows of the projection that were made before they said a plain no, each of one use."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, bindparam, not_, or_, select, tuple_, update

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

    async def unsettled(self, after: tuple[int, str], limit: int) -> list[tuple[int, str]]:
        """Return rows that might say a plain no and say none: (use number, person) ascending, strictly after one."""
        # A plain row without an end allows for good: it is open as it should be.
        silent = and_(_COLUMNS.closed_from.is_(None), or_(not_(_COLUMNS.plain), _COLUMNS.valid_until.is_not(None)))
        key = (_COLUMNS.use_id, _COLUMNS.subject_ref)
        query = select(*key).where(tuple_(*key) > after, silent).order_by(*key).limit(limit)
        return [(use, ref) for use, ref in await self._connection.rows(query)]

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
