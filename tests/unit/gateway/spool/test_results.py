from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from gateway.errors import Misuse, StateError
from gateway.flow.ports import ResultPort
from gateway.route.agreement import Operation
from gateway.route.matched import Release
from gateway.spool import Results
from tests.results import read_result, read_tokens, store_result, store_tokens
from tests.unit.gateway.spool.folders import JOB, file_size_limit, sealer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "results"


def results(folder: Path) -> Results:
    return Results(folder, sealer())


def refs(count: int) -> list[str]:
    return [f"subject{row:019}" for row in range(count)]


def release(table: pa.Table, job: str = JOB) -> Release:
    at = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)
    return Release(job, "5e" * 32, "agreement", "platform", Operation.ENRICH, table, at, at, {})


def rows(count: int) -> pa.Table:
    names = refs(count)
    return pa.table(
        {
            "subject_ref": pa.array(names[::-1]),
            "row_token": pa.array([bytes([row % 256]) * 9 for row in range(count)], pa.binary(9)),
            "consent_id": pa.array([f"c{row}" for row in range(count)]),
            "band": pa.array([None if row % 3 else "gold" for row in range(count)]),
        }
    )


async def test_a_release_comes_back_and_says_what_it_is(folder: Path) -> None:
    port: ResultPort = results(folder)
    assert await read_result(port, JOB) is None
    await store_result(port, release(rows(100)))
    table = await read_result(results(folder), JOB)
    assert table is not None
    assert table.equals(rows(100).sort_by("subject_ref"))
    about = table.schema.metadata
    assert about[b"assent.partner"] == b"platform"
    assert about[b"assent.operation"] == b"ENRICH"
    assert about[b"assent.expires_at"] == b"2026-11-20T08:30:00+00:00"


async def test_a_large_result_streams_through_many_sealed_chunks(folder: Path) -> None:
    count = 40_000
    await store_result(results(folder), release(rows(count)))
    path = folder / f"{JOB}.sealed"
    assert path.stat().st_size > 2 * 512 * 1024
    table = await read_result(results(folder), JOB)
    assert table is not None
    assert table.equals(rows(count).sort_by("subject_ref"))


async def test_files_are_sealed_and_for_this_user_alone(folder: Path) -> None:
    await store_result(results(folder), release(rows(50)))
    path = folder / f"{JOB}.sealed"
    content = path.read_bytes()
    assert b"subject" not in content
    assert b"gold" not in content
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


async def test_writing_again_replaces_and_a_failed_write_does_not(folder: Path) -> None:
    port = results(folder)
    await store_result(port, release(rows(10)))
    with file_size_limit(600), pytest.raises(StateError) as caught:
        await store_result(port, release(rows(2000)))
    assert caught.value.reason == "DISK_FULL"
    table = await read_result(port, JOB)
    assert table is not None
    assert table.num_rows == 10
    assert [entry.name for entry in folder.iterdir()] == [f"{JOB}.sealed"]
    await store_result(port, release(rows(3)))
    table = await read_result(port, JOB)
    assert table is not None
    assert table.num_rows == 3


async def test_what_a_crash_left_half_written_goes_at_the_next_start(folder: Path) -> None:
    await store_result(results(folder), release(rows(1)))
    (folder / f".{JOB}.sealed.0123").write_bytes(b"half")
    results(folder)
    assert [entry.name for entry in folder.iterdir()] == [f"{JOB}.sealed"]


async def test_a_deleted_subject_is_gone_from_the_result_and_the_map(folder: Path) -> None:
    port = results(folder)
    await store_result(port, release(rows(5)))
    await store_tokens(port, JOB, rows(5).select(["subject_ref", "row_token"]))
    assert await port.delete_subject(JOB, refs(5)[2]) is True
    table, tokens = await read_result(port, JOB), await read_tokens(folder, sealer(), JOB)
    assert table is not None
    assert tokens is not None
    left = [ref for ref in refs(5) if ref != refs(5)[2]]
    assert table.column("subject_ref").to_pylist() == tokens.column("subject_ref").to_pylist() == left
    assert table.schema.metadata[b"assent.partner"] == b"platform"
    assert await port.delete_subject(JOB, refs(5)[2]) is False
    assert await port.delete_subject("no-such-job", refs(5)[1]) is False


