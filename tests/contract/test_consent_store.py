from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select, text
from sqlalchemy.event import listen

from consent.event import Actor, ConsentEvent, EventType
from consent.history import History
from consent.projection import TRUST_ALL
from gateway.errors import StateError
from gateway.store import SqlStore
from gateway.store.schema import consent_projection, consent_use_groups, consent_uses, subjects
from tests.contract import given
from tests.contract.given import DAY, NOW, USE, event, hashed, ref, row
from tests.contract.people import ALL, on_file, plain, plain_ids, texts

A, B, C, D = (ref(number) for number in range(1, 5))

EVERY_KIND = [
    event(A, "given"),
    event(A, "guarded", by=Actor.GUARDIAN, guardian_verified=True, valid_until=None, notice=None, max_uses=3),
    event(A, "refused", EventType.REFUSED, purpose="enrich", recipient="platform", categories=("phone",), method="m"),
    event(A, "withdrawn", EventType.WITHDRAWN, consent_id="consent-given", by=Actor.SUBJECT, channel="app"),
    event(A, "born", EventType.BIRTHDATE, handler=None, birthdate=date(2012, 2, 29)),
    event(A, "kept", EventType.COLLECTED, categories=("phone", "segment"), retention_until=NOW + DAY),
    event(A, "held", EventType.STATUTORY_HOLD, until=NOW + 2 * DAY),
    event(A, "dead", EventType.DECEASED, handler=None),
]


async def _append(store: SqlStore, *events: ConsentEvent, **projection: object) -> None:
    rows = {str(subject): rows for subject, rows in projection.items()}
    async with store.begin() as tx:
        await tx.consents.append([hashed(event) for event in events], rows)  # type: ignore[arg-type]


async def test_every_event_comes_back_in_its_subject_s_history(store: SqlStore) -> None:
    await _append(store, *EVERY_KIND[:3], event(B, "of another"))
    await _append(store, *EVERY_KIND[3:])
    async with store.read() as tx:
        histories = await tx.consents.histories([B, A, C])
    assert histories[A] == History(A, tuple(EVERY_KIND))
    assert histories[B] == History(B, (event(B, "of another"),))
    assert histories[C] == History(C, ())
    assert list(histories) == [B, A, C]


async def test_known_events_are_told_by_their_content(store: SqlStore) -> None:
    one, two = hashed(event(A, "e1")), hashed(event(A, "e2", EventType.REFUSED))
    async with store.begin() as tx:
        await tx.consents.append([one, two], {})
        many = [f"unknown-{number}" for number in range(70_000)]
        assert await tx.consents.known_events([*many, "e2", "e1"]) == {"e1": one[1], "e2": two[1]}
        assert await tx.consents.known_events([]) == {}


async def test_an_event_id_is_stored_once_and_a_conflict_keeps_nothing_of_the_batch(store: SqlStore) -> None:
    await _append(store, event(A, "e1"))
    with pytest.raises(StateError) as caught:
        async with store.begin() as tx:
            await tx.audit.append([given.audit_event("e0", subject_ref=B)])
            await tx.consents.append([hashed(event(B, "e0")), hashed(event(B, "e1"))], {B: [row(B)]})
    assert caught.value.reason == "REVISION_CONFLICT"
    async with store.read() as tx:
        assert await tx.consents.known_events(["e0"]) == {}
        assert (await tx.consents.histories([B]))[B].events == ()
        assert await plain(tx) == []
        assert await tx.consents.subject_count() == 1
        assert await tx.audit.pending(10) == []


async def test_a_conflict_that_is_caught_inside_still_keeps_nothing(store: SqlStore) -> None:
    """SQLite would have committed the rows before the one in conflict."""
    await _append(store, event(A, "e1"))
    with pytest.raises(StateError) as caught:
        async with store.begin() as tx:
            with pytest.raises(StateError):
                await tx.consents.append([hashed(event(B, "e0")), hashed(event(B, "e1"))], {})
    assert caught.value.reason == "REVISION_CONFLICT"
    async with store.read() as tx:
        assert await tx.consents.known_events(["e0", "e1"]) == {"e1": hashed(event(A, "e1"))[1]}


async def test_the_projection_of_a_touched_subject_is_replaced_and_no_other(store: SqlStore) -> None:
    await _append(store, event(A, "a1"), event(B, "b1"), **{A: [row(A), row(A, category="segment")], B: [row(B)]})
    await _append(store, event(A, "a2", EventType.WITHDRAWN), **{A: []})
    async with store.read() as tx:
        assert await plain(tx) == [B]
        assert await on_file(tx) == [A, B]
        assert texts(await tx.consents.plain(replace(USE, category="segment"), TRUST_ALL, NOW, *ALL)) == []
    await _append(store, **{A: [row(A, "anew")]})  # without an event, as after a change of the rule
    async with store.read() as tx:
        assert await plain_ids(tx) == ["anew", "consent-1"]


async def test_who_is_named_by_an_event_but_not_projected_loses_the_plain_row(store: SqlStore) -> None:
    await _append(store, event(A, "a1"), event(B, "b1"), **{A: [row(A)], B: [row(B)]})
    await _append(store, event(A, "m1", EventType.MERGED, handler=None, subjects=(A, B)), **{A: []})
    await _append(store, event(C, "c1"))
    async with store.read() as tx:
        assert (await plain(tx), await on_file(tx)) == ([], [A, B, C])


