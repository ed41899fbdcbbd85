"""People of a range, read in one piece: who is plain, who is on file, who changed, whose consent ended."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from sqlalchemy import event as listen_to
from sqlalchemy import select, text

from consent.event import ConsentEvent, EventType
from consent.projection import TRUST_ALL, TRUST_NONE, ProjectionRow
from gateway.errors import StateError
from gateway.flow.ports.people import Mark
from gateway.store import SqlStore, people
from gateway.store.schema import consent_projection, consent_use_groups, consent_uses, subjects
from tests.contract import given
from tests.contract.given import DAY, NOW, USE, event, hashed, ref, row
from tests.contract.people import ALL, plain, texts

A, B, C, D, E = (ref(number) for number in range(1, 6))
MICRO = timedelta(microseconds=1)
ENRICH = {"use_id": 1, "handler": "retailer", "purpose": "enrich", "recipient": "platform"}
ENRICH |= {"category": "phone", "method": "psi_hash"}


async def append(store: SqlStore, *events: ConsentEvent, **projection: Sequence[ProjectionRow]) -> None:
    async with store.begin() as tx:
        await tx.consents.append([hashed(event) for event in events], projection)


async def say(store: SqlStore, *rows: ProjectionRow) -> None:
    """Put rows of the projection with an event for each."""
    said: dict[str, list[ProjectionRow]] = {}
    for one in rows:
        said.setdefault(one.subject, []).append(one)
    await append(store, *(event(subject, f"e-{subject}") for subject in said), **said)


async def test_the_plain_rows_of_exactly_one_use_answer(store: SqlStore) -> None:
    await say(
        store,
        row(D, "consent-d", valid_until=None),
        *(row(B, "consent-b"), row(B, "own", recipient=None), row(B, "other", category="segment")),
        row(A, "not plain", plain=False),
        *(row(C, "elsewhere", handler="agency"), row(C, purpose="measure"), row(C, method="he_aggregate")),
    )
    async with store.begin() as tx:
        await tx._connection.insert_rows(subjects, [{"subject_ref": ref(9)}])  # locked once, nothing on file
        assert await plain(tx) == [B, D]
        table = await tx.consents.plain_ids(USE, TRUST_ALL, NOW, *ALL)
        assert table.schema == pa.schema({"subject_ref": pa.string(), "consent_id": pa.string()})
        assert table.to_pydict() == {"subject_ref": [B, D], "consent_id": ["consent-b", "consent-d"]}
        own = replace(USE, recipient=None)
        assert texts(await tx.consents.plain(own, TRUST_ALL, NOW, *ALL)) == [B]
        assert texts(await tx.consents.on_file(*ALL)) == [A, B, C, D]
        assert await tx.consents.subject_count() == 4


async def test_a_use_is_found_alone_and_in_every_group(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said alike of several uses is one row; before groups, and beyond their number, each has its own."""
    segment, tier = {"category": "segment"}, {"category": "tier"}
    with monkeypatch.context() as before:
        before.setattr("gateway.store.use_groups.MAX_GROUPS", 0)
        await say(store, row(D, "d"), row(D, "d", **segment), row(E, "e", **segment))
    monkeypatch.setattr("gateway.store.use_groups.MAX_GROUPS", 2)
    await say(store, row(B, "b"), row(B, "b", **segment), row(ref(6), "f", **segment), row(ref(6), "f", **tier))
    await say(store, row(A, "a"), row(A, "a", **segment), row(A, "a", **tier))
    await say(store, row(C, "c", plain=False), row(C, "c", plain=False, **segment), row(C, "c", **tier))
    async with store.read() as tx:
        groups = {one.group_id: one.use_ids for one in await tx._connection.rows(select(consent_use_groups))}
        rows = await tx._connection.rows(select(consent_projection.c.subject_ref, consent_projection.c.use_id))
        assert groups == {-1: [1, 2], -2: [2, 3]}
        places = {(D, 1), (D, 2), (E, 2), (B, -1), (ref(6), -2), (A, 1), (A, 2), (A, 3), (C, -1), (C, 3)}
        assert {tuple(one) for one in rows} == places
        assert await plain(tx) == [A, B, D]
        assert await plain(tx, B, C) == [B]
        names = await tx.consents.plain_ids(USE, TRUST_ALL, NOW, *ALL)
        assert names.to_pydict() == {"subject_ref": [A, B, D], "consent_id": ["a", "b", "d"]}
        for use, yes, asked in ((USE, [A, B, D], [C]), (replace(USE, category="tier"), [A, C, ref(6)], [])):
            told = await tx.consents.told_apart(use, TRUST_ALL, NOW, *ALL, whoever_receives=False)
            assert (told.plain.column("subject_ref").to_pylist(), texts(told.doubtful)) == (yes, asked)
        told = await tx.consents.told_apart(replace(USE, recipient=None), TRUST_ALL, NOW, *ALL, whoever_receives=True)
        assert (told.plain.num_rows, texts(told.doubtful)) == (0, [A, B, C, D])
        ended = await tx.consents.lapsed(USE, NOW, NOW + 400 * DAY, 9)
        assert texts(ended) == [A, B, D]


