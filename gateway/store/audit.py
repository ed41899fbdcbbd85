"""The log: entries in the order of their commits, tiles, checkpoints, and what opens an entry.

An entry gets its number under a locked counter in the last statements of its
transaction: whoever commits first has the lower number, and a rollback leaves no
gap. The number is the index that the entry will have in the tree; it is in the
tree once the counter of integrated entries has passed it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Text, and_, delete, func, select, type_coerce, update

from gateway.errors import HostileInput, Misuse, StateError
from gateway.flow.ports.store import TileWrite
from gateway.route.audit import AuditEvent, EntryFilter, IntegratedEntry, PendingEntry
from gateway.route.canonical import quoted
from gateway.store import rows
from gateway.store.connection import StoreConnection
from gateway.store.counters import Counter, lock_counter, read_counter, set_counter
from gateway.store.numbering import Unnumbered
from gateway.store.salts import LOG_ITSELF, destroy_salt, salts_of
from gateway.store.schema import (
    audit_checkpoints,
    audit_entries,
    audit_payloads,
    consent_events,
    subject_salts,
)
from gateway.store.tiles import SqlTiles
from gateway.store.unwritten import UnwrittenEvents
from gateway.tlog.leaf import LeafType, make_leaf, make_leaves, parse_leaf

PAGE = 1024  # entries per query of `entries`

# The field by which an entry is found again, the first that its payload has.
_KEY_FIELDS = ("event_id", "session_id", "session", "job", "agreement", "notice", "id")
_JOB_KEY_FIELDS = ("job", "session")

# Made once: what every proof asks takes longer to put together than to answer.
_NEWEST_CHECKPOINT = (
    select(audit_checkpoints.c.size, audit_checkpoints.c.root, audit_checkpoints.c.note)
    .order_by(audit_checkpoints.c.size.desc())
    .limit(1)
)
_NUMBERED = select(audit_entries.c.entry, audit_entries.c.leaf).order_by(audit_entries.c.entry)


class SqlAuditStore:
    """The log inside one transaction.

    Args:
        connection: of the transaction.
        events: consent events that wait for the numbers of their entries.
    """

    def __init__(self, connection: StoreConnection, events: UnwrittenEvents) -> None:
        self._connection = connection
        self._events = events
        self._tiles = SqlTiles(connection)
        self._queue = Unnumbered()
        self.erased = False

    async def append(self, events: Sequence[AuditEvent]) -> None:
        """Make the leaves, creating missing salts, and queue them in order; they are numbered at the commit.

        Raises:
            RequestError: BAD_FIELD when a payload has no canonical form.
            Misuse: for an unknown type, a long payload, or in a transaction for reading.
        """
        self._connection.check_writable()
        if not events:
            return
        salts = await salts_of(self._connection, (event.subject_ref for event in events))
        for event in events:
            leaf = make_leaf(event.type, event.time, event.payload, salts[event.subject_ref])
            self._queue.leaves.append(leaf.bytes)
            self._queue.subject_refs.append(event.subject_ref)
            self._queue.types.append(str(event.type))
            self._queue.keys.append(_key(event.type, event.payload))
            self._queue.payloads.append(leaf.payload_bytes)

    async def append_encoded(
        self, type: str, time: datetime, subject_refs: Sequence[str], keys: Sequence[str], payloads: Sequence[bytes]
    ) -> None:
        """As `append`, for many events of one type and time.

        Args:
            type: a leaf type.
            time: when (UTC).
            subject_refs: whose salts commit to the payloads.
            keys: ids by which `find` finds the entries.
            payloads: in canonical form.

        Raises:
            Misuse: for an unknown type, a long payload, or in a transaction for reading.
        """
        await self._queue_encoded(type, time, subject_refs, keys, payloads)
        self._queue.payloads += payloads

    async def append_acts(
        self, time: datetime, subject_refs: Sequence[str], event_ids: Sequence[str], records: Sequence[str]
    ) -> None:
        """As `append_encoded`, for consent events that this transaction stores; they are not stored again.

        Args:
            time: when (UTC).
            subject_refs: of the events.
            event_ids: of the events; `find` finds the entries by them.
            records: in canonical form, as they are stored.

        Raises:
            Misuse: as `append_encoded`; at the commit, when an event is not on file.
        """
        # Encoded one by one: a second copy of all of them is as large as the batch.
        await self._queue_encoded(LeafType.CONSENT_EVENT, time, subject_refs, event_ids, map(str.encode, records))
        self._queue.payloads += [None] * len(records)

    async def _queue_encoded(
        self, type: str, time: datetime, subject_refs: Sequence[str], keys: Sequence[str], payloads: Iterable[bytes]
    ) -> None:
        self._connection.check_writable()
        if not keys:
            return
        salts = await salts_of(self._connection, subject_refs)
        own = [salts[ref] for ref in subject_refs]
        self._queue.leaves += await asyncio.to_thread(make_leaves, type, time, payloads, own)
        self._queue.subject_refs += subject_refs
        self._queue.types += [str(type)] * len(keys)
        self._queue.keys += keys

    async def flush(self) -> None:
        """Number what was queued and insert it. From here to the commit no other transaction gets a number."""
        queue, self._queue = self._queue, Unnumbered()
        numbered = queue.acts(await queue.insert(self._connection)) if queue.leaves else {}
        await self._events.flush(numbered)

    async def lock(self) -> int:
        """Have other sequencers wait until this transaction ends; return the number of integrated entries."""
        return await lock_counter(self._connection, Counter.SIZE)

    async def pending(self, limit: int) -> list[PendingEntry]:
        """Return the oldest pending entries; another sequencer waits until this transaction ends."""
        await self.flush()
        return await self.numbered(await (self.lock() if self._connection.writable else self.size()), limit)

    async def appended(self) -> int:
        """Return the number of entries that have their number, integrated or pending."""
        return await read_counter(self._connection, Counter.PENDING)

    async def numbered(self, start: int, limit: int) -> list[PendingEntry]:
        """Return entries from a number on, integrated or pending, in order; none is looked for where a gap is."""
        query = _NUMBERED.where(audit_entries.c.entry >= start).limit(limit)
        return rows.pending_entries(await self._connection.rows(query))

    async def integrate(self, first_index: int, entries: Sequence[PendingEntry], tiles: Sequence[TileWrite]) -> None:
        """Put the oldest pending entries into the tree and store its tiles.

        Raises:
            StateError: REVISION_CONFLICT unless first_index is the size and the entries are the next ones;
                LOG_INCONSISTENT when a tile contradicts a stored one.
        """
        size = await lock_counter(self._connection, Counter.SIZE)
        numbers = [entry.pending_id for entry in entries]
        if first_index != size or numbers != list(range(size, size + len(numbers))):
            raise StateError("REVISION_CONFLICT", "the log grew meanwhile; read the pending entries again")
        if size + len(numbers) > await read_counter(self._connection, Counter.PENDING):
            raise Misuse("entries are integrated that were never appended")
        await self._tiles.write(tiles)
        await set_counter(self._connection, Counter.SIZE, size + len(numbers))

    async def size(self) -> int:
        """Return the number of integrated entries."""
        return await read_counter(self._connection, Counter.SIZE)

    async def tiles(self, wanted: Sequence[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
        """Return stored tiles {(level, index): hashes}, the widest version; absent ones are left out."""
        return await self._tiles.read(wanted)

    async def tile_count(self) -> int:
        """Return the number of stored tiles."""
        return await self._tiles.count()

    async def add_checkpoint(self, size: int, root: bytes, note: bytes, at: datetime) -> None:
        """Store a signed checkpoint; the same size and root again replaces the note.

        Raises:
            StateError: LOG_INCONSISTENT for a size below the last one or above the tree's, or another root.
        """
        grown = await lock_counter(self._connection, Counter.SIZE)
        last = await self.checkpoint()
        if size > grown or (last is not None and (size < last[0] or (size == last[0] and root != last[1]))):
            raise StateError(
                "LOG_INCONSISTENT",
                "a checkpoint contradicts the last one; the log may have been restored from an old copy",
            )
        values = {"size": size, "root": root, "note": note, "at": at}
        upsert = self._connection.insert(audit_checkpoints).values(values)
        await self._connection.execute(upsert.on_conflict_do_update(index_elements=["size"], set_=values))

    async def checkpoint(self) -> tuple[int, bytes, bytes] | None:
        """Return (size, root, note) of the newest checkpoint."""
        row = await self._connection.row(_NEWEST_CHECKPOINT)
        return None if row is None else (row.size, row.root, row.note)

    async def checkpoint_of(self, size: int) -> tuple[int, bytes, bytes] | None:
        """Return (size, root, note) of the checkpoint of a size, or None."""
        table = audit_checkpoints.c
        row = await self._connection.row(select(table.size, table.root, table.note).where(table.size == size))
        return None if row is None else (row.size, row.root, row.note)

    async def checkpoints(self, above: int, up_to: int) -> list[tuple[int, bytes, bytes]]:
        """Return (size, root, note) of the checkpoints of these sizes, ascending."""
        table = audit_checkpoints.c
        query = select(table.size, table.root, table.note).where(table.size > above, table.size <= up_to)
        return [(size, root, note) for size, root, note in await self._connection.rows(query.order_by(table.size))]

    async def entries(self, start: int, end: int) -> AsyncIterator[IntegratedEntry]:
        """Yield integrated entries start <= index < end, in order, with payload and salt where they remain.

        Raises:
            StateError: LOG_INCONSISTENT when an entry is missing or is no leaf.
        """
        expected, end = max(start, 0), min(end, await self.size())
        record = type_coerce(consent_events.c.body, Text).label("record")
        about = func.coalesce(audit_payloads.c.subject_ref, consent_events.c.subject_ref)
        opened = select(
            audit_entries, audit_payloads.c.payload, record, subject_salts.c.salt, about.label("about")
        ).select_from(
            audit_entries.outerjoin(audit_payloads, audit_payloads.c.entry == audit_entries.c.entry)
            .outerjoin(consent_events, consent_events.c.entry == audit_entries.c.entry)
            .outerjoin(subject_salts, subject_salts.c.subject_ref == about)
        )
        number = audit_entries.c.entry
        while expected < end:
            stop = min(expected + PAGE, end)
            page = opened.where(and_(number >= expected, number < stop)).order_by(number)
            for row in await self._connection.rows(page):
                if row.entry != expected:
                    break
                yield rows.integrated_entry(row)
                expected += 1
            if expected != stop:
                raise StateError("LOG_INCONSISTENT", f"entry {expected} of the log is missing; restore a backup")

    async def find(self, type: str, key: str) -> int | None:
        """Return the index of the newest integrated entry of a type about an event, session, job or agreement."""
        table = audit_payloads.c
        size = await self.size()
        query = select(func.max(table.entry)).where(table.type == str(type), table.key == key, table.entry < size)
        found = await self._connection.scalar(query)
        if type == LeafType.CONSENT_EVENT:
            acts = consent_events.c
            act = await self._connection.scalar(select(acts.entry).where(acts.event_id == key, acts.entry < size))
            found = act if found is None else found
        return None if found is None else int(found)

    async def misfiled(self, start: int, end: int) -> list[int]:
        """Return integrated entries start <= index < end that `find` looks for elsewhere than their payload says."""
        table, acts = audit_payloads.c, consent_events.c
        filed = select(table.entry, table.type, table.key, table.payload, audit_entries.c.leaf)
        filed = filed.join_from(audit_payloads, audit_entries, table.entry == audit_entries.c.entry)
        found = await self._connection.rows(filed.where(table.entry >= start, table.entry < end))
        stored = select(acts.entry, acts.event_id, type_coerce(acts.body, Text).label("record"))
        said = await self._connection.rows(stored.where(acts.entry >= start, acts.entry < end))
        wrong = [row.entry for row in found if not _is_filed(row.type, row.key, row.payload, row.leaf)]
        wrong += [row.entry for row in said if f'"event_id":{quoted(row.event_id)}' not in row.record]
        return sorted(wrong)

    async def checkpoint_at(self, at: datetime) -> tuple[int, bytes, bytes] | None:
        """Return (size, root, note) of the last checkpoint stored by a time."""
        table = audit_checkpoints.c
        query = select(table.size, table.root, table.note).where(table.at <= at).order_by(table.size.desc()).limit(1)
        row = await self._connection.row(query)
        return None if row is None else (row.size, row.root, row.note)

    async def about(self, wanted: EntryFilter, start: int, limit: int) -> list[int]:
        """Return integrated entries from `start` on that name the person or keys of a filter, ascending."""
        size = await self.size()
        table, acts = audit_payloads.c, consent_events.c
        named = select(table.entry.label("entry")).where(table.entry >= start, table.entry < size)
        if wanted.keys is not None:
            # The types, so that the index over both is used.
            named = named.where(table.type.in_([str(type) for type in LeafType]), table.key.in_(wanted.keys))
        if wanted.subject_ref is not None:
            named = named.where(table.subject_ref == wanted.subject_ref)
        found = [entry for (entry,) in await self._connection.rows(named.order_by(table.entry).limit(limit))]
        if wanted.subject_ref is not None and wanted.keys is None:
            said = select(acts.entry).where(acts.subject_ref == wanted.subject_ref, acts.entry >= start)
            said = said.where(acts.entry < size).order_by(acts.entry).limit(limit)
            found = sorted({*found, *(entry for (entry,) in await self._connection.rows(said))})
        return found[:limit]

    async def acts_of(self, subject_ref: str, limit: int) -> list[int]:
        """Return the integrated entries of a person's consent events that can still be opened, ascending."""
        acts = consent_events.c
        query = select(acts.entry).where(acts.subject_ref == subject_ref, acts.entry < await self.size())
        return [entry for (entry,) in await self._connection.rows(query.order_by(acts.entry).limit(limit))]

    async def erase_subject(self, subject_ref: str) -> int:
        """Destroy a subject's salt and payloads, and part consent events from their entries; leaves stay.

        On SQLite the freed space is overwritten. On PostgreSQL it is reused after the next VACUUM; write-ahead
        archives and backups are the operator's to expire.

        Returns:
            How many payloads went.

        Raises:
            Misuse: for the log itself.
        """
        if subject_ref == LOG_ITSELF:
            raise Misuse("the log's own salt is never destroyed")
        await self.flush()
        await destroy_salt(self._connection, subject_ref)
        gone = await self._connection.execute(delete(audit_payloads).where(audit_payloads.c.subject_ref == subject_ref))
        acts = consent_events.c
        parting = update(consent_events).where(acts.subject_ref == subject_ref, acts.entry.is_not(None))
        parted = await self._connection.execute(parting.values(entry=None))
        self.erased = True
        return gone.rowcount + parted.rowcount


def _is_filed(type: str, key: str, payload: bytes, leaf: bytes) -> bool:
    """Whether an entry is found by what it says; one that cannot be read is found wrong by its commitment."""
    try:
        said, record = parse_leaf(leaf).type, json.loads(payload)
    except (HostileInput, ValueError, RecursionError):
        return True
    if not isinstance(record, dict):
        return True
    keys = {_key(said, record)} if said != LeafType.CONSENT_EXPIRED else {record.get("consent")}
    return type == said and key in keys


def _key(type: str, payload: Mapping[str, object]) -> str:
    fields = _JOB_KEY_FIELDS if type.startswith(("job_", "result_")) else _KEY_FIELDS
    found = next((payload[name] for name in fields if payload.get(name)), "")
    return found if isinstance(found, str) else ""
