"""Many chunks of one stage at once, and digests that the caller knows."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.errors import Misuse, StateError
from gateway.flow.ports import StageFile
from tests.unit.gateway.spool.folders import JOB, RECORD, SESSION, records, spool

PLAIN_HEAD = 64
FULL = 4 * RECORD


@pytest.fixture(params=[False, True], ids=["clear", "sealed"])
def sealed(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def opened(folder: Path, sealed: bool = False, stage: int = 2) -> StageFile:
    return spool(folder).stage(JOB, SESSION, stage, RECORD, sealed=sealed)


def files(folder: Path, stage: int = 2) -> tuple[Path, Path]:
    return folder / JOB / f"{stage:03}.spool", folder / JOB / f"{stage:03}.idx"


def chunks_of(rows: int) -> list[bytes]:
    return [records(first, min(4, rows - first)) for first in range(0, rows, 4)]


@pytest.mark.parametrize("before", [0, 1, 15, 16, 17])
@pytest.mark.parametrize("rows", [0, 3, 4, 130, 200])
def test_extending_is_appending_one_after_the_other(folder: Path, sealed: bool, before: int, rows: int) -> None:
    file, chunks = opened(folder, sealed), chunks_of(rows)
    for seq in range(before):
        file.append(records(1000 + seq, 4), seq)
    assert file.extend(iter(chunks), before) == before + len(chunks)
    again = opened(folder, sealed)
    assert (again.chunks(), again.rows()) == (before + len(chunks), 4 * before + rows)
    assert [again.read(before + seq) for seq in range(len(chunks))] == chunks
    for seq, chunk in enumerate(chunks, before):
        assert again.append(chunk, seq) == seq
    digests = b"".join(again.digest(seq) for seq in range(again.chunks()))
    assert files(folder)[1].read_bytes() == digests if digests else again.chunks() == 0


def test_thousands_of_chunks_take_few_syncs(folder: Path, sealed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    file, calls, real = opened(folder, sealed), list[int](), os.fdatasync

    def fdatasync(descriptor: int) -> None:
        calls.append(descriptor)
        real(descriptor)

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    assert file.extend((records(4 * seq, 4) for seq in range(1600)), 0) == 1600
    assert len(calls) <= 2 * 100 + 1
    assert file.rows() == 6400


def test_entries_written_at_once_never_leave_their_sector(
    folder: Path, sealed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, writes, real = opened(folder, sealed), list[tuple[int, int]](), os.pwrite
    file.append(records(0, 4), 0)
    inode = files(folder)[1].stat().st_ino

    def pwrite(descriptor: int, content: bytes, offset: int) -> int:
        if os.fstat(descriptor).st_ino == inode:
            writes.append((offset, len(content)))
        return real(descriptor, content, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    file.extend(chunks_of(200), 1)
    assert len(writes) == 4
    assert all(offset // 512 == (offset + length - 1) // 512 for offset, length in writes)


def test_extending_the_wrong_place_is_a_conflict(folder: Path, sealed: bool) -> None:
    file = opened(folder, sealed)
    file.extend(chunks_of(8), 0)
    for seq in (-1, 0, 1, 3):
        with pytest.raises(StateError) as caught:
            file.extend(chunks_of(8), seq)
        assert caught.value.reason == "REVISION_CONFLICT"
    assert file.chunks() == 2


def test_nothing_extends_a_short_chunk(folder: Path, sealed: bool) -> None:
    file = opened(folder, sealed)
    with pytest.raises(StateError) as caught:
        file.extend([records(0, 4), records(4, 2), records(6, 4)], 0)
    assert caught.value.reason == "STAGE_ORDER"
    assert (file.chunks(), file.rows()) == (2, 6)
    with pytest.raises(Misuse):
        opened(folder, sealed, 3).extend([records(0, 4), records(4, 5)], 0)


def test_what_was_durable_stays_when_the_chunks_end_in_an_error(folder: Path, sealed: bool) -> None:
    def breaks() -> Iterator[bytes]:
        yield from chunks_of(4 * 37)
        raise StateError("PEER_UNAVAILABLE", "the partner went")

    file = opened(folder, sealed)
    with pytest.raises(StateError, match="the partner went"):
        file.extend(breaks(), 0)
    assert opened(folder, sealed).chunks() == 32
    assert file.extend(chunks_of(4 * 37)[32:], 32) == 37
    assert [opened(folder, sealed).read(seq) for seq in range(37)] == chunks_of(4 * 37)


def test_another_may_append_while_the_chunks_are_being_made(folder: Path, sealed: bool) -> None:
    def interrupted() -> Iterator[bytes]:
        yield from chunks_of(4 * 16)
        opened(folder, sealed).append(records(900, 4), 16)
        yield records(64, 4)

    file = opened(folder, sealed)
    with pytest.raises(StateError) as caught:
        file.extend(interrupted(), 0)
    assert caught.value.reason == "REVISION_CONFLICT"
    assert (file.chunks(), file.read(16)) == (17, records(900, 4))


def test_no_room_at_any_write_or_sync_while_extending(
    folder: Path, sealed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("pwrite", "fdatasync")
    real, left = {name: getattr(os, name) for name in names}, 0

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
    left, chunks = 1000, chunks_of(4 * 40)
    before = 0
    while True:
        left = 1000
        file = opened(folder, sealed, before + 10)
        left = before
        try:
            file.extend(chunks, 0)
            break
        except StateError as error:
            assert error.reason == "DISK_FULL"
        left = 1000
        durable = file.chunks()
        assert durable in (0, 16, 32)
        path, index = files(folder, before + 10)
        assert path.stat().st_size <= PLAIN_HEAD + 500 + durable * (FULL + 20)
        assert index.stat().st_size == 32 * durable
        assert file.extend(chunks[durable:], durable) == 40
        assert [file.read(seq) for seq in range(40)] == chunks
        before += 1
    assert before > 40


def test_a_digest_that_the_caller_knows_is_taken(folder: Path, sealed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    file, chunk = opened(folder, sealed), records(0, 4)
    file.append(chunk, 0, hashlib.sha256(chunk).digest())
    assert opened(folder, sealed).read(0) == chunk
    if not sealed:
        assert file.digest(0) == hashlib.sha256(chunk).digest()
    with pytest.raises(Misuse):
        file.append(records(4, 4), 1, b"short")
    assert file.chunks() == 1


def test_a_wrong_digest_is_damage_in_clear(folder: Path) -> None:
    file = opened(folder)
    file.append(records(0, 4), 0, bytes([7]) * 32)
    with pytest.raises(StateError, match="damaged"):
        file.read(0)
