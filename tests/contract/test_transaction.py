from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.errors import Misuse, RequestError, StateError
from gateway.store import SqlStore, SqlTransaction, open_store
from tests.contract import given
from tests.contract.given import event, hashed, ref
from tests.contract.people import plain


async def _is_empty(store: SqlStore) -> bool:
    async with store.read() as tx:
        held = (
            await tx.registry.list("purpose"),
            await tx.jobs.list(),
            await tx.audit.pending(10),
            await plain(tx),
            await tx.sessions.by_nonce("platform", bytes([7] * 32)),
        )
    return not any(held)


async def test_a_change_and_its_leaf_are_there_together_or_not_at_all(store: SqlStore, other: SqlStore) -> None:
    with pytest.raises(LookupError):
        async with store.begin() as tx:
            await given.everything(tx)
            raise LookupError
    assert await _is_empty(store)
    async with store.begin() as tx:
        await given.everything(tx)
        assert await _is_empty(other)  # not before the commit
    assert not await _is_empty(other)
    async with other.read() as reader:
        assert len(await reader.audit.pending(10)) == 1


async def test_a_failure_while_the_leaf_is_stored_takes_the_change_back(store: SqlStore) -> None:
    """The leaves are inserted last; nothing of the change may outlive their failure."""
    async with store.begin() as tx:
        await tx.audit.append([given.audit_event("first")])
    async with store.begin() as tx:
        await tx._connection.execute(text("UPDATE counters SET value = 0 WHERE name = 'pending'"))
    with pytest.raises(StateError) as caught:
        async with store.begin() as tx:
            await tx.jobs.create(given.job())
            await tx.audit.append([given.audit_event("second")])
    assert caught.value.reason == "REVISION_CONFLICT"
    async with store.read() as tx:
        assert await tx.jobs.list() == []


async def test_a_read_sees_one_snapshot(store: SqlStore, other: SqlStore) -> None:
    async with store.read() as tx:
        assert await tx.jobs.list() == []
        async with other.begin() as writer:
            await given.everything(writer)
        assert await tx.jobs.list() == []
        assert await tx.audit.pending(10) == []
        assert await plain(tx) == []
    assert not await _is_empty(store)


async def test_a_read_cannot_write(store: SqlStore) -> None:
    with pytest.raises(Misuse):
        async with store.read() as tx:
            await tx.jobs.create(given.job())
    with pytest.raises(Misuse):
        async with store.read() as tx:
            await tx.audit.append([given.audit_event()])
    assert await _is_empty(store)


async def test_a_cancelled_task_leaves_nothing_and_the_store_goes_on(store: SqlStore) -> None:
    inside = asyncio.Event()

    async def write() -> None:
        async with store.begin() as tx:
            await given.everything(tx)
            inside.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(write())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await _is_empty(store)
    async with store.begin() as tx:
        await given.everything(tx)
    assert not await _is_empty(store)


async def test_a_task_cancelled_inside_a_statement_leaves_nothing(store: SqlStore) -> None:
    async def write(number: int) -> None:
        async with store.begin() as tx:
            await tx.consents.append([hashed(event(ref(number), f"{number}-{part}")) for part in range(200)], {})
            await tx.audit.append([given.audit_event(f"{number}-{part}") for part in range(200)])

    for number in range(12):
        task = asyncio.create_task(write(number))
        await asyncio.sleep(0.003 * number)
        task.cancel()
        await asyncio.wait({task})
        async with store.read() as tx:
            events = (await tx.consents.histories([ref(number)]))[ref(number)].events
            assert len(events) in (0, 200)
    async with store.read() as tx:
        assert len(await tx.audit.pending(10_000)) == 200 * await tx.consents.subject_count()


