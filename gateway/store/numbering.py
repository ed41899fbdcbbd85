"""Entries of a transaction that wait for their numbers in the log, and how they get them.

The counter's row is locked from here to the commit. On PostgreSQL a few entries get their numbers and their rows in
one statement, because that is what every small transaction ends with; many are copied, column by column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any

from gateway.errors import StateError
from gateway.store.connection import FEW, StoreConnection
from gateway.store.counters import Counter, take_numbers, taking
from gateway.store.schema import audit_entries, audit_payloads

# Put together of our own names; values are parameters.
_NUMBER_FEW = f"""
WITH taken AS (
    {taking(Counter.PENDING)}
), entries AS (
    INSERT INTO audit_entries (entry, leaf)
    SELECT taken.value + new.place, new.leaf FROM taken, unnest(%s::bigint[], %s::bytea[]) AS new (place, leaf)
), payloads AS (
    INSERT INTO audit_payloads (entry, subject_ref, type, key, payload)
    SELECT taken.value + new.place, new.subject_ref, new.type, new.key, new.payload
    FROM taken, unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::bytea[])
        AS new (place, subject_ref, type, key, payload)
)
SELECT value FROM taken
"""  # nosec B608


@dataclass(slots=True)
class Unnumbered:
    """Entries without numbers, in order, as columns of one length.

    Attributes:
        leaves: log entries.
        subject_refs: whose salts they commit under.
        types: leaf types.
        keys: ids by which they are found.
        payloads: what opens them; None for a consent event, whose record does.
    """

    leaves: list[bytes] = field(default_factory=list)
    subject_refs: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    payloads: list[bytes | None] = field(default_factory=list)

    async def insert(self, connection: StoreConnection) -> range:
        """Give them the log's next numbers and insert them; no other transaction gets a number before the commit.

        Returns:
            The numbers.

        Raises:
            StateError: LOG_INCONSISTENT without the counter.
        """
        count = len(self.leaves)
        if connection.postgresql and count <= FEW:
            return await self._insert_few(connection)
        numbers = await take_numbers(connection, Counter.PENDING, count)
        await connection.insert_columns(audit_entries, {"entry": numbers, "leaf": self.leaves})
        await connection.insert_columns(audit_payloads, self._kept("entry", numbers))
        return numbers

    async def _insert_few(self, connection: StoreConnection) -> range:
        count = len(self.leaves)
        places = range(-count, 0)  # from the counter's new value
        kept = self._kept("place", places).values()
        stop = await connection.first_value(_NUMBER_FEW, [count, places, self.leaves, *kept])
        if stop is None:
            raise StateError("LOG_INCONSISTENT", "the store lost one of its counters; restore a backup")
        return range(stop - count, stop)

    def _kept(self, name: str, numbers: Sequence[int]) -> dict[str, Sequence[Any]]:
        """Return the columns of the payloads that are kept apart, their numbers under a name."""
        apart = [payload is not None for payload in self.payloads]
        columns = {
            name: numbers,
            "subject_ref": self.subject_refs,
            "type": self.types,
            "key": self.keys,
            "payload": self.payloads,
        }
        return {name: list(compress(column, apart)) for name, column in columns.items()}

    def acts(self, numbers: Sequence[int]) -> dict[str, int]:
        """Return {event id: number} of the consent events."""
        columns = zip(self.keys, numbers, self.payloads, strict=True)
        return {key: number for key, number, payload in columns if payload is None}
