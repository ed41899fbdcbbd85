"""Batches stay batches: the number of statements does not grow with the number of rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from gateway.store import SqlStore
from gateway.store.schema import consent_projection, subjects
from tests.contract import given
from tests.contract.given import NOW, USE, hashed, ref, row


@contextmanager
def _counted(store: SqlStore) -> Iterator[list[str]]:
    """Collect the statements that cross to the database; many rows of one insert are one statement."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    engine = store._engines.writer.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


async def _import(store: SqlStore, first: int, count: int) -> None:
    """What the import of a batch of consent events does."""
    refs = [ref(number) for number in range(first, first + count)]
    events = [hashed(given.event(subject, f"event-{subject}")) for subject in refs]
    leaves = [given.audit_event(event.event_id, subject_ref=event.subject) for event, _ in events]
    rows = {subject: [row(subject), row(subject, category="segment")] for subject in refs}
    async with store.begin() as tx:
        await tx.consents.lock_subjects(refs)
        assert await tx.consents.known_events([event.event_id for event, _ in events]) == {}
        await tx.consents.histories(refs)
        await tx.consents.append(events, rows)
        await tx.audit.append(leaves)


async def test_a_batch_takes_as_many_statements_as_a_single_event(store: SqlStore) -> None:
    await _import(store, 0, 1)  # the first connection has statements of its own
    with _counted(store) as single:
        await _import(store, 1, 1)
    with _counted(store) as batch:
        await _import(store, 2000, 2000)
    assert len(batch) == len(single) < 25


async def test_a_slice_over_a_hundred_thousand_subjects_is_two_statements(store: SqlStore) -> None:
    refs = [ref(number) for number in range(100_000)]
    values = {"handler": "retailer", "purpose": "enrich", "recipient": "platform", "category": "phone"}
    values |= {"method": "psi_hash", "plain": True, "consent_id": "c", "effective_from": NOW, "valid_until": None}
    async with store.begin() as tx:
        await tx._connection.insert_rows(subjects, [{"subject_ref": subject, "revision": 1} for subject in refs])
        plain = [values | {"subject_ref": subject} for subject in refs[:90_000]]
        await tx._connection.insert_rows(consent_projection, plain)
    async with store.begin() as tx:
        with _counted(store) as statements:
            piece = await tx.consents.slice(USE)
    assert len(statements) == 2
    assert (piece.plain.num_rows, len(piece.doubtful)) == (90_000, 10_000)