_KILLED = """
import asyncio, os, signal, sys
from gateway.store import open_store
from tests.contract import given

async def main():
    store = await open_store(sys.argv[1])
    async with store.begin() as tx:
        await tx.registry.put(given.registry_item("committed"))
        await tx.audit.append([given.audit_event("committed")])
    async with store.begin() as tx:
        await given.everything(tx)
        if sys.argv[2] == "numbered":
            await tx.audit.pending(1)
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


@pytest.mark.parametrize("moment", ["written", "numbered"])
async def test_a_process_killed_inside_a_transaction_leaves_what_it_had_committed(store_url: str, moment: str) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", _KILLED, store_url, moment, env=environment)
    assert await process.wait() == -signal.SIGKILL
    store = await open_store(store_url)
    async with store.begin() as tx:
        assert [item.item_id for item in await tx.registry.list("purpose")] == ["committed"]
        assert await tx.jobs.list() == []
        assert [entry.pending_id for entry in await tx.audit.pending(10)] == [0]
        assert await plain(tx) == []
        await given.everything(tx)
    async with store.read() as tx:
        assert [entry.pending_id for entry in await tx.audit.pending(10)] == [0, 1]
    await store.close()


async def test_text_that_no_column_can_hold_is_the_request_s_fault(store: SqlStore) -> None:
    for wrong in ({"partner": "\ud800"}, {"seq": 2**70}):
        with pytest.raises(RequestError) as caught:
            async with store.begin() as tx:
                await tx.jobs.create(given.job(**wrong))
        assert caught.value.reason == "BAD_FIELD"
    assert await _is_empty(store)


async def test_what_the_caller_raises_comes_out_as_it_is(store: SqlStore) -> None:
    for raised in (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), OverflowError(), ValueError()):
        with pytest.raises(type(raised)) as caught:
            async with store.begin() as tx:
                await given.everything(tx)
                raise raised
        assert caught.value is raised
    assert await _is_empty(store)


async def test_a_time_without_a_zone_is_a_bug(store: SqlStore) -> None:
    with pytest.raises(Misuse, match="zone"):
        async with store.begin() as tx:
            await tx.jobs.create(given.job(created_at=given.NOW.replace(tzinfo=None)))


async def test_a_row_that_cannot_be_read_is_named_as_damage(store: SqlStore) -> None:
    async with store.begin() as tx:
        await tx.jobs.create(given.job())
        await tx.agreements.put(given.agreement_copy())
    for change in ("jobs SET report = '{'", "jobs SET state = 'RESTING'", "agreements SET agreement = '{}'"):
        with pytest.raises(StateError) as caught:
            async with store.begin() as tx:
                await tx._connection.execute(text(f"UPDATE {change}"))
                await tx.jobs.list()
                await tx.agreements.list()
        assert caught.value.reason == "LOG_INCONSISTENT"


async def test_a_full_disk_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    """The database refuses to grow, as SQLite does when the disk is full."""
    store = await open_store(f"sqlite:///{tmp_path / 'assent.db'}")
    async with store.begin() as tx:
        pages = (await tx._connection.execute(text("PRAGMA page_count"))).scalar()
        await tx._connection.execute(text(f"PRAGMA max_page_count = {pages + 3}"))
    with pytest.raises(StateError) as caught:
        async with store.begin() as tx:
            await given.everything(tx)
            await tx.audit.append([given.audit_event(f"{number}" + "x" * 1000) for number in range(100)])
    assert caught.value.reason == "DISK_FULL"
    assert await _is_empty(store)
    async with store.begin() as tx:
        await tx._connection.execute(text(f"PRAGMA max_page_count = {pages + 1000}"))
        await given.everything(tx)
    assert not await _is_empty(store)
    await store.close()


async def test_sqlite_is_set_up_to_keep_what_it_commits(tmp_path: Path) -> None:
    store = await open_store(f"sqlite:///{tmp_path / 'assent.db'}")

    async def setting(tx: SqlTransaction, name: str) -> object:
        return (await tx._connection.execute(text(f"PRAGMA {name}"))).scalar()

    for _ in range(3):
        async with store.begin() as tx:
            assert await setting(tx, "synchronous") == 2  # FULL
            assert await setting(tx, "journal_mode") == "wal"
            assert await setting(tx, "foreign_keys") == 1
            assert await setting(tx, "secure_delete") == 1
            assert await setting(tx, "busy_timeout") == 60_000
    async with store.read() as tx:
        assert await setting(tx, "query_only") == 1
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"assent.db": 0o600, "assent.db-wal": 0o600, "assent.db-shm": 0o600}
    await store.close()
    assert [path.name for path in tmp_path.iterdir()] == ["assent.db"]


async def test_many_readers_go_on_while_one_writes(store: SqlStore) -> None:
    async def read() -> bool:
        return await _is_empty(store)

    async with store.begin() as tx:
        await given.everything(tx)
        async with asyncio.timeout(30):
            assert all(await asyncio.gather(*(read() for _ in range(20))))


async def test_writers_queue_and_all_get_their_turn(store: SqlStore, other: SqlStore) -> None:
    async def write(where: SqlStore, number: int) -> None:
        async with where.begin() as tx:
            await tx.jobs.create(given.job(number))
            await tx.audit.append([given.audit_event(str(number))])

    async with asyncio.timeout(60):
        await asyncio.gather(*(write((store, other)[number % 2], number) for number in range(40)))
    async with store.read() as tx:
        assert len(await tx.jobs.list()) == len(await tx.audit.pending(100)) == 40


async def test_an_entry_appended_early_keeps_nobody_waiting_in_a_circle(store: SqlStore, other: SqlStore) -> None:
    """One appends and then changes a job, the other changes the job and then appends: both must end."""
    async with store.begin() as tx:
        await tx.jobs.create(given.job())

    async def append_first() -> None:
        async with store.begin() as tx:
            await tx.audit.append([given.audit_event("one")])
            await asyncio.sleep(0.05)
            await tx.jobs.request_cancel("job-0001", given.NOW)

    async def change_first() -> None:
        async with other.begin() as tx:
            await tx.jobs.request_cancel("job-0001", given.NOW)
            await asyncio.sleep(0.05)
            await tx.audit.append([given.audit_event("two")])

    async with asyncio.timeout(30):
        await asyncio.gather(append_first(), change_first())
    async with store.read() as tx:
        assert len(await tx.audit.pending(10)) == 2
