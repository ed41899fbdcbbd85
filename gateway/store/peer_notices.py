"""Notices to and from partners, with their acknowledgements."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, literal, select, tuple_, update

from gateway.route.notice import NoticeKind, StoredNotice
from gateway.store import rows
from gateway.store.column_type import Moment
from gateway.store.connection import StoreConnection
from gateway.store.schema import WAITING, peer_notices


class SqlPeerNoticeStore:
    """Notices inside one transaction."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection

    async def put(self, notice: StoredNotice) -> bool:
        """Insert a notice; False when it is there already."""
        values = asdict(notice) | {"kind": notice.kind.value}
        insert = self._connection.insert(peer_notices).values(values).on_conflict_do_nothing()
        return await self._connection.row(insert.returning(peer_notices.c.notice_id)) is not None

    async def get(self, partner: str, ours: bool, notice_id: str) -> StoredNotice | None:
        """Return a notice, or None."""
        row = await self._connection.row(select(peer_notices).where(_named(partner, ours, notice_id)))
        return None if row is None else rows.stored_notice(row)

    async def waiting(self, partner: str, limit: int, after: tuple[datetime, str] | None = None) -> list[StoredNotice]:
        """Return ours to a partner that it has not acknowledged, oldest first, behind (made_at, notice_id)."""
        table = peer_notices.c
        query = select(peer_notices).where(WAITING, table.partner == partner, table.ours.is_(True))
        if after is not None:
            key = tuple_(table.made_at, table.notice_id)
            query = query.where(key > tuple_(literal(after[0], Moment), literal(after[1])))
        return await self._found(query.order_by(table.made_at, table.notice_id).limit(limit))

    async def acknowledge(
        self, partner: str, ours: bool, notice_id: str, record: bytes, signature: bytes, at: datetime
    ) -> bool:
        """Store the acknowledgement; False when one is there already, which stands."""
        values = {"done_at": at, "acknowledgement": record, "acknowledgement_signature": signature}
        change = update(peer_notices).where(WAITING, _named(partner, ours, notice_id)).values(values)
        return await self._connection.row(change.returning(peer_notices.c.notice_id)) is not None

    async def of_run(self, session_id: str, kind: NoticeKind | None = None) -> list[StoredNotice]:
        """Return the notices of a run, oldest first."""
        table = peer_notices.c
        query = select(peer_notices).where(table.session_id == session_id)
        if kind is not None:
            query = query.where(table.kind == kind.value)
        return await self._found(query.order_by(table.made_at, table.notice_id))

    async def _found(self, query: Select[*tuple[Any, ...]]) -> list[StoredNotice]:
        return [rows.stored_notice(row) for row in await self._connection.rows(query)]

    async def list(self, after: tuple[datetime, str] | None = None, limit: int = 100) -> list[StoredNotice]:
        """Return all notices, newest first, strictly after the (made_at, notice_id) given."""
        key = (peer_notices.c.made_at, peer_notices.c.notice_id)
        query = select(peer_notices)
        if after is not None:
            query = query.where(tuple_(*key) < tuple_(literal(after[0], Moment), literal(after[1])))
        return await self._found(query.order_by(*(part.desc() for part in key)).limit(limit))


def _named(partner: str, ours: bool, notice_id: str) -> ColumnElement[bool]:
    table = peer_notices.c
    return and_(table.partner == partner, table.ours.is_(ours), table.notice_id == notice_id)
