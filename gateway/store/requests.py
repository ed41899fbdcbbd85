"""Rights requests."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import literal, select, tuple_, update

from consent.request import Requester, RequestKind, RequestState, RightsRequest
from gateway.errors import StateError
from gateway.store.column_type import Moment
from gateway.store.connection import AnyRow, StoreConnection, readable
from gateway.store.schema import UNDONE, rights_requests


class SqlRequestStore:
    """Rights requests inside one transaction."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection

    async def create(self, request: RightsRequest) -> RightsRequest:
        """Insert a request; the same id again returns the stored one."""
        values = {
            "request_id": request.id,
            "subject_ref": request.subject,
            "kind": request.kind.value,
            "requester": request.requester.value,
            "channel": request.channel,
            "purpose": request.purpose,
            "recipient": request.recipient,
            "categories": list(request.categories),
            "received_at": request.received_at,
            "due_at": request.due_at,
            **_standing(request),
        }
        await self._connection.execute(self._connection.insert(rights_requests).values(values).on_conflict_do_nothing())
        return await self.get(request.id)

    async def get(self, request_id: str) -> RightsRequest:
        """Return a request, locked in a writing transaction.

        Raises:
            StateError: NOT_FOUND.
        """
        query = select(rights_requests).where(rights_requests.c.request_id == request_id)
        row = await self._connection.row(query.with_for_update() if self._connection.writable else query)
        if row is None:
            raise StateError("NOT_FOUND", "there is no such request; list them to see which there are")
        return _request(row)

    async def update(self, request: RightsRequest) -> None:
        """Store state, reason and times."""
        change = update(rights_requests).where(rights_requests.c.request_id == request.id)
        await self._connection.execute(change.values(_standing(request)))

    async def corrected(self, since: datetime) -> dict[str, RightsRequest]:
        """Return by person the last correction that was carried out after a time."""
        table = rights_requests.c
        carried_out = (table.state == RequestState.DONE.value, table.reason == "", table.done_at > since)
        query = select(rights_requests).where(table.kind == RequestKind.CORRECTION.value, *carried_out)
        found = await self._connection.rows(query.order_by(table.done_at, table.request_id))
        return {row.subject_ref: _request(row) for row in found}

    async def list(self, open_only: bool, after: tuple[datetime, str] | None, limit: int) -> list[RightsRequest]:
        """Return requests by due time, strictly after (due_at, id)."""
        table = rights_requests.c
        query = select(rights_requests)
        if open_only:
            query = query.where(UNDONE)
        if after is not None:
            key = tuple_(table.due_at, table.request_id)
            query = query.where(key > tuple_(literal(after[0], Moment), literal(after[1])))
        query = query.order_by(table.due_at, table.request_id).limit(limit)
        return [_request(row) for row in await self._connection.rows(query)]


def _standing(request: RightsRequest) -> dict[str, Any]:
    return {
        "state": request.state.value,
        "reason": request.reason,
        "verified_at": request.verified_at,
        "decided_at": request.decided_at,
        "done_at": request.done_at,
    }


def _request(row: AnyRow) -> RightsRequest:
    with readable():
        return RightsRequest(
            id=row.request_id,
            subject=row.subject_ref,
            kind=RequestKind(row.kind),
            requester=Requester(row.requester),
            channel=row.channel,
            purpose=row.purpose,
            recipient=row.recipient,
            categories=tuple(row.categories),
            state=RequestState(row.state),
            reason=row.reason,
            received_at=row.received_at,
            due_at=row.due_at,
            verified_at=row.verified_at,
            decided_at=row.decided_at,
            done_at=row.done_at,
        )
