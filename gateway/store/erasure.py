"""Erasing a person: what is held of somebody is destroyed, and what must stay goes over to a name that says nothing."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, delete, literal, select, update

from gateway.flow.ports.task import Erased
from gateway.store.audit import SqlAuditStore
from gateway.store.column_type import KeyText
from gateway.store.connection import StoreConnection
from gateway.store.deletions import owing
from gateway.store.exports import SqlExportStore
from gateway.store.memberships import SqlMembershipStore
from gateway.store.schema import (
    consent_ends,
    consent_events,
    consent_links,
    decisions,
    deletion_tasks,
    erased_people,
    identity_links,
    removals,
    rights_requests,
    subjects,
)
from gateway.store.schema_schedules import sink_removals
from gateway.store.uses import drop_rows


class SqlErasureStore:
    """Erasures inside one transaction."""

    def __init__(self, connection: StoreConnection, log: SqlAuditStore) -> None:
        self._connection = connection
        self._log = log

    async def owed(self, subject_ref: str, now: datetime) -> bool:
        """Return whether rows of released runs are still to be looked for, to go or to be acknowledged."""
        person: ColumnElement[str] = literal(subject_ref, KeyText)
        return bool(await self._connection.scalar(select(owing(person, None, now))))

    async def erase(self, subject_ref: str, name: str, now: datetime) -> Erased:
        """Destroy what is held of a person, in the caller's transaction.

        Of consent events id and content hash stay, so that a repeated import brings nothing back; the registers of
        duties and requests stay, without the person. On PostgreSQL freed space is reused after the next VACUUM.

        Args:
            subject_ref: whom.
            name: 26 letters that nobody else has.
            now: when (UTC).
        """
        connection = self._connection
        await SqlMembershipStore(connection).forget(subject_ref)
        # Before the events go: it parts the log's entries from those that open them.
        payloads = await self._log.erase_subject(subject_ref)
        new = connection.insert(subjects).values(subject_ref=name, revision=0, changed=0)
        await connection.execute(new.on_conflict_do_nothing())
        use_set = select(subjects.c.use_set).where(subjects.c.subject_ref == subject_ref)
        await drop_rows(connection, {subject_ref: await connection.scalar(use_set)})
        counts = []
        for table in (identity_links, removals, consent_links, consent_ends, sink_removals):
            gone = await connection.execute(delete(table).where(table.c.subject_ref == subject_ref))
            counts.append(gone.rowcount)
        await SqlExportStore(connection).forget(subject_ref)
        ahead = (deletion_tasks.c.subject_ref == subject_ref, deletion_tasks.c.opened_at.is_(None))
        await connection.execute(delete(deletion_tasks).where(*ahead))
        for table in (deletion_tasks, rights_requests):
            of_person = update(table).where(table.c.subject_ref == subject_ref)
            await connection.execute(of_person.values(subject_ref=name))
        await self._forget_decisions(subject_ref, name)
        # Numbered behind those of an earlier erasure.
        last = await connection.scalar(
            select(consent_events.c.revision)
            .where(consent_events.c.subject_ref == name)
            .order_by(consent_events.c.revision.desc())
            .limit(1)
        )
        emptied = await connection.execute(
            update(consent_events)
            .where(consent_events.c.subject_ref == subject_ref)
            .values(subject_ref=name, revision=consent_events.c.revision + (last or 0), body={})
        )
        await connection.execute(delete(subjects).where(subjects.c.subject_ref == subject_ref))
        noted = connection.insert(erased_people).values(subject_ref=name, erased_at=now)
        await connection.execute(noted.on_conflict_do_update(index_elements=["subject_ref"], set_={"erased_at": now}))
        return Erased(events=emptied.rowcount, links=counts[0], removals=counts[1], payloads=payloads)

    async def _forget_decisions(self, subject_ref: str, name: str) -> None:
        """Leave of logged decisions what was asked and answered, not about whom nor by which consent."""
        about = decisions.c.subject_ref == subject_ref
        for row in await self._connection.rows(select(decisions.c.number, decisions.c.body).where(about)):
            question, decision = row.body["question"], row.body["decision"]
            body = {"question": question | {"subject": name}, "decision": decision | {"consent_id": None}}
            change = update(decisions).where(decisions.c.number == row.number)
            await self._connection.execute(change.values(subject_ref=name, body=body))

    async def erased_at(self, name: str) -> datetime | None:
        """Return when the person of such a name was erased last, None when never."""
        query = select(erased_people.c.erased_at).where(erased_people.c.subject_ref == name)
        found: datetime | None = await self._connection.scalar(query)
        return found
