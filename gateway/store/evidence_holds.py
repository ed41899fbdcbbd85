"""Evidence holds, and what goes into one."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Text, delete, select, type_coerce

from gateway.errors import StateError
from gateway.route.evidence_hold import EvidenceHold, Openings
from gateway.store.audit import SqlAuditStore
from gateway.store.connection import AnyRow, StoreConnection
from gateway.store.schema import audit_entries, audit_payloads, consent_events, subject_salts
from gateway.store.schema_evidence import evidence_holds

_HOLD = evidence_holds.c
_PAGE = 500  # entries per query


class SqlEvidenceStore:
    """Evidence holds inside one transaction."""

    def __init__(self, connection: StoreConnection, log: SqlAuditStore) -> None:
        self._connection = connection
        self._log = log

    async def openings(self, subject_ref: str) -> Openings:
        """Return what opens a person's entries.

        Locking the salt waits for those who write about the person, as destroying it will, so that an erasure in the
        same transaction destroys just this.
        """
        await self._log.flush()
        salts = select(subject_salts.c.salt).where(subject_salts.c.subject_ref == subject_ref).with_for_update()
        salt: bytes | None = await self._connection.scalar(salts)
        apart = select(audit_payloads.c.entry, audit_payloads.c.payload)
        found = {
            row.entry: bytes(row.payload)
            for row in await self._connection.rows(apart.where(audit_payloads.c.subject_ref == subject_ref))
        }
        acts = select(consent_events.c.entry, type_coerce(consent_events.c.body, Text).label("record"))
        acts = acts.where(consent_events.c.subject_ref == subject_ref, consent_events.c.entry.is_not(None))
        found |= {row.entry: row.record.encode() for row in await self._connection.rows(acts)}
        return Openings(salt, tuple(sorted(found.items())))

    async def leaves(self, entries: Collection[int]) -> dict[int, bytes]:
        """Return entries of the log, {entry: leaf}."""
        wanted = sorted(entries)
        found: dict[int, bytes] = {}
        table = audit_entries.c
        for at in range(0, len(wanted), _PAGE):
            query = select(table.entry, table.leaf).where(table.entry.in_(wanted[at : at + _PAGE]))
            found |= {row.entry: bytes(row.leaf) for row in await self._connection.rows(query)}
        return found

    async def put(self, hold: EvidenceHold) -> None:
        """Insert a hold."""
        values = {
            "hold_id": hold.hold_id,
            "name": hold.name,
            "request_id": hold.request_id,
            "held_at": hold.held_at,
            "keep_until": hold.keep_until,
            "officers": list(hold.officers),
            "entries": hold.entries,
            "sealed": hold.sealed,
        }
        await self._connection.execute(self._connection.insert(evidence_holds).values(values))

    async def get(self, hold_id: str) -> EvidenceHold:
        """Return a hold.

        Raises:
            StateError: NOT_FOUND.
        """
        row = await self._connection.row(select(evidence_holds).where(_HOLD.hold_id == hold_id))
        if row is None:
            raise StateError("NOT_FOUND", "there is no such evidence hold; what was kept long enough is destroyed")
        return _hold(row)

    async def over(self, now: datetime, limit: int) -> list[EvidenceHold]:
        """Return holds that are to be destroyed, the oldest first."""
        query = select(evidence_holds).where(_HOLD.keep_until <= now).order_by(_HOLD.keep_until).limit(limit)
        return [_hold(row) for row in await self._connection.rows(query)]

    async def destroy(self, hold_id: str) -> bool:
        """Delete a hold; on SQLite its place is overwritten, on PostgreSQL reused after the next VACUUM."""
        gone = await self._connection.execute(delete(evidence_holds).where(_HOLD.hold_id == hold_id))
        self._log.erased = True
        return gone.rowcount == 1

    async def list(self, after: str, limit: int) -> list[EvidenceHold]:
        """Return holds by id, behind one."""
        query = select(evidence_holds).where(_HOLD.hold_id > after).order_by(_HOLD.hold_id).limit(limit)
        return [_hold(row) for row in await self._connection.rows(query)]


def _hold(row: AnyRow) -> EvidenceHold:
    return EvidenceHold(
        hold_id=row.hold_id,
        name=row.name,
        request_id=row.request_id,
        held_at=row.held_at,
        keep_until=row.keep_until,
        officers=tuple(row.officers),
        entries=row.entries,
        sealed=bytes(row.sealed),
    )