async def test_statistics_keep_their_order_and_are_about_no_subject(folder: Path) -> None:
    port = results(folder)
    cells = pa.table({"segment": ["north", None, "east"], "statistic": ["count"] * 3, "value": ["120", "40", None]})
    await store_result(port, release(cells))
    before = (folder / f"{JOB}.sealed").read_bytes()
    assert await port.delete_subject(JOB, refs(1)[0]) is False
    assert (folder / f"{JOB}.sealed").read_bytes() == before
    table = await read_result(port, JOB)
    assert table is not None
    assert table.equals(cells)
    assert table.schema.metadata[b"assent.partner"] == b"platform"


async def test_a_map_keyed_by_bytes_can_lose_a_subject_too(folder: Path) -> None:
    port = results(folder)
    table = pa.table({"subject_ref": pa.array([ref.encode() for ref in refs(3)], pa.binary())})
    await store_tokens(port, JOB, table)
    assert await port.delete_subject(JOB, refs(3)[0]) is True
    tokens = await read_tokens(folder, sealer(), JOB)
    assert tokens is not None
    assert tokens.num_rows == 2


async def test_deleting_destroys_the_key_first(folder: Path) -> None:
    port = results(folder)
    await store_result(port, release(rows(5)))
    await store_tokens(port, JOB, rows(5).select(["subject_ref", "row_token"]))
    kept = folder.parent / "kept"
    kept.hardlink_to(folder / f"{JOB}.sealed")
    await port.delete(JOB)
    await port.delete(JOB)
    assert await read_result(port, JOB) is None
    assert await read_tokens(folder, sealer(), JOB) is None
    assert list(folder.iterdir()) == []
    assert not any(kept.read_bytes())


async def test_another_job_s_file_does_not_open(folder: Path) -> None:
    port = results(folder)
    await store_result(port, release(rows(5)))
    (folder / f"{JOB}.sealed").rename(folder / "other.sealed")
    with pytest.raises(StateError) as caught:
        await read_result(port, "other")
    assert caught.value.reason == "NOT_FOUND"


@pytest.mark.parametrize("count", [20, 40_000])
async def test_any_damage_is_noticed(folder: Path, count: int) -> None:
    port = results(folder)
    await store_result(port, release(rows(count)))
    path = folder / f"{JOB}.sealed"
    whole = path.read_bytes()
    stored = 512 * 1024 + 16
    damages = [whole[:keep] for keep in (0, 10, 20, 100, len(whole) // 2, len(whole) - 1)]
    damages += [whole + b"\0", whole + whole]
    for at in (0, 9, 11, 13, 19, 40, 200, len(whole) - 1):
        flipped = bytearray(whole)
        flipped[at] ^= 1
        damages.append(bytes(flipped))
    if count > 1000:
        # At a chunk's border: cut off, or the first chunk once more.
        start = len(whole) % stored if len(whole) > stored else 0
        damages += [whole[: len(whole) - start], whole[: 20 + 150 + stored]]
    for damage in damages:
        path.write_bytes(damage)
        with pytest.raises(StateError) as caught:
            await read_result(port, JOB)
        assert caught.value.reason == "NOT_FOUND"


async def test_cutting_a_result_at_a_chunk_border_is_noticed(folder: Path) -> None:
    port = results(folder)
    await store_result(port, release(rows(40_000)))
    path = folder / f"{JOB}.sealed"
    whole = path.read_bytes()
    head = 20 + int.from_bytes(whole[16:20], "big")
    os.truncate(path, head + 512 * 1024 + 16)
    with pytest.raises(StateError):
        await read_result(port, JOB)


@pytest.mark.parametrize("job", ["", "../x", "a.b"])
async def test_a_job_id_that_leaves_the_folder_is_a_bug(folder: Path, job: str) -> None:
    with pytest.raises(Misuse):
        await read_result(results(folder), job)