async def test_joined_people_are_known_with_each_other_s_histories(store: SqlStore) -> None:
    joined = [
        event(A, "m1", EventType.MERGED, handler=None, subjects=(A, B)),
        event(C, "m2", EventType.UNMERGED, handler=None, subjects=(B, C)),
    ]
    await _append(store, *joined, event(B, "b1"), event(D, "d1"))
    async with store.read() as tx:
        histories = await tx.consents.histories([B, C, D])
        assert histories[D] == History(D, (event(D, "d1"),))
        assert histories[B] == History(B, (event(B, "b1"),), (History(A, (joined[0],)), History(C, (joined[1],))))
        assert {other.subject for other in histories[C].linked} == {A, B}
        assert await on_file(tx) == [A, B, C, D]  # A says of B too


async def test_two_writers_on_one_subject_lose_nothing(store: SqlStore, other: SqlStore) -> None:
    """Each counts what is on file under the lock, then adds one: a lost update would repeat a number."""

    async def write(where: SqlStore, writer: int) -> None:
        for turn in range(5):
            subjects = [A, B] if (writer + turn) % 2 else [B, A]
            async with where.begin() as tx:
                await tx.consents.lock_subjects(subjects)
                histories = await tx.consents.histories(subjects)
                await asyncio.sleep(0.002)
                new = [
                    hashed(event(subject, f"{subject}-{len(histories[subject].events)}", EventType.REFUSED))
                    for subject in subjects
                ]
                await tx.consents.append(new, {subject: [] for subject in subjects})
                await tx.audit.append([given.audit_event(new[0][0].event_id, subject_ref=subjects[0])])

    async with asyncio.timeout(60):
        await asyncio.gather(*(write((store, other)[writer % 2], writer) for writer in range(4)))
    async with store.read() as tx:
        histories = await tx.consents.histories([A, B])
        assert len(await tx.audit.pending(100)) == 20
    for subject in (A, B):
        assert [event.event_id for event in histories[subject].events] == [f"{subject}-{turn}" for turn in range(20)]


async def test_more_subjects_than_a_statement_may_have_parameters(store: SqlStore) -> None:
    refs = [ref(number) for number in range(70_000)]
    async with store.begin() as tx:
        await tx.consents.lock_subjects(refs)
        await tx.consents.append([hashed(event(refs[-1], "last"))], {subject: [] for subject in refs})
        histories = await tx.consents.histories(refs)
    assert len(histories) == 70_000
    assert histories[refs[-1]].events == (event(refs[-1], "last"),)
    assert sum(len(history.events) for history in histories.values()) == 1


async def test_rows_are_replaced_wherever_they_are(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever somebody had rows for, together or apart, and noted or from before it was: the last rows are all."""
    draw, last, number = random.Random(7), dict[str, set[tuple[str, str]]](), 0
    uses = [(purpose, category) for purpose in ("enrich", "measure") for category in ("phone", "segment", "tier")]
    for turn in range(25):
        monkeypatch.setattr("gateway.store.use_groups.MAX_GROUPS", 0 if turn < 5 else 5)
        said = {one: draw.sample(uses, draw.choice((0, 1, 3))) for one in draw.sample((A, B, C, D), draw.randint(1, 4))}
        named = draw.sample((A, B, C, D), draw.randint(0, 2))
        async with store.begin() as tx:
            for one in named:
                number += 1
                await tx.consents.append([hashed(event(one, f"e{number}"))], {})
            if draw.random() < 0.3:
                await tx._connection.execute(subjects.update().values(use_set=None))
                tx.consents._use_sets.clear()
                tx.consents._revisions.clear()
            projection = {
                one: [row(one, purpose=purpose, category=category) for purpose, category in of_one]
                for one, of_one in said.items()
            }
            await tx.consents.append([], projection)
        last |= {one: set() for one in named}
        last |= {one: set(of_one) for one, of_one in said.items()}
        async with store.read() as tx:
            use = {one.use_id: one for one in await tx._connection.rows(select(consent_uses))}
            groups = {number: of_group for number, of_group in await tx._connection.rows(select(consent_use_groups))}
            rows = await tx._connection.rows(select(consent_projection.c.subject_ref, consent_projection.c.use_id))
        assert len(groups) <= (0 if turn < 5 else 5)
        said_of = [(ref, use[number]) for ref, place in rows for number in groups.get(place, [place])]
        found = sorted((ref, one.purpose, one.category) for ref, one in said_of)
        assert found == sorted((one, *of_one) for one, each in last.items() for of_one in each)
    assert len(groups) == 5


async def test_rows_are_looked_for_in_their_key(store: SqlStore) -> None:
    """Without an index by people, a walk of the whole projection would hide in the right answer."""
    if store._engines.sqlite:
        sent: list[str] = []
        listen(store._engines.writer.sync_engine, "before_cursor_execute", lambda *told: sent.append(told[2]))
        await _append(store, event(A, "one"), **{A: [row(A)]})
        async with store.begin() as tx:
            await tx.consents.append([], {A: [row(A)]})
            await tx._connection.execute(subjects.update().values(use_set=None))
        async with store.begin() as tx:
            await tx.consents.append([], {A: []})
        removed = sorted({statement for statement in sent if statement.startswith("DELETE FROM consent_projection")})
        assert len(removed) == 2
        async with store.read() as tx:
            for statement in removed:
                plan = await tx._connection.rows(text(f"EXPLAIN QUERY PLAN {statement.replace('?', repr('[]'))}"))
                assert any("PRIMARY KEY (use_id=? AND subject_ref=?)" in one.detail for one in plan)
