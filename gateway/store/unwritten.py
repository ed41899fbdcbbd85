"""Consent events of a transaction that wait until the log has numbered them: their rows say where in the log they are.

So an event is stored once. Its record is what the log's leaf commits to, and what opens the leaf again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.errors import Misuse
from gateway.store.connection import StoreConnection
from gateway.store.schema import consent_events


class UnwrittenEvents:
    """Rows of `consent_events` that come with the next flush."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection
        self._parts: list[Mapping[str, Sequence[Any]]] = []

    def add(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Let rows wait, as columns without `entry`."""
        if columns["event_id"]:
            self._parts.append(columns)

    async def flush(self, entries: Mapping[str, int] | None = None) -> None:
        """Write what waits.

        Args:
            entries: numbers of log entries by event id; of events that were written before this, too.

        Raises:
            StateError: REVISION_CONFLICT when an event id exists already.
            Misuse: when one of `entries` is about an event that is not on file.
        """
        parts, self._parts = self._parts, []
        rest = dict(entries or {})
        for columns in parts:
            numbers = [rest.pop(event_id, None) for event_id in columns["event_id"]]
            numbered = columns if all(number is None for number in numbers) else {**columns, "entry": numbers}
            await self._connection.insert_columns(consent_events, numbered)
        if rest:
            await self._number(rest)

    async def _number(self, entries: Mapping[str, int]) -> None:
        columns: dict[str, Sequence[Any]] = {"event_id": list(entries), "entry": list(entries.values())}
        if await self._connection.update_columns(consent_events, "event_id", columns) != len(entries):
            raise Misuse("the log has an entry about a consent event that is not on file")
