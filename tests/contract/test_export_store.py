"""The yearly counters: each person once per year, recipient and kind; what was known stays known."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select, text

from consent.mechanism import Exported
from gateway.route.subject_ref import Bytes
from gateway.store import SqlStore
from gateway.store.connection import StoreConnection
from gateway.store.exports import SqlExportStore
from gateway.store.schema_limits import exported_people
from tests.contract import given

NOW = given.NOW
LATER = NOW + timedelta(hours=1)


def people(first: int, count: int) -> Bytes:
    refs = "".join(given.ref(number) for number in range(first, first + count))
    return np.frombuffer(refs.encode(), dtype=np.uint8).reshape(-1, 26)


async def add(store: SqlStore, year: int, to: str, whom: Bytes, at: datetime = NOW, *, sensitive: bool = False) -> None:
    async with store.begin() as tx:
        await tx.exports.add(year, to, whom, at, sensitive=sensitive)


async def test_a_person_counts_once_whoever_receives(store: SqlStore) -> None:
    await add(store, 2026, "singapore", people(0, 2500))
    await add(store, 2026, "singapore", people(2000, 1000), LATER)
    await add(store, 2026, "japan", people(2900, 200), LATER, sensitive=True)
    await add(store, 2026, "japan", people(2900, 200), LATER + timedelta(hours=1), sensitive=True)
    async with store.read() as tx:
        assert await tx.exports.exported(2026, "", LATER) == Exported(3100, 200)
        assert await tx.exports.exported(2026, "singapore", LATER) == Exported(3000, 0)
        assert await tx.exports.exported(2026, "japan", LATER) == Exported(200, 200)
        assert await tx.exports.exported(2026, "", NOW) == Exported(2500, 0)
        assert await tx.exports.exported(2026, "", NOW - timedelta(seconds=1)) == Exported(0, 0)
        assert await tx.exports.exported(2027, "", LATER) == Exported(0, 0)
        counts = await tx.exports.list(2026)
        assert [(count.recipient, count.sensitive, count.people, count.at) for count in counts] == [
            ("", False, 3100, LATER),
            ("", True, 200, LATER),
            ("japan", False, 200, LATER),
            ("japan", True, 200, LATER),
            ("singapore", False, 3000, LATER),
        ]
        assert await tx.exports.list(2026, ("", True), 2) == counts[2:4]


async def test_a_person_is_forgotten_counter_by_counter_and_stays_counted(store: SqlStore) -> None:
    """The table holds everybody who ever went abroad: nobody is looked for by walking it."""
    await add(store, 2026, "singapore", people(0, 2000), sensitive=True)
    await add(store, 2027, "japan", people(0, 2000))
    gone, other = given.ref(7), given.ref(8)
    async with store.begin() as tx:
        connection = tx._connection
        if connection.postgresql:
            await connection.execute(text("ANALYZE exported_people"))
        sent, execute = list[Any](), StoreConnection.execute

        async def noting(of: StoreConnection, statement: Any, *more: Any) -> Any:
            sent.append(statement)
            return await execute(of, statement, *more)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(StoreConnection, "execute", noting)
            await SqlExportStore(connection).forget(gone)
        left = await connection.rows(select(exported_people).where(exported_people.c.subject_ref.in_((gone, other))))
        assert {row.subject_ref for row in left} == {other} and len(left) == 6
        assert await tx.exports.exported(2026, "singapore", NOW) == Exported(2000, 2000)
        explain = "EXPLAIN " if connection.postgresql else "EXPLAIN QUERY PLAN "
        deletions = [
            str(one.compile(connection._connection, compile_kwargs={"literal_binds": True})) for one in sent[1:]
        ]
        assert len(deletions) == 6
        plan = "".join(str(row) for row in await connection.rows(text(explain + deletions[0])))
        found = "pk_exported_people" if connection.postgresql else "subject_ref=?"
        assert found in plan and ("Index" in plan or "SEARCH" in plan), plan


async def test_what_is_rolled_back_was_never_counted(store: SqlStore) -> None:
    class Stopped(Exception):
        pass

    try:
        async with store.begin() as tx:
            await tx.exports.add(2026, "singapore", people(0, 10), NOW, sensitive=True)
            raise Stopped
    except Stopped:
        pass
    async with store.read() as tx:
        assert await tx.exports.list(2026) == []


async def test_two_writers_lose_nobody(store: SqlStore, other: SqlStore) -> None:
    await asyncio.gather(
        *(
            add(writer, 2026, to, people(300 * number, 500), sensitive=number % 2 == 0)
            for number in range(4)
            for writer, to in ((store, "singapore"), (other, "japan"))
        )
    )
    async with store.read() as tx:
        assert await tx.exports.exported(2026, "", NOW) == Exported(1400, 1000)
        assert await tx.exports.exported(2026, "singapore", NOW) == Exported(1400, 1000)
        assert await tx.exports.exported(2026, "japan", NOW) == Exported(1400, 1000)
