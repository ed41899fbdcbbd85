"""The index of the enrichment ledger: one row per released or sent run."""

from __future__ import annotations

from datetime import datetime

from gateway.store.connection import StoreConnection
from gateway.store.schema import runs


class SqlRunStore:
    """Runs inside one transaction."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection

    async def put(
        self,
        job_id: str,
        session_id: str,
        agreement_id: str,
        released_at: datetime,
        expires_at: datetime | None,
        rows: int,
    ) -> None:
        """Record a release or a sending; a job's first record stands."""
        values = {
            "job_id": job_id,
            "session_id": session_id,
            "agreement_id": agreement_id,
            "released_at": released_at,
            "expires_at": expires_at,
            "rows": rows,
        }
        await self._connection.execute(self._connection.insert(runs).values(values).on_conflict_do_nothing())