async def test_on_another_basis_than_consent_nobody_is_plain(store: SqlStore) -> None:
    await say(store, row(A, valid_until=NOW))
    async with store.read() as tx:
        contract = replace(USE, basis="contract")
        assert texts(await tx.consents.plain(contract, TRUST_ALL, NOW, *ALL)) == []
        assert (await tx.consents.plain_ids(contract, TRUST_ALL, NOW, *ALL)).num_rows == 0
        assert texts(await tx.consents.lapsed(contract, NOW - DAY, NOW, 9)) == []
        assert texts(await tx.consents.on_file(*ALL)) == [A]


async def test_a_row_answers_within_its_time_only(store: SqlStore) -> None:
    since, until = NOW - DAY, NOW + DAY
    await say(
        store, row(A, effective_from=since, valid_until=until), row(B, effective_from=since - MICRO, valid_until=None)
    )
    async with store.read() as tx:
        assert await plain(tx, at=since - 2 * MICRO) == []
        assert await plain(tx, at=since - MICRO) == [B]
        assert await plain(tx, at=since) == [A, B]
        assert await plain(tx, at=until - MICRO) == [A, B]
        assert await plain(tx, at=until) == [B]
        assert await plain(tx, floor=since) == [A]
        assert await plain(tx, floor=since + MICRO) == []
        assert await plain(tx, floor=TRUST_NONE) == []


async def test_both_ends_of_a_range_are_inside(store: SqlStore) -> None:
    await say(store, *(row(subject) for subject in (A, C, E)))
    async with store.read() as tx:
        for first, last, inside in [
            (A, E, [A, C, E]),
            (B, D, [C]),
            (C, C, [C]),
            (B, B, []),
            (A, D, [A, C]),
            (B, E, [C, E]),
            (E, A, []),
            (ref(6), "z" * 26, []),
        ]:
            assert await plain(tx, first, last) == inside
            assert texts(await tx.consents.on_file(first, last)) == inside
            ids = await tx.consents.plain_ids(USE, TRUST_ALL, NOW, first, last)
            assert ids.column("subject_ref").to_pylist() == inside


async def test_an_empty_store_answers_with_nobody(store: SqlStore) -> None:
    async with store.read() as tx:
        assert await plain(tx) == []
        assert texts(await tx.consents.on_file(*ALL)) == []
        assert await tx.consents.subject_count() == 0
        assert (await tx.consents.plain_ids(USE, TRUST_ALL, NOW, *ALL)).to_pydict() == {
            "subject_ref": [],
            "consent_id": [],
        }
        assert await tx.consents.mark() == Mark(0, 0)
        assert texts(await tx.consents.changed(Mark(0, 0), 9)) == []
        assert texts(await tx.consents.lapsed(USE, TRUST_ALL, TRUST_NONE, 9)) == []


def random_refs(count: int) -> list[str]:
    letters = np.frombuffer(b"234567abcdefghijklmnopqrstuvwxyz", dtype=np.uint8)
    return [bytes(one).decode() for one in letters[np.random.default_rng(7).integers(0, 32, (count, 26))]]


