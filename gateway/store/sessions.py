"""Protocol sessions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import and_, case, or_, select, update

from gateway.errors import StateError
from gateway.route.job import Side
from gateway.route.session import Session, SessionState
from gateway.store import rows
from gateway.store.connection import StoreConnection
from gateway.store.schema import sessions

_FINAL = sorted(state.value for state in SessionState if state.final)


class SqlSessionStore:
    """Sessions inside one transaction."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection

    async def create(self, session: Session) -> None:
        """Insert a session.

        Raises:
            StateError: REVISION_CONFLICT when its id, or its partner's nonce on this side, is there already.
        """
        insert = self._connection.insert(sessions).values(rows.session_values(session)).on_conflict_do_nothing()
        if await self._connection.row(insert.returning(sessions.c.session_id)) is None:
            raise StateError("REVISION_CONFLICT", "this session is open already; read it and go on from there")

    async def get(self, session_id: str) -> Session:
        """Return a session.

        Raises:
            StateError: NOT_FOUND.
        """
        row = await self._connection.row(select(sessions).where(sessions.c.session_id == session_id))
        if row is None:
            raise StateError("NOT_FOUND", "there is no such session here; open a new one")
        return rows.session(row)

    async def by_nonce(self, partner: str, nonce: bytes) -> Session | None:
        """Return the session that a partner, as receiver, opened with its nonce.

        Our own session with that partner never answers, even if the partner sends our nonce back to us.
        """
        table = sessions.c
        query = select(sessions).where(table.side == Side.SENDER.value, table.partner == partner, table.nonce == nonce)
        row = await self._connection.row(query)
        return None if row is None else rows.session(row)

    async def overdue(self, now: datetime, opened_before: datetime, limit: int) -> list[Session]:
        """Return unfinished sessions past their life, and those that a partner opened so long ago and left open."""
        table = sessions.c
        left_open = and_(
            table.side == Side.SENDER.value,
            table.state == SessionState.OPEN.value,
            table.opened_at <= opened_before,
        )
        overdue = and_(table.state.not_in(_FINAL), or_(table.expires_at <= now, left_open))
        query = select(sessions).where(overdue).order_by(table.session_id).limit(limit)
        return [rows.session(row) for row in await self._connection.rows(query)]

    async def update(self, session_id: str, changes: Mapping[str, object]) -> Session:
        """Change fields. A final state stays, and requested_stage only grows.

        Raises:
            StateError: NOT_FOUND; REVISION_CONFLICT when a final state would become another.
            Misuse: for a field that an update may not change.
        """
        table = sessions.c
        values = rows.changed_values("session", changes, rows.SESSION_CHANGES)
        condition = table.session_id == session_id
        if "state" in values:
            condition &= or_(table.state.not_in(_FINAL), table.state == values["state"])
        if "requested_stage" in values:
            asked = values["requested_stage"]
            values["requested_stage"] = case((table.requested_stage > asked, table.requested_stage), else_=asked)
        change = update(sessions).where(condition).values(values | {"revision": table.revision + 1})
        row = await self._connection.row(change.returning(sessions))
        if row is None:
            stored = await self.get(session_id)
            raise StateError("REVISION_CONFLICT", f"the session is {stored.state.value} and stays so")
        return rows.session(row)
