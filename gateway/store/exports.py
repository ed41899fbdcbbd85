"""Who was exported in a year: a row per person, and counts that only grow."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, tuple_

from consent.mechanism import Exported
from gateway.flow.ports.people import ExportCount
from gateway.route.subject_ref import Bytes, as_texts
from gateway.store.connection import StoreConnection
from gateway.store.counters import Counter, lock_counter
from gateway.store.schema_limits import export_counts, exported_people

WHOLE_HOUSE = ""
_COUNTS = export_counts.c


class SqlExportStore:
    """The counters inside one transaction."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection

    async def add(self, year: int, recipient: str, people: Bytes, at: datetime, *, sensitive: bool) -> None:
        """Count people as exported to a recipient, and by the house; who was counted before is not counted again."""
        if not len(people):
            return
        await lock_counter(self._connection, Counter.EXPORTS)
        refs: list[str] = as_texts(people).to_pylist()
        count = len(refs)
        for counted_for in (WHOLE_HOUSE, recipient):
            for kind in (False, True) if sensitive else (False,):
                columns: dict[str, Sequence[Any]] = {
                    "year": [year] * count,
                    "recipient": [counted_for] * count,
                    "sensitive": [int(kind)] * count,
                    "subject_ref": refs,
                }
                new = await self._connection.insert_columns(exported_people, columns, "DO NOTHING")
                if new:
                    before = await self._people(year, counted_for, kind)
                    row = {"year": year, "recipient": counted_for, "sensitive": kind, "people": before + new, "at": at}
                    await self._connection.insert_rows(export_counts, [row])

    async def exported(self, year: int, recipient: str, as_known_at: datetime) -> Exported:
        """Return how many were counted by a time; recipient "" is the whole house."""
        return Exported(
            await self._people(year, recipient, False, as_known_at),
            await self._people(year, recipient, True, as_known_at),
        )

    async def list(self, year: int, after: tuple[str, bool] | None = None, limit: int = 1000) -> list[ExportCount]:
        """Return the counts of a year as they stand, ordered by (recipient, sensitive), strictly after `after`."""
        key = (_COUNTS.recipient, _COUNTS.sensitive)
        query = select(*key, func.max(_COUNTS.people), func.max(_COUNTS.at, type_=_COUNTS.at.type))
        query = query.where(_COUNTS.year == year)
        if after is not None:
            query = query.where(tuple_(*key) > after)
        rows = await self._connection.rows(query.group_by(*key).order_by(*key).limit(limit))
        return [ExportCount(year, recipient, bool(sensitive), people, at) for recipient, sensitive, people, at in rows]

    async def forget(self, subject_ref: str) -> None:
        """Destroy the rows of a person; what was counted stays counted.

        Looked up counter by counter, of which there are few: the table holds everybody who ever went abroad, and an
        index by person would cost each export for the sake of the rare erasure.
        """
        table = exported_people.c
        counters = select(_COUNTS.year, _COUNTS.recipient, _COUNTS.sensitive).distinct()
        for year, recipient, sensitive in await self._connection.rows(counters):
            counter = (table.year == year, table.recipient == recipient, table.sensitive == sensitive)
            await self._connection.execute(delete(exported_people).where(*counter, table.subject_ref == subject_ref))

    async def _people(self, year: int, recipient: str, sensitive: bool, by: datetime | None = None) -> int:
        query = select(func.max(_COUNTS.people)).where(
            _COUNTS.year == year, _COUNTS.recipient == recipient, _COUNTS.sensitive == sensitive
        )
        if by is not None:
            query = query.where(_COUNTS.at <= by)
        return int(await self._connection.scalar(query) or 0)