@pytest.mark.parametrize("borders", [None, (), ("4", "a2", "a3", "nn", "z")])
async def test_people_come_ascending_however_a_range_is_cut(
    store: SqlStore, borders: tuple[str, ...] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    refs = random_refs(3000)
    # Ids as long and as odd as they may be; a line break is no printable character.
    ids = {
        subject: ("编" * 199 if number % 2 else "a b|'\"\\") + str(number % 7) for number, subject in enumerate(refs)
    }
    await say(store, *(row(subject, ids[subject], plain=number % 3 > 0) for number, subject in enumerate(refs)))
    if borders is not None:
        monkeypatch.setattr(people, "BORDERS", borders)
    expected = sorted(subject for number, subject in enumerate(refs) if number % 3)
    async with store.read() as tx:
        assert await plain(tx) == expected
        table = await tx.consents.plain_ids(USE, TRUST_ALL, NOW, *ALL)
        assert table.column("subject_ref").to_pylist() == expected
        assert table.column("consent_id").to_pylist() == [ids[subject] for subject in expected]
        assert texts(await tx.consents.on_file(*ALL)) == sorted(refs)
        first, last = expected[100], expected[-100]
        assert await plain(tx, first, last) == expected[100:-99]
        table = await tx.consents.plain_ids(USE, TRUST_ALL, NOW, first, last)
        assert table.column("consent_id").to_pylist() == [ids[subject] for subject in expected[100:-99]]


async def test_a_reference_that_is_none_is_named_as_damage(store: SqlStore) -> None:
    await say(store, row(A), row(B))
    for column, wrong in (("subject_ref", "short"), ("subject_ref", "é" * 26), ("consent_id", "two\nlines")):
        with pytest.raises(StateError) as caught:
            async with store.begin() as tx:
                if column == "subject_ref":
                    await tx._connection.insert_rows(subjects, [{"subject_ref": wrong}])
                where = {"wrong": wrong, "ref": B}
                await tx._connection.execute(
                    text(f"UPDATE consent_projection SET {column} = :wrong WHERE subject_ref = :ref"), where
                )
                await tx.consents.plain_ids(USE, TRUST_ALL, NOW, "2", "\U0010ffff")
        assert caught.value.reason == "LOG_INCONSISTENT"


async def test_whom_an_append_touches_has_changed_since_the_mark_before_it(store: SqlStore) -> None:
    await say(store, row(A), row(B), row(C))
    marks = []
    for step in (
        ([event(B, "b2", EventType.WITHDRAWN)], {B: []}),
        ([event(A, "m1", EventType.MERGED, handler=None, subjects=(A, D))], {}),
        ([], {C: [row(C, "anew")]}),  # without an event, as after a change of the rule
    ):
        async with store.begin() as tx:
            marks.append(await tx.consents.mark())
            await tx.consents.append([hashed(one) for one in step[0]], step[1])
    async with store.read() as tx:
        found = [texts(await tx.consents.changed(mark, 9)) for mark in (*marks, await tx.consents.mark())]
        assert found == [[A, B, C, D], [A, C, D], [C], []]
        assert await tx.consents.changed(marks[0], 3) is None
        assert texts(await tx.consents.changed(marks[0], 4)) == [A, B, C, D]
        assert [mark.changes for mark in marks] == [1, 2, 3]


async def test_a_rollback_leaves_mark_and_people_as_they_were(store: SqlStore) -> None:
    await say(store, row(A))
    async with store.read() as tx:
        before = await tx.consents.mark()
    with pytest.raises(LookupError):
        async with store.begin() as tx:
            await tx.consents.append([hashed(event(A, "a2"))], {A: []})
            assert texts(await tx.consents.changed(before, 9)) == [A]
            raise LookupError
    async with store.read() as tx:
        assert await tx.consents.mark() == before
        assert texts(await tx.consents.changed(before, 9)) == []
        assert await plain(tx) == [A]


async def test_a_mark_tells_every_change_of_what_decisions_read(store: SqlStore) -> None:
    changes = [
        lambda tx: tx.registry.put(given.registry_item()),
        lambda tx: tx.partners.put(given.signed_card(), NOW),
        lambda tx: tx.partners.put(given.signed_card(), NOW),
        lambda tx: tx.agreements.put(given.agreement_copy()),
        lambda tx: tx.agreements.put(given.agreement_copy(revision=2)),
    ]
    marks = []
    for change in changes:
        async with store.begin() as tx:
            await change(tx)
        async with store.read() as tx:
            marks.append((await tx.consents.mark()).registry)
    assert marks == sorted(set(marks))
    await say(store, row(A))
    async with store.read() as tx:
        assert await tx.consents.mark() == Mark(1, marks[-1])


async def test_a_mark_never_misses_who_is_written_meanwhile(store: SqlStore, other: SqlStore) -> None:
    """Writers overlap; whoever is not changed since a mark must have stood in its snapshot already."""
    written: set[str] = set()

    async def write(where: SqlStore, first: int) -> None:
        for number in range(first, first + 10):
            async with where.begin() as tx:
                await tx.consents.append([hashed(event(ref(number), f"e{number}"))], {})
                await asyncio.sleep(0.003)
            written.add(ref(number))

    seen: list[tuple[Mark, set[str]]] = []

    async def watch() -> None:
        while len(written) < 40:
            async with other.read() as tx:
                mark = await tx.consents.mark()
                await asyncio.sleep(0.002)
                seen.append((mark, set(texts(await tx.consents.on_file(*ALL)))))

    async with asyncio.timeout(60):
        await asyncio.gather(*(write((store, other)[first % 20 // 10], first) for first in range(0, 40, 10)), watch())
    async with store.read() as tx:
        everyone = set(texts(await tx.consents.on_file(*ALL)))
        for mark, there in seen:
            assert set(texts(await tx.consents.changed(mark, 100))) == everyone - there
        assert (await tx.consents.mark()).changes == len(everyone) == 40
    assert len({mark for mark, _ in seen}) > 3


async def test_whose_plain_row_ended_between_two_times_has_lapsed(store: SqlStore) -> None:
    await say(
        store,
        row(D, valid_until=NOW + DAY),
        *(row(A, valid_until=NOW), row(A, category="segment", valid_until=NOW + DAY)),
        row(B, valid_until=None),
        row(C, valid_until=NOW + DAY, plain=False),
        row(E, valid_until=NOW + 2 * DAY, recipient=None),
    )
    async with store.read() as tx:

        async def lapsed(after: datetime, until: datetime, limit: int = 9) -> list[str]:
            return texts(await tx.consents.lapsed(USE, after, until, limit))

        assert await lapsed(NOW - DAY, NOW + 3 * DAY) == [A, D]
        assert await lapsed(NOW - MICRO, NOW) == [A]
        assert await lapsed(NOW, NOW + DAY) == [D]
        assert await lapsed(NOW, NOW + DAY - MICRO) == []
        assert await lapsed(NOW + DAY, NOW + DAY) == []
        assert await lapsed(NOW - DAY, NOW + 3 * DAY, limit=2) == [A, D]
        assert await tx.consents.lapsed(USE, NOW - DAY, NOW + 3 * DAY, 1) is None
        own = await tx.consents.lapsed(replace(USE, recipient=None), NOW, NOW + 2 * DAY, 9)
        assert texts(own) == [E]


async def test_each_question_is_a_range_of_an_index(store: SqlStore) -> None:
    """As the database itself plans it, with people enough that it would rather not read all of them."""
    refs = random_refs(5000)
    values = {"use_id": 1, "plain": True, "consent_id": "c", "effective_from": NOW - DAY}
    async with store.begin() as tx:
        connection = tx._connection
        known = [{"subject_ref": one, "revision": 1, "changed": number} for number, one in enumerate(refs)]
        await connection.insert_rows(subjects, known)
        await connection.insert_rows(consent_uses, [ENRICH])
        said = [
            values | {"subject_ref": one, "valid_until": NOW + number * DAY if number % 2 else None}
            for number, one in enumerate(refs)
        ]
        await connection.insert_rows(consent_projection, said)
        if connection.postgresql:
            await connection.execute(text("ANALYZE"))
    asked = {
        "pk_consent_projection": lambda tx: tx.consents.plain(USE, TRUST_ALL, NOW, "m2", "m5"),
        "pk_subjects": lambda tx: tx.consents.on_file("m2", "m5"),
        "ix_subjects_changed": lambda tx: tx.consents.changed(Mark(4990, 0), 100),
        "ix_consent_projection_valid_until": lambda tx: tx.consents.lapsed(USE, NOW, NOW + 5 * DAY, 100),
    }
    explain = "EXPLAIN " if connection.postgresql else "EXPLAIN QUERY PLAN "
    for index, ask in asked.items():
        async with store.begin() as tx:
            raw = await tx._connection._connection.get_raw_connection()
            engine = store._engines.writer.sync_engine
            sent: list[tuple[str, object]] = []

            def note(_c: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
                sent.append((statement, parameters))  # noqa: B023 - asked for before the next turn

            listen_to.listen(engine, "before_cursor_execute", note)
            assert len(await ask(tx)) > 0
            listen_to.remove(engine, "before_cursor_execute", note)
            (statement, parameters) = sent[-1]  # the use's number was asked for before
            cursor = await raw.driver_connection.execute(explain + statement, parameters)
            plan = "\n".join(str(one) for one in await cursor.fetchall())
        if connection.postgresql:
            assert f" {index}" in plan and "Index" in plan, plan
        else:
            assert f"USING {'PRIMARY KEY' if index.startswith('pk') else f'INDEX {index}'}" in plan.replace(
                "COVERING ", ""
            ), plan
            assert "SEARCH" in plan, plan


async def test_twenty_thousand_people_are_one_statement(store: SqlStore) -> None:
    refs = [ref(number) for number in range(20_000)]
    values = {"use_id": 1, "plain": True, "consent_id": "c", "effective_from": NOW}
    values |= {"valid_until": None}
    async with store.begin() as tx:
        await tx._connection.insert_rows(subjects, [{"subject_ref": subject, "revision": 1} for subject in refs])
        await tx._connection.insert_rows(consent_uses, [ENRICH])
        await tx._connection.insert_rows(consent_projection, [values | {"subject_ref": one} for one in refs[:18_000]])
    sent: list[str] = []
    engine = store._engines.writer.sync_engine
    async with store.begin() as tx:
        listen_to.listen(engine, "before_cursor_execute", lambda *arguments: sent.append(arguments[2]))
        assert len(await tx.consents.plain(USE, TRUST_ALL, NOW, refs[0], refs[-1])) == 18_000
        assert len(await tx.consents.on_file(refs[0], refs[-1])) == 20_000
    assert len(sent) == 3  # one of them asks for the use's number
