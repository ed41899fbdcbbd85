"""SQLite's log is copied back beside the writer, and after an erasure nothing is left in it."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gateway.store import SqlStore, open_store, write_ahead
from gateway.store.schema import subjects
from tests.contract.given import ref


@pytest.fixture(params=["sqlite"])
def store_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'assent.db'}"


async def add(store: SqlStore, first: int, count: int) -> None:
    async with store.begin() as tx:
        refs = [ref(number) for number in range(first, first + count)]
        await tx._connection.insert_columns(subjects, {"subject_ref": refs})


async def copied(store: SqlStore) -> None:
    async with asyncio.timeout(60):
        await store._write_ahead.close()


def in_the_database(folder: Path) -> int:
    """How many people the file itself holds, without its log."""
    alone = folder / "alone.db"
    alone.write_bytes((folder / "assent.db").read_bytes())
    with closing(sqlite3.connect(f"file:{alone}?immutable=1", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM subjects").fetchone()[0])


async def test_what_was_written_is_copied_while_nobody_waits(store: SqlStore, tmp_path: Path) -> None:
    await store._write_ahead.empty()
    few = write_ahead.COPIED_AT // 2 - 1
    await add(store, 0, few)
    await add(store, few, few)
    await copied(store)
    assert in_the_database(tmp_path) == 0
    await add(store, 2 * few, 1)  # counts for more than a row
    await copied(store)
    assert in_the_database(tmp_path) == 2 * few + 1
    async with store.begin() as tx:  # the next are not kept from writing
        writing = asyncio.create_task(store._write_ahead._copy(store._engines.copier))
        await tx._connection.insert_columns(subjects, {"subject_ref": [ref(2 * few + 1)]})
        await writing
    assert in_the_database(tmp_path) == 2 * few + 1


async def test_an_erasure_empties_the_log_also_while_it_is_copied(store: SqlStore, tmp_path: Path) -> None:
    log = tmp_path / "assent.db-wal"
    await add(store, 0, write_ahead.COPIED_AT)
    assert log.stat().st_size > 0
    async with store.begin() as tx:
        await tx.audit.erase_subject(ref(0))
        await tx._connection.insert_columns(
            subjects, {"subject_ref": [ref(number) for number in range(10_000, 20_000)]}
        )
    assert log.stat().st_size == 0


async def test_a_store_that_is_closed_waits_for_the_copy(store_url: str, tmp_path: Path) -> None:
    store = await open_store(store_url)
    await add(store, 0, write_ahead.COPIED_AT)
    await store.close()
    assert in_the_database(tmp_path) == write_ahead.COPIED_AT
    assert not (tmp_path / "assent.db-wal").exists()
