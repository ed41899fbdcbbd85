"""Consent events, append-only, and the projection that answers for most people without them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    bindparam,
    false,
    func,
    select,
    type_coerce,
    update,
)

from consent.basis import CONSENT
from consent.evaluate import History, Use
from consent.event import ConsentEvent
from consent.projection import ProjectionRow
from gateway.errors import Misuse, StateError
from gateway.flow.ports.people import Mark, Told
from gateway.route.consent import FirstEvents
from gateway.route.subject_ref import REF_BYTES, Bytes
from gateway.store import rows
from gateway.store.cohort import plainly_yes, told_apart
from gateway.store.connection import StoreConnection, listed_table
from gateway.store.counters import Counter, lock_counter, take_numbers
from gateway.store.first_events import add_first_projection, first_event_columns
from gateway.store.links import ANYBODY_JOINED, add_links, linked_groups, named_by
from gateway.store.people import Range, named_people_in, people_in, people_of
from gateway.store.schema import CHANGED, consent_events, consent_projection, subjects
from gateway.store.stand import STAND, counted
from gateway.store.unwritten import UnwrittenEvents
from gateway.store.use_groups import UsePlaces, numbers_of, numbers_whoever_receives, places_of
from gateway.store.uses import UseSet, drop_rows, pairs_of, sets_numbered

_TOGETHER = 2000  # events restored at a stretch: some 20 ms
_COUNTED = (
    "(subject_ref) DO UPDATE"
    " SET revision = subjects.revision + excluded.revision, changed = excluded.changed, use_set = excluded.use_set"
)


def _events_of(*, postgresql: bool) -> Select[str, str, bool]:
    table = consent_events.c
    refs = listed_table(bindparam("refs", type_=Text()), Text(), postgresql=postgresql)
    return (
        select(table.subject_ref, type_coerce(table.body, Text), ANYBODY_JOINED)
        .where(table.subject_ref.in_(select(refs.c.value)))
        .order_by(table.subject_ref, table.revision, table.number)
    )


_EVENTS_OF = {postgresql: _events_of(postgresql=postgresql) for postgresql in (False, True)}
"""Made once, not for every decision: of most people it asks for nothing else."""


class SqlConsentStore:
    """Consent inside one transaction.

    Args:
        connection: of the transaction.
        unwritten: where events wait for the numbers of their entries in the log.
    """

    def __init__(self, connection: StoreConnection, unwritten: UnwrittenEvents) -> None:
        self._connection = connection
        self._unwritten = unwritten
        # Of those locked here; nobody else changes them before the transaction ends.
        self._revisions: dict[str, int] = {}
        self._use_sets: dict[str, int | None] = {}  # of those of them who had a row of their own

    async def known_events(self, event_ids: Sequence[str]) -> dict[str, str]:
        """Return {event_id: content hash} of those already stored."""
        await self._unwritten.flush()
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
        events, joined = await self._events(subject_refs)
        groups = await linked_groups(self._connection, subject_refs) if joined else {}
        others = sorted(set(groups).difference(subject_refs))
        if others:
            events |= (await self._events(others))[0]

        def history(ref: str) -> History:
            if ref not in groups:
                return History(ref, events.get(ref, ()))
            linked = sorted(groups[ref] - {ref})
            return History(ref, events.get(ref, ()), tuple(History(other, events.get(other, ())) for other in linked))

        return {ref: history(ref) for ref in subject_refs}

    async def _events(self, subject_refs: Sequence[str]) -> tuple[dict[str, tuple[ConsentEvent, ...]], bool]:
        """Return the events of each, and whether anybody may be joined to others at all."""
        await self._unwritten.flush()
        query = _EVENTS_OF[self._connection.postgresql]
        found = await self._connection.rows(query, {"refs": self._connection.list_text(subject_refs)})
        by_subject: defaultdict[str, list[ConsentEvent]] = defaultdict(list)
        for start in range(0, len(found), _TOGETHER):
            part = found[start : start + _TOGETHER]
            for (ref, _, _), event in zip(part, rows.consent_events(body for _, body, _ in part), strict=True):
                by_subject[ref].append(event)
            await asyncio.sleep(0)  # others on the loop have their turn
        joined = bool(found[0][2]) if found else bool(await self._connection.scalar(select(ANYBODY_JOINED)))
        return {ref: tuple(events) for ref, events in by_subject.items()}, joined

    async def append(
        self,
        events: Sequence[tuple[ConsentEvent, str]],
        projection: Mapping[str, Sequence[ProjectionRow]],
        first: FirstEvents | None = None,
    ) -> None:
        """Insert events with their content hashes and replace the projection rows of the touched subjects.

        Who is named by an event but not in `projection` loses its rows: the rule then judges it.

        Args:
            events: of anybody.
            projection: of everybody whom the events concern.
            first: events of others, of whom nothing is on file, with their projection.

        Raises:
            StateError: REVISION_CONFLICT when an event id exists already, of those in `first` at the commit.
            Misuse: when something is on file of somebody in `first`.
        """
        named = sorted({ref for event, _ in events for ref in named_by(event)})
        touched = sorted({*named, *projection})
        new = [] if first is None else sorted(first.subjects)
        if await self.lock_subjects([*touched, *new]) & {*new} or {*touched} & {*new}:
            raise Misuse("a first event of somebody who has others")
        number = await self._next_change()
        distinct = () if first is None else first.distinct()
        places = await places_of(self._connection, [*projection.values(), *distinct])
        placed = {ref: places.placed(of_subject) for ref, of_subject in projection.items()}
        use_sets = await self._use_sets_of(touched, placed, first, places)
        await drop_rows(self._connection, {ref: self._use_sets[ref] for ref in touched if ref in self._use_sets})
        await self._grow([*named, *new], number, use_sets)
        if len(touched) > len(named):
            await self._grow(sorted(set(touched).difference(named)), number, use_sets, by=0)
        await self._connection.insert_columns(consent_events, rows.consent_event_columns(events, self._revisions))
        await add_links(self._connection, [event for event, _ in events])
        projected = [row for of_subject in placed.values() for row in of_subject]
        await self._connection.insert_columns(consent_projection, rows.projection_columns(projected))
        if first is not None:
            self._unwritten.add(first_event_columns(first))
            await add_first_projection(self._connection, first, places)

    async def _use_sets_of(
        self,
        touched: Sequence[str],
        placed: Mapping[str, Sequence[rows.PlacedRow]],
        first: FirstEvents | None,
        places: UsePlaces,
    ) -> dict[str, int]:
        """Return the number of the set of uses and groups of which each will have rows."""

        def uses(said: Sequence[rows.PlacedRow]) -> UseSet:
            return tuple(sorted({number for number, _ in said}))

        sets = {ref: uses(placed.get(ref, ())) for ref in touched}
        if first is not None:
            # Those who said the same have the same object.
            by_object = {id(said): uses(places.placed(said)) for said in first.distinct()}
            sets |= {ref: by_object[id(said)] for ref, said in zip(first.subjects, first.projections, strict=True)}
        numbers = await sets_numbered(self._connection, set(sets.values()))
        return {ref: numbers[one] for ref, one in sets.items()}

    async def _grow(self, subject_refs: Sequence[str], number: int, use_sets: Mapping[str, int], by: int = 1) -> None:
        """Count an append in the rows of those whom it touches."""
        # Who has no row gets one plainly, which both databases write in half the time: nobody else adds people now.
        has_row = [ref in self._use_sets for ref in subject_refs]
        for wanted, on_conflict in ((False, ""), (True, _COUNTED)):
            refs = [ref for ref, has in zip(subject_refs, has_row, strict=True) if has is wanted]
            columns: dict[str, Sequence[Any]] = {
                "subject_ref": refs,
                "revision": [by] * len(refs),
                "changed": [number] * len(refs),
                "use_set": [use_sets[ref] for ref in refs],
            }
            await self._connection.insert_columns(subjects, columns, on_conflict)
        for ref in subject_refs:
            self._revisions[ref] += by
            self._use_sets[ref] = use_sets[ref]

    async def _next_change(self) -> int:
        """Number an append; whoever is next waits for our commit, so that numbers follow commits."""
        return (await take_numbers(self._connection, Counter.CHANGES, 1)).stop

    async def lock_subjects(self, subject_refs: Sequence[str]) -> set[str]:
        """Keep every other writer of consents waiting until the transaction ends.

        Returns:
            Those of them who have events on file.
        """
        self._connection.check_writable()
        unlocked = sorted(set(subject_refs).difference(self._revisions))
        if unlocked:
            if self._connection.postgresql and not self._revisions:  # SQLite's writers are alone
                await lock_counter(self._connection, Counter.CHANGES)
            key = subjects.c.subject_ref
            stored = select(key, subjects.c.revision, subjects.c.use_set).where(self._among(key, unlocked))
            # Who is new gets a row with the first event.
            self._revisions.update(dict.fromkeys(unlocked, 0))
            for ref, revision, use_set in await self._connection.rows(stored):
                self._revisions[ref], self._use_sets[ref] = revision, use_set
        return {ref for ref in subject_refs if self._revisions[ref]}

    async def plain(self, use: Use, floor: datetime, at: datetime, first: str, last: str) -> Bytes:
        """Return who has a plain row that answers for a Use at a time, (m, 26) ascending.

        Args:
            use: for another basis than consent nobody is plain.
            floor: since when rows must have taken effect.
            at: the moment of the judgement.
            first: least subject_ref of the range, inside.
            last: greatest, inside.
        """
        within, key = Range(first, last), consent_projection.c.subject_ref
        return await people_in(self._connection, key, await self._answers(use, floor, at), within)

    async def plain_ids(self, use: Use, floor: datetime, at: datetime, first: str, last: str) -> pa.Table:
        """As `plain`, with the ids of the consents: {subject_ref: string, consent_id: string} ascending."""
        within, table = Range(first, last), consent_projection.c
        where = await self._answers(use, floor, at)
        return await named_people_in(self._connection, table.subject_ref, table.consent_id, where, within)

    async def _answers(self, use: Use, floor: datetime, at: datetime) -> ColumnElement[bool]:
        """Say which rows answer for a Use at a time by themselves."""
        numbers = [] if use.basis != CONSENT or floor > at else await numbers_of(self._connection, use)
        return and_(consent_projection.c.use_id.in_(numbers), plainly_yes(floor, at)) if numbers else false()

    async def told_apart(
        self, use: Use, floor: datetime, at: datetime, first: str, last: str, *, whoever_receives: bool
    ) -> Told:
        """Part the people of a range on whom the projection has a word; the others are plainly not allowed.

        Args:
            use: on the basis of consent.
            floor: as in `plain`.
            at: as in `plain`.
            first: least subject_ref of the range, inside.
            last: greatest, inside.
            whoever_receives: whether what was said of another recipient may bear on this use.
        """
        numbers = await numbers_of(self._connection, use)
        others = await numbers_whoever_receives(self._connection, use) if whoever_receives else None
        return await told_apart(self._connection, numbers, others, floor, at, Range(first, last))

    async def pairs_of(self, handler: str, purpose: str, recipient: str | None) -> list[tuple[str, str]]:
        """Return each (category, method) that anybody ever spoke of, ascending; None is any recipient."""
        return await pairs_of(self._connection, handler, purpose, recipient)

    async def on_file(self, first: str, last: str) -> Bytes:
        """Return the people of a range who have consent events on file, (m, 26) ascending."""
        key = subjects.c.subject_ref
        return await people_in(self._connection, key, subjects.c.revision > 0, Range(first, last))

    async def mark(self) -> Mark:
        """Return the present place.

        Its second number grows with whatever a decision reads besides people's own histories: the registry, and
        partners and agreements, each put of which raises a revision.
        """
        row = await self._connection.row(select(counted(Counter.CHANGES), STAND))
        if row is None or None in tuple(row):
            raise StateError("LOG_INCONSISTENT", "a counter of the store is missing; restore a backup of the store")
        return Mark(int(row[0]), int(row[1]))

    async def changed(self, since: Mark, limit: int) -> Bytes | None:
        """Return whom an append after a mark named, (m, 26) ascending; None when more than `limit`."""
        newer = and_(CHANGED, subjects.c.changed > since.changes)
        return await self._few(select(subjects.c.subject_ref).where(newer), limit)

    async def wake(self, subject_refs: Collection[str]) -> None:
        """Have people found by `changed` though nothing new is on file of them: time brought something about."""
        if subject_refs:
            number = await self._next_change()
            woken = update(subjects).where(self._among(subjects.c.subject_ref, sorted(subject_refs)))
            await self._connection.execute(woken.values(changed=number))

    async def lapsed(self, use: Use, after: datetime, until: datetime, limit: int) -> Bytes | None:
        """Return whose plain row of a Use ended: after < valid_until <= until, (m, 26) ascending; None as `changed`."""
        if use.basis != CONSENT:
            return np.empty((0, REF_BYTES), dtype=np.uint8)
        table = consent_projection.c
        # Not as a plain column: SQLite, which counts nothing, would walk the whole Use, not a few minutes of ends.
        numbers = await numbers_of(self._connection, use)
        of_use = func.coalesce(table.use_id, 0).in_(numbers) if numbers else false()
        ended = and_(table.valid_until > after, table.valid_until <= until, table.plain, of_use)
        return await self._few(select(table.subject_ref).where(ended), limit)

    async def _few(self, query: Select[str], limit: int) -> Bytes | None:
        found = await people_of(self._connection, query.limit(limit + 1))
        return found if len(found) <= limit else None

    async def subject_count(self) -> int:
        """Return how many subjects have events."""
        query = select(func.count()).select_from(subjects).where(subjects.c.revision > 0)
        return int(await self._connection.scalar(query))

    async def more_than(self, count: int) -> bool:
        """Return whether the store knows more people than a number; it counts no further."""
        some = select(subjects.c.subject_ref).limit(count + 1).subquery()
        return int(await self._connection.scalar(select(func.count()).select_from(some))) > count

    def _among(self, key: ColumnElement[str], values: Sequence[str]) -> ColumnElement[bool]:
        return key.in_(select(self._connection.listed(values).c.value))
