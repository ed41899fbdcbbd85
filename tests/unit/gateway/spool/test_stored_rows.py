"""Results that are written and read batch by batch."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Misuse, StateError
from gateway.flow.ports import ResultPort
from gateway.flow.ports.rows import StoredRows
from gateway.route.agreement import Operation
from gateway.route.matched import Release
from gateway.spool import Results
from tests.results import read_tokens
from tests.results import table_of as table
from tests.unit.gateway.spool.folders import JOB, file_size_limit, sealer

SCHEMA = pa.schema([("subject_ref", pa.string()), ("row_token", pa.binary(9)), ("band", pa.string())])
TOKENS = pa.schema([("subject_ref", pa.string()), ("row_token", pa.binary())])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "results"


def results(folder: Path) -> Results:
    return Results(folder, sealer())


def ref(row: int) -> str:
    return f"subject{row:019}"


def batch(first: int, count: int) -> pa.RecordBatch:
    rows = range(first, first + count)
    columns = [
        pa.array([ref(row) for row in rows], pa.string()),
        pa.array([bytes([row % 256]) * 9 for row in rows], pa.binary(9)),
        pa.array([None if row % 3 else "gold" for row in rows], pa.string()),
    ]
    return pa.record_batch(columns, schema=SCHEMA)


def batches(*counts: int) -> list[pa.RecordBatch]:
    return [batch(sum(counts[:at]), count) for at, count in enumerate(counts)]


async def each(given_batches: Iterable[pa.RecordBatch]) -> AsyncIterator[pa.RecordBatch]:
    for one in given_batches:
        yield one


def head(job: str = JOB, schema: pa.Schema = SCHEMA) -> Release:
    at = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)
    return Release(job, "5e" * 32, "agreement", "platform", Operation.ENRICH, schema.empty_table(), at, at, {})


async def opened(port: ResultPort, job: str = JOB) -> StoredRows:
    rows = await port.open(job)
    assert rows is not None
    return rows


def descriptors(folder: Path) -> int:
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return sum(str(link.readlink()).startswith(str(folder)) for link in links)


async def test_batches_come_back_and_the_file_says_what_it_is(folder: Path) -> None:
    port: ResultPort = results(folder)
    assert not await port.exists(JOB)
    assert await port.open(JOB) is None
    counts = (5, 0, 70_000, 1)
    assert await port.store(head(), each(batches(*counts))) == 70_006
    assert await port.exists(JOB)
    rows = await opened(results(folder))
    assert rows.schema.equals(SCHEMA)
    about = rows.schema.metadata
    assert about[b"assent.partner"] == b"platform"
    assert about[b"assent.expires_at"] == b"2026-11-20T08:30:00+00:00"
    for _ in range(2):
        got = list(rows.batches())
        assert max(one.num_rows for one in got) <= 1 << 16
        assert pa.Table.from_batches(got).equals(pa.Table.from_batches(batches(*counts)))
    assert b"subject" not in (folder / f"{JOB}.sealed").read_bytes()


async def test_a_result_without_rows_is_a_result(folder: Path) -> None:
    port = results(folder)
    for given_batches in ([], [batch(0, 0)]):
        assert await port.store(head(), each(given_batches)) == 0
        assert table(await opened(port)).equals(SCHEMA.empty_table())


@settings(max_examples=20, deadline=None)
@given(counts=st.lists(st.integers(0, 300), max_size=6), gone=st.integers(0, 400))
def test_what_is_stored_comes_back_and_a_subject_can_leave(
    tmp_path_factory: pytest.TempPathFactory, counts: list[int], gone: int
) -> None:
    folder = tmp_path_factory.mktemp("law")
    port = results(folder)

    async def run() -> None:
        await port.store(head(), each(batches(*counts)))
        await port.store_tokens(JOB, TOKENS, each(one.select(TOKENS.names).cast(TOKENS) for one in batches(*counts)))
        there = gone < sum(counts)
        assert await port.delete_subject(JOB, ref(gone)) is there
        left = [row for row in range(sum(counts)) if row != gone]
        rows = table(await opened(port))
        assert rows.column("subject_ref").to_pylist() == [ref(row) for row in left]
        assert rows.column("row_token").to_pylist() == [bytes([row % 256]) * 9 for row in left]
        tokens = await read_tokens(folder, sealer(), JOB)
        assert tokens is not None
        assert tokens.column("subject_ref").to_pylist() == [ref(row) for row in left]

    asyncio.run(run())


async def test_statistics_have_no_order(folder: Path) -> None:
    port = results(folder)
    cells = pa.table({"segment": ["north", None, "east"], "value": ["120", "40", None]})
    await port.store(head(schema=cells.schema), each(cells.to_batches()))
    assert table(await opened(port)).equals(cells)
    assert not await port.delete_subject(JOB, ref(1))


@pytest.mark.parametrize(
    "wrong",
    [
        [batch(5, 2), batch(0, 2)],
        [pa.record_batch([[ref(2), ref(1)], [b"x" * 9] * 2, ["a", "b"]], schema=SCHEMA)],
        [pa.record_batch([[ref(2), None], [b"x" * 9] * 2, ["a", "b"]], schema=SCHEMA)],
        [batch(0, 2).select(["subject_ref"])],
        [batch(0, 2), batch(2, 2).rename_columns(["subject_ref", "row_token", "other"])],
    ],
)
async def test_rows_that_do_not_ascend_or_do_not_fit_are_a_bug(folder: Path, wrong: list[pa.RecordBatch]) -> None:
    port = results(folder)
    await port.store(head(), each([batch(0, 3)]))
    with pytest.raises(Misuse):
        await port.store(head(), each(wrong))
    assert table(await opened(port)).num_rows == 3
    assert [entry.name for entry in folder.iterdir()] == [f"{JOB}.sealed"]


# ---- whole or not at all ---------------------------------------------------------------------------------------


async def test_what_the_iteration_raises_leaves_the_earlier_result(folder: Path) -> None:
    port = results(folder)
    await port.store(head(), each([batch(0, 3)]))

    async def breaks() -> AsyncIterator[pa.RecordBatch]:
        yield batch(0, 30_000)
        raise StateError("PEER_UNAVAILABLE", "the partner went")

    with pytest.raises(StateError, match="the partner went"):
        await port.store(head(), breaks())
    with pytest.raises(StateError, match="the partner went"):
        await port.store_tokens(JOB, SCHEMA, breaks())
    assert table(await opened(port)).num_rows == 3
    assert await read_tokens(folder, sealer(), JOB) is None
    assert [entry.name for entry in folder.iterdir()] == [f"{JOB}.sealed"]
    assert descriptors(folder) == 0


async def test_a_cancelled_store_leaves_nothing(folder: Path) -> None:
    port = results(folder)
    began = asyncio.Event()

    async def endless() -> AsyncIterator[pa.RecordBatch]:
        first = 0
        while True:
            yield batch(first, 2000)
            first += 2000
            if first > 20_000:
                began.set()

    writing = asyncio.create_task(port.store(head(), endless()))
    await began.wait()
    assert [entry.name[0] for entry in folder.iterdir()] == ["."]
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert list(folder.iterdir()) == []
    assert descriptors(folder) == 0


async def test_no_room_at_any_write_keeps_the_earlier_result(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = results(folder)
    await port.store(head(), each([batch(0, 3)]))
    names = ("pwrite", "fsync")
    real = {name: getattr(os, name) for name in names}
    left = 0

    def failing(name: str) -> object:
        def call(*arguments: object) -> object:
            nonlocal left
            left -= 1
            if left < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real[name](*arguments)

        return call

    for name in names:
        monkeypatch.setattr(os, name, failing(name))
    before, completed = 0, False
    while not completed:
        left = before
        try:
            await port.store(head(), each(batches(10, 30_000)))
            completed = True
        except StateError as error:
            assert error.reason == "DISK_FULL"
            kept = left
            left = 100
            # From the rename on the new file stands, even when the folder could not be synced.
            assert table(await opened(port)).num_rows in (3, 30_010)
            assert [entry.name for entry in folder.iterdir()] == [f"{JOB}.sealed"]
            assert kept < 0
            await port.store(head(), each([batch(0, 3)]))
        before += 1
    assert before > 5
    monkeypatch.undo()
    assert descriptors(folder) == 0


async def test_a_real_full_disk(folder: Path) -> None:
    port = results(folder)
    await port.store(head(), each([batch(0, 3)]))
    with file_size_limit(600_000), pytest.raises(StateError) as caught:
        await port.store(head(), each(batches(10_000, 30_000)))
    assert caught.value.reason == "DISK_FULL"
    assert table(await opened(port)).num_rows == 3


# ---- readers beside writers ------------------------------------------------------------------------------------


def reads(rows: StoredRows, count: int) -> tuple[list[pa.RecordBatch], Iterator[pa.RecordBatch]]:
    reading = rows.batches()
    return [next(reading) for _ in range(count)], reading


async def test_a_reader_reads_the_old_file_whole_while_it_is_replaced(folder: Path) -> None:
    port = results(folder)
    old = batches(*[20_000] * 4)
    await port.store(head(), each(old))
    rows = await opened(port)
    begun, rest = reads(rows, 1)
    await port.store(head(), each([batch(0, 3)]))
    assert pa.Table.from_batches([*begun, *rest]).equals(pa.Table.from_batches(old))
    assert table(rows).equals(pa.Table.from_batches(old))
    assert table(await opened(port)).num_rows == 3


async def test_a_reader_reads_on_while_a_subject_leaves(folder: Path) -> None:
    port = results(folder)
    await port.store(head(), each(batches(20_000, 20_000)))
    rows = await opened(port)
    begun, rest = reads(rows, 1)
    assert await port.delete_subject(JOB, ref(30_000))
    assert sum(one.num_rows for one in [*begun, *rest]) == 40_000
    fresh = await opened(port)
    assert table(fresh).num_rows == 39_999
    assert fresh.schema.metadata == rows.schema.metadata


async def test_the_key_of_what_was_replaced_is_destroyed(folder: Path) -> None:
    port = results(folder)
    await port.store(head(), each(batches(20_000)))
    kept = folder.parent / "kept"
    kept.hardlink_to(folder / f"{JOB}.sealed")
    head_bytes = 20 + int.from_bytes(kept.read_bytes()[16:20], "big")
    await port.delete_subject(JOB, ref(1))
    assert not any(kept.read_bytes()[:head_bytes])
    kept.rename(folder / f"{JOB}.sealed")
    with pytest.raises(StateError):
        await port.open(JOB)


async def test_a_reader_notices_that_a_result_was_deleted(folder: Path) -> None:
    port = results(folder)
    await port.store(head(), each(batches(20_000)))
    rows = await opened(port)
    await port.delete(JOB)
    assert not await port.exists(JOB)
    assert await port.open(JOB) is None
    with pytest.raises(StateError) as caught:
        table(rows)
    assert caught.value.reason == "NOT_FOUND"
    del rows, caught
    gc.collect()
    assert descriptors(folder) == 0


async def test_opening_while_a_result_is_replaced_over_and_over(folder: Path) -> None:
    port, done = results(folder), False
    await port.store(head(), each([batch(0, 1)]))

    async def replace() -> None:
        nonlocal done
        for count in range(2, 60):
            await port.store(head(), each([batch(0, count)]))
        done = True

    async def read() -> int:
        seen = 0
        while not done:
            rows = (await asyncio.to_thread(table, await opened(port))).num_rows
            assert rows >= seen
            seen = rows
        return seen

    _, one, two = await asyncio.gather(replace(), read(), read())
    assert min(one, two) > 1


async def test_another_server_that_starts_lets_an_unfinished_result_be(folder: Path) -> None:
    port = results(folder)

    async def slow() -> AsyncIterator[pa.RecordBatch]:
        yield batch(0, 30_000)
        # Its start takes what nobody writes any more, and only that.
        (folder / ".left.sealed.0123").write_bytes(b"half")
        results(folder)
        yield batch(30_000, 30_000)

    assert await port.store(head(), slow()) == 60_000
    assert [entry.name for entry in folder.iterdir()] == [f"{JOB}.sealed"]
    assert table(await opened(port)).num_rows == 60_000


async def test_damage_in_the_middle_is_noticed_when_it_is_reached(folder: Path) -> None:
    port = results(folder)
    await port.store(head(), each(batches(*[10_000] * 8)))
    path = folder / f"{JOB}.sealed"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    begun, rest = reads(await opened(port), 1)
    assert begun[0].equals(batch(0, 10_000))
    with pytest.raises(StateError) as caught:
        list(rest)
    assert caught.value.reason == "NOT_FOUND"
