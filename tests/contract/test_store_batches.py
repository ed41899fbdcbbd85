"""Batches stay batches: the number of statements does not grow with the number of rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from gateway.store import SqlStore
from tests.contract import given
from tests.contract.given import hashed, ref, row


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


async def test_any_text_comes_back_as_it_went(store: SqlStore) -> None:
    """Also what means something where rows travel as text."""
    odd = ["a\tb", "c\nd", "e\r", "\\N", "f\\", "\\t", "\\.", '"{,}"', "'; --", "日本語 ⸺ 😀"]
    events = [hashed(given.event(ref(number), text)) for number, text in enumerate(odd)]
    async with store.begin() as tx:
        await tx.consents.append(events, {})
    async with store.read() as tx:
        assert set(await tx.consents.known_events(odd)) == set(odd)
        histories = await tx.consents.histories([event.subject for event, _ in events])
    assert [history.events[0].event_id for history in histories.values()] == odd
