"""Logs begun anew over the entries that were there."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import delete, literal, select

from gateway.route.witness import Epoch
from gateway.store.connection import AnyRow, StoreConnection
from gateway.store.counters import Counter, lock_counter, read_counter, set_counter
from gateway.store.schema import audit_checkpoints, audit_tiles
from gateway.store.schema_witness import audit_epochs, audit_past_checkpoints


class SqlEpochStore:
    """Epochs inside one transaction."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection

    async def get(self, origin: str) -> Epoch | None:
        """Return how a log of this origin was begun; None for the first."""
        row = await self._connection.row(select(audit_epochs).where(audit_epochs.c.origin == origin))
        return None if row is None else _epoch(row)

    async def newest(self) -> Epoch | None:
        """Return the log that was begun last."""
        table = audit_epochs.c
        row = await self._connection.row(select(audit_epochs).order_by(table.began_at.desc(), table.size.desc()))
        return None if row is None else _epoch(row)

    async def begin(self, epoch: Epoch) -> None:
        """Begin a log: tree and tiles stay, checkpoints of the old log are put aside."""
        await self._connection.execute(self._connection.insert(audit_epochs).values(asdict(epoch)))
        old = audit_checkpoints.c
        columns = ["before", "size", "root", "note", "at"]
        aside = select(literal(epoch.origin).label("before"), old.size, old.root, old.note, old.at)
        await self._connection.execute(self._connection.insert(audit_past_checkpoints).from_select(columns, aside))
        await self._connection.execute(delete(audit_checkpoints))

    async def take_apart(self) -> int:
        """Drop all tiles, so that every entry is pending again; return how many there must be."""
        await lock_counter(self._connection, Counter.SIZE)
        await self._connection.execute(delete(audit_tiles))
        await set_counter(self._connection, Counter.SIZE, 0)
        return await read_counter(self._connection, Counter.PENDING)


def _epoch(row: AnyRow) -> Epoch:
    return Epoch(row.origin, row.size, row.root, row.began_at)
