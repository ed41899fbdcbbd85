"""Consent events, append-only, and the projection that answers for most people without them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence

import pyarrow as pa
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Text,
    and_,
    delete,
    func,
    select,
    true,
    type_coerce,
    update,
)

from consent.basis import CONSENT
from consent.evaluate import History, Use
from consent.event import ConsentEvent
from consent.projection import ProjectionRow
from gateway.flow.ports.store import ProjectionSlice
from gateway.store import rows
from gateway.store.connection import StoreConnection
from gateway.store.links import add_links, linked_groups, named_by
from gateway.store.schema import consent_events, consent_projection, subjects

_TIME = pa.timestamp("us", tz="UTC")
_TOGETHER = 2000  # events restored at a stretch: some 20 ms


class SqlConsentStore:
    """Consent inside one transaction."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection

    async def known_events(self, event_ids: Sequence[str]) -> dict[str, str]:
        """Return {event_id: content hash} of those already stored."""
        table = consent_events.c
        query = select(table.event_id, table.content_hash).where(self._among(table.event_id, event_ids))
        return {event_id: content_hash for event_id, content_hash in await self._connection.rows(query)}

    async def histories(self, subject_refs: Sequence[str]) -> dict[str, History]:
        """Return the full history of each subject, with those of people whom events join to it.

        Args:
            subject_refs: any number; an unknown one has an empty history.

        Raises:
            StateError: LOG_INCONSISTENT when a stored event cannot be read.
        """
        groups = await linked_groups(self._connection, subject_refs)
        events = await self._events(sorted({*subject_refs, *groups}))

        def history(ref: str) -> History:
            if ref not in groups:
                return History(ref, events.get(ref, ()))
            others = sorted(groups[ref] - {ref})
            return History(ref, events.get(ref, ()), tuple(History(other, events.get(other, ())) for other in others))

        return {ref: history(ref) for ref in subject_refs}

    async def _events(self, subject_refs: Sequence[str]) -> dict[str, tuple[ConsentEvent, ...]]:
        table = consent_events.c
        query = (
            select(table.subject_ref, type_coerce(table.body, Text))
            .where(self._among(table.subject_ref, subject_refs))
            .order_by(table.subject_ref, table.revision, table.number)
        )
        found = await self._connection.rows(query)
        by_subject: defaultdict[str, list[ConsentEvent]] = defaultdict(list)
        for start in range(0, len(found), _TOGETHER):
            part = found[start : start + _TOGETHER]
            for (ref, _), event in zip(part, rows.consent_events(body for _, body in part), strict=True):
                by_subject[ref].append(event)
            await asyncio.sleep(0)  # others on the loop have their turn
        return {ref: tuple(events) for ref, events in by_subject.items()}

    async def append(
        self,
        events: Sequence[tuple[ConsentEvent, str]],
        projection: Mapping[str, Sequence[ProjectionRow]],
    ) -> None:
        """Insert events with their content hashes and replace the projection rows of the touched subjects.

        Who is named by an event but not in `projection` loses its rows: the rule then judges it.

        Raises:
            StateError: REVISION_CONFLICT when an event id exists already.
        """
        named = sorted({ref for event, _ in events for ref in named_by(event)})
        touched = sorted({*named, *projection})
        await self.lock_subjects(touched)
        grown = update(subjects).where(self._among(subjects.c.subject_ref, named))
        grown = grown.values(revision=subjects.c.revision + 1)
        revisions: dict[str, int] = {
            ref: revision
            for ref, revision in await self._connection.rows(
                grown.returning(subjects.c.subject_ref, subjects.c.revision)
            )
        }
        values = [
            rows.consent_event_values(event, content_hash, revisions[event.subject], number)
            for number, (event, content_hash) in enumerate(events)
        ]
        await self._connection.insert_rows(consent_events, values)
        await add_links(self._connection, [event for event, _ in events])
        await self._connection.execute(
            delete(consent_projection).where(self._among(consent_projection.c.subject_ref, touched))
        )
        said = [rows.projection_values(ref, row) for ref in projection for row in projection[ref]]
        await self._connection.insert_rows(consent_projection, said)

    async def lock_subjects(self, subject_refs: Sequence[str]) -> None:
        """Serialise writers per subject until the transaction ends."""
        wanted = self._connection.listed(sorted(set(subject_refs)))
        # In one order on every side, so that two writers never wait in a circle. SQLite's writers are alone anyway.
        new = self._connection.insert(subjects).from_select(
            ["subject_ref"], select(wanted.c.value).where(true()), include_defaults=False
        )
        await self._connection.execute(new.on_conflict_do_nothing())
        if self._connection.postgresql:
            key = subjects.c.subject_ref
            lock = select(key).where(self._among(key, subject_refs)).order_by(key).with_for_update()
            await self._connection.execute(lock)

    async def slice(self, use: Use) -> ProjectionSlice:
        """Return the projection for one Use over all subjects, both parts sorted by subject.

        The projection speaks of consent: for another basis of processing everybody is doubtful.
        """
        table = consent_projection.c
        wanted = and_(*(table[name] == value for name, value in rows.use_values(use).items()), table.plain)
        if use.basis != CONSENT:
            wanted = and_(wanted, ~true())
        query = select(
            table.subject_ref,
            table.consent_id,
            type_coerce(table.effective_from, BigInteger),
            type_coerce(table.valid_until, BigInteger),
        ).where(wanted)
        answered = select(table.subject_ref).where(wanted)
        others = select(subjects.c.subject_ref).where(subjects.c.revision > 0).except_(answered).subquery()
        refs, consent_ids, starts, ends = await self._connection.columns(query)
        (doubtful,) = await self._connection.columns(select(others.c.subject_ref))
        plain = pa.table(
            {
                "subject_ref": pa.array(refs, pa.string()),
                "consent_id": pa.array(consent_ids, pa.string()),
                "effective_from": pa.array(starts, pa.int64()).cast(_TIME),
                "valid_until": pa.array(ends, pa.int64()).cast(_TIME),
            }
        )
        return ProjectionSlice(plain.sort_by("subject_ref"), pa.array(sorted(doubtful), pa.string()))

    async def subject_count(self) -> int:
        """Return how many subjects have events."""
        query = select(func.count()).select_from(subjects).where(subjects.c.revision > 0)
        return int(await self._connection.scalar(query))

    def _among(self, key: ColumnElement[str], values: Sequence[str]) -> ColumnElement[bool]:
        return key.in_(select(self._connection.listed(values).c.value))
