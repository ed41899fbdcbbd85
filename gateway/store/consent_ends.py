"""Consents that ended, found by the end in their projection, and acts found by their kind."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, Text, and_, cast, func, or_, select, type_coerce

from consent.event import ConsentEvent, EventType
from gateway.flow.ports.task import EndedConsent
from gateway.store import rows
from gateway.store.column_type import to_micros
from gateway.store.connection import StoreConnection
from gateway.store.counters import Counter, read_counter
from gateway.store.people import Range
from gateway.store.schema import CHANGED, consent_ends, consent_events, consent_projection, subjects

_EVERYBODY = Range("2", "z" * 26)


class SqlConsentEndStore:
    """Ends of consents inside one transaction."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection

    async def window(self, after: datetime, until: datetime, size: int) -> datetime | None:
        """Return a time up to which about `size` uses of consents ended after `after`; None when none did.

        More than `size` where more end at one moment.
        """
        end = consent_projection.c.valid_until
        ending = select(end).where(end > after, end <= until).order_by(end)
        full: datetime | None = await self._connection.scalar(ending.offset(size - 1).limit(1))
        if full is not None:
            return full
        return until if await self._connection.row(ending.limit(1)) is not None else None

    async def ended(self, after: datetime, until: datetime) -> list[list[EndedConsent]]:
        """Return the consents of a window that ended in it, in pieces by reference, those on record left out.

        Args:
            after: they ended after it.
            until: and not after this.
        """
        table, known = consent_projection.c, consent_ends.c
        pieces: list[list[EndedConsent]] = []
        for part in _EVERYBODY.parts(table.subject_ref):
            # One consent covers many uses, a row each.
            query = (
                select(
                    table.subject_ref,
                    table.consent_id,
                    func.max(table.valid_until).label("ended_at"),
                    func.min(cast(table.plain, Integer)).label("plain"),
                )
                .outerjoin(
                    consent_ends,
                    and_(known.subject_ref == table.subject_ref, known.consent_id == table.consent_id),
                )
                .where(table.valid_until > after, table.valid_until <= until, part, known.consent_id.is_(None))
                .group_by(table.subject_ref, table.consent_id)
                .order_by(table.subject_ref, table.consent_id)
            )
            found = await self._connection.rows(query)
            if found:
                pieces.append([EndedConsent(ref, consent, at, bool(plain)) for ref, consent, at, plain in found])
        return pieces

    async def record(self, ends: Sequence[EndedConsent]) -> list[EndedConsent]:
        """Put ends on record; return those that were not."""
        refs = sorted({end.subject_ref for end in ends})
        table = consent_ends.c
        query = select(table.subject_ref, table.consent_id).where(
            table.subject_ref.in_(select(self._connection.listed(refs).c.value))
        )
        known = {(ref, consent_id) for ref, consent_id in await self._connection.rows(query)} if refs else set()
        fresh = [end for end in ends if (end.subject_ref, end.consent_id) not in known]
        columns: dict[str, Sequence[Any]] = {
            "subject_ref": [end.subject_ref for end in fresh],
            "consent_id": [end.consent_id for end in fresh],
            "ended_at": [to_micros(end.ended_at) for end in fresh],
        }
        await self._connection.insert_columns(consent_ends, columns)
        return fresh

    async def acts(self, after: int, size: int, types: Collection[EventType]) -> tuple[int, list[ConsentEvent]]:
        """Return events of these types about whoever was named by an append after number `after`.

        Args:
            after: number of an append.
            size: people looked at, or those of one append where they are more.
            types: wanted.

        Returns:
            How far this looked; the events, those of earlier appends about the same people too.
        """
        changed = subjects.c.changed
        newer = select(changed).where(CHANGED, changed > after).order_by(changed)
        until: int | None = await self._connection.scalar(newer.offset(size - 1).limit(1))
        if until is None:
            until = await read_counter(self._connection, Counter.CHANGES)
        body = type_coerce(consent_events.c.body, Text)
        # The record is compact JSON: no text in it can look like a field, because its quotes are escaped.
        of_type = or_(*(body.contains(f'"type":"{kind}"', autoescape=True) for kind in sorted(types)))
        query = (
            select(body)
            .join(subjects, subjects.c.subject_ref == consent_events.c.subject_ref)
            .where(CHANGED, changed > after, changed <= until, of_type)
        )
        found = rows.consent_events(row[0] for row in await self._connection.rows(query))
        return until, [event for event in found if event.type in types]
