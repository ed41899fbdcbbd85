"""Cosignatures over our checkpoints, the last checkpoints of others that we cosigned, and forks."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import delete, func, select, tuple_, update

from gateway.route.witness import ForkRecord, HeldCheckpoint, StoredCosignature
from gateway.store.connection import AnyRow, StoreConnection
from gateway.store.schema_witness import audit_cosignatures, log_forks, witnessed_logs


class SqlWitnessStore:
    """Witnesses inside one transaction."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection

    async def add_cosignature(self, cosignature: StoredCosignature) -> None:
        """Store a cosignature; one by the same witness over the same checkpoint replaces it."""
        values = asdict(cosignature)
        upsert = self._connection.insert(audit_cosignatures).values(values)
        keys = ["origin", "size", "witness"]
        await self._connection.execute(upsert.on_conflict_do_update(index_elements=keys, set_=values))

    async def cosignatures(self, origin: str, size: int) -> list[StoredCosignature]:
        """Return the cosignatures over one checkpoint, by witness."""
        table = audit_cosignatures.c
        query = select(audit_cosignatures).where(table.origin == origin, table.size == size).order_by(table.witness)
        return [_cosignature(row) for row in await self._connection.rows(query)]

    async def newest(self, origin: str) -> dict[str, StoredCosignature]:
        """Return every witness's newest cosignature."""
        table = audit_cosignatures.c
        last = select(table.witness, func.max(table.size)).where(table.origin == origin).group_by(table.witness)
        query = select(audit_cosignatures).where(table.origin == origin, tuple_(table.witness, table.size).in_(last))
        return {row.witness: _cosignature(row) for row in await self._connection.rows(query)}

    async def cosigned_sizes(self, origin: str, limit: int) -> list[int]:
        """Return the sizes of checkpoints with cosignatures, the largest first."""
        table = audit_cosignatures.c
        query = select(table.size).where(table.origin == origin).distinct().order_by(table.size.desc()).limit(limit)
        return [row.size for row in await self._connection.rows(query)]

    async def prune(self, origin: str, below: int) -> None:
        """Drop cosignatures over checkpoints below a size, but each witness's newest."""
        table = audit_cosignatures.c
        last = select(table.witness, func.max(table.size)).where(table.origin == origin).group_by(table.witness)
        old = delete(audit_cosignatures).where(table.origin == origin, table.size < below)
        await self._connection.execute(old.where(tuple_(table.witness, table.size).not_in(last)))

    async def held(self, origin: str) -> HeldCheckpoint | None:
        """Return the last checkpoint of a log that we cosigned."""
        row = await self._connection.row(select(witnessed_logs).where(witnessed_logs.c.origin == origin))
        return None if row is None else _held(row)

    async def list_held(self) -> list[HeldCheckpoint]:
        """Return the last checkpoints of all logs that we witness, by origin."""
        query = select(witnessed_logs).order_by(witnessed_logs.c.origin)
        return [_held(row) for row in await self._connection.rows(query)]

    async def advance(self, old_size: int | None, held: HeldCheckpoint) -> bool:
        """Replace the last checkpoint of a log if its size still is `old_size` (None: there is none); else False.

        One statement compares and writes, so that two requests at once cannot both be answered with yes.
        """
        values = asdict(held)
        table = witnessed_logs.c
        if old_size is None:
            insert = self._connection.insert(witnessed_logs).values(values).on_conflict_do_nothing()
            return await self._connection.row(insert.returning(table.size)) is not None
        change = update(witnessed_logs).where(table.origin == held.origin, table.size == old_size).values(values)
        return await self._connection.row(change.returning(table.size)) is not None

    async def add_fork(self, fork: ForkRecord) -> bool:
        """Store a fork; False when one at this size of this log is known."""
        insert = self._connection.insert(log_forks).values(asdict(fork)).on_conflict_do_nothing()
        return await self._connection.row(insert.returning(log_forks.c.size)) is not None

    async def forks(self) -> list[ForkRecord]:
        """Return all forks, the newest first."""
        table = log_forks.c
        query = select(log_forks).order_by(table.found_at.desc(), table.origin, table.size.desc())
        return [_fork(row) for row in await self._connection.rows(query)]


def _cosignature(row: AnyRow) -> StoredCosignature:
    return StoredCosignature(row.origin, row.size, row.witness, row.line, row.at)


def _held(row: AnyRow) -> HeldCheckpoint:
    return HeldCheckpoint(row.origin, row.party, row.size, row.root, row.note, row.at)


def _fork(row: AnyRow) -> ForkRecord:
    return ForkRecord(row.origin, row.party, row.size, row.held, row.shown, row.reason, row.found_at)
