from __future__ import annotations

import errno
import hashlib
import os
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.errors import Misuse, StateError
from gateway.flow.ports import StageFile
from gateway.spool import Spool
from tests.unit.gateway.spool.folders import (
    JOB,
    OTHER_SESSION,
    RECORD,
    SESSION,
    file_size_limit,
    records,
    sealer,
    spool,
)

PLAIN_HEAD = 64
FULL = 4 * RECORD


def put(file: StageFile, chunk: bytes) -> int:
    """Append at the next free place."""
    return file.append(chunk, file.chunks())


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


def test_chunks_come_back_as_they_were_appended_also_in_another_object(folder: Path, sealed: bool) -> None:
    file = opened(folder, sealed)
    assert (file.chunks(), file.rows(), file.rows_per_chunk, file.record_size) == (0, 0, 4, RECORD)
    chunks = [records(0, 4), records(4, 4), records(8, 3)]
    assert [put(file, chunk) for chunk in chunks] == [0, 1, 2]
    for reader in (file, opened(folder, sealed)):
        assert [reader.read(seq) for seq in range(3)] == chunks
        assert (reader.chunks(), reader.rows()) == (3, 11)


def test_digests_are_those_of_the_wire(folder: Path) -> None:
    file = opened(folder)
    chunks = [records(0, 4), records(4, 1)]
    for chunk in chunks:
        put(file, chunk)
    digests = [hashlib.sha256(chunk).digest() for chunk in chunks]
    assert [file.digest(0), file.digest(1)] == digests
    assert file.chunk_digests_hash() == hashlib.sha256(b"".join(digests)).digest()


def test_digests_of_a_sealed_file_are_those_of_its_sealed_bytes(folder: Path) -> None:
    file = opened(folder, sealed=True)
    put(file, records(0, 4))
    path, _ = files(folder)
    assert file.digest(0) == hashlib.sha256(path.read_bytes()[-(4 + FULL + 16) :]).digest()


def test_an_empty_stage_has_a_transcript(folder: Path, sealed: bool) -> None:
    assert opened(folder, sealed).chunk_digests_hash() == hashlib.sha256(b"").digest()


def test_an_empty_chunk_stands_for_a_stage_without_rows(folder: Path, sealed: bool) -> None:
    file = opened(folder, sealed)
    assert put(file, b"") == 0
    again = opened(folder, sealed)
    assert (again.chunks(), again.rows(), again.read(0)) == (1, 0, b"")


def test_the_layout_of_the_header(folder: Path) -> None:
    put(opened(folder), records(7, 1))
    content = files(folder)[0].read_bytes()
    head = content[:PLAIN_HEAD]
    assert head[:8] == b"ASNTSPL1"
    assert [int.from_bytes(head[at : at + 2], "big") for at in (8, 10, 12)] == [1, 1, 2]
    assert (head[14], head[15]) == (0, 0)
    assert head[16:48].hex() == SESSION
    assert [int.from_bytes(head[at : at + 4], "big") for at in (48, 52, 56)] == [RECORD, 4, 0]
    assert content[PLAIN_HEAD:] == records(7, 1)


def test_rows_per_chunk_is_at_least_one(folder: Path) -> None:
    assert spool(folder).stage(JOB, SESSION, 3, 1000).rows_per_chunk == 1
    assert Spool(folder, sealer()).stage(JOB, SESSION, 4, 48).rows_per_chunk == 512 * 1024 // 48


def test_files_are_for_this_user_alone(folder: Path, sealed: bool) -> None:
    put(opened(folder, sealed), records(0, 1))
    for path in (folder, folder / JOB):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    for path in (*files(folder), folder / "spool.id"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_sealed_files_hold_nothing_in_clear_and_no_chunk_looks_like_another(folder: Path) -> None:
    file = opened(folder, sealed=True)
    for _ in range(2):
        put(file, b"SECRET!!" * 4)
    content = files(folder)[0].read_bytes()
    assert b"SECRET" not in content
    stored = 4 + FULL + 16
    assert content[-stored:] != content[-2 * stored : -stored]


# ---- misuse and gaps -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [RECORD - 1, RECORD + 1, FULL + RECORD])
def test_a_chunk_that_is_no_whole_number_of_records_is_a_bug(folder: Path, length: int) -> None:
    with pytest.raises(Misuse):
        put(opened(folder), bytes(length))


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_nothing_follows_a_short_chunk(folder: Path, sealed: bool, rows: int) -> None:
    file = opened(folder, sealed)
    put(file, records(0, rows))
    for writer in (file, opened(folder, sealed)):
        with pytest.raises(StateError) as caught:
            put(writer, records(4, 1))
        assert caught.value.reason == "STAGE_ORDER"
    assert file.read(0) == records(0, rows)


@pytest.mark.parametrize("seq", [-1, 1, 2, 10**9])
def test_a_chunk_that_is_not_there(folder: Path, sealed: bool, seq: int) -> None:
    file = opened(folder, sealed)
    put(file, records(0, 4))
    for look in (file.read, file.digest):
        with pytest.raises(StateError) as caught:
            look(seq)
        assert caught.value.reason == "NOT_FOUND"
        assert "stage 2" in caught.value.message


@pytest.mark.parametrize(
    ("session", "record_size", "sealed"),
    [(OTHER_SESSION, RECORD, False), (SESSION, RECORD + 1, False), (SESSION, RECORD, True)],
)
def test_a_stage_begun_for_something_else_is_a_conflict(
    folder: Path, session: str, record_size: int, sealed: bool
) -> None:
    put(opened(folder), records(0, 4))
    with pytest.raises(StateError) as caught:
        spool(folder).stage(JOB, session, 2, record_size, sealed=sealed)
    assert caught.value.reason == "REVISION_CONFLICT"


def test_a_sealed_stage_does_not_open_in_another_home_or_as_another_job(folder: Path) -> None:
    put(opened(folder, sealed=True), records(0, 4))
    (folder / "another-job").mkdir()
    for path in files(folder):
        (folder / "another-job" / path.name).write_bytes(path.read_bytes())
    with pytest.raises(StateError) as caught:
        spool(folder).stage("another-job", SESSION, 2, RECORD, sealed=True)
    assert caught.value.reason == "NOT_FOUND"


def test_a_discarded_stage_begins_anew_and_old_objects_notice(folder: Path, sealed: bool) -> None:
    ours = spool(folder)
    old = ours.stage(JOB, SESSION, 2, RECORD, sealed=sealed)
    put(old, records(0, 4))
    ours.discard_stage(JOB, 2)
    ours.discard_stage(JOB, 2)
    with pytest.raises(StateError, match="discarded"):
        old.read(0)
    new = ours.stage(JOB, OTHER_SESSION, 2, RECORD, sealed=sealed)
    assert new.chunks() == 0
    with pytest.raises(StateError, match="discarded"):
        put(old, records(4, 4))
    assert put(new, records(4, 4)) == 0


# ---- recovery --------------------------------------------------------------------------------------------------


def test_what_a_crash_left_behind_the_index_is_cut_off(folder: Path, sealed: bool) -> None:
    put(opened(folder, sealed), records(0, 4))
    path, index = files(folder)
    length = path.stat().st_size
    with path.open("ab") as torn:
        torn.write(b"x" * 100)
    with index.open("ab") as torn:
        torn.write(b"y" * 31)
    file = opened(folder, sealed)
    assert (file.chunks(), file.rows(), file.read(0)) == (1, 4, records(0, 4))
    assert put(file, records(4, 2)) == 1
    assert path.stat().st_size == length + 2 * RECORD + (20 if sealed else 0)
    assert index.stat().st_size == 64
    assert opened(folder, sealed).read(1) == records(4, 2)


def test_an_index_entry_that_was_never_written_is_no_entry(folder: Path, sealed: bool) -> None:
    """A crash may leave the index longer with zeros where the entry should be."""
    put(opened(folder, sealed), records(0, 4))
    path, index = files(folder)
    with path.open("ab") as torn:
        torn.write(b"x" * 52)
    with index.open("ab") as torn:
        torn.write(bytes(32))
    file = opened(folder, sealed)
    assert file.chunks() == 1
    assert put(file, records(4, 4)) == 1
    assert file.read(1) == records(4, 4)


def test_without_an_index_there_is_nothing(folder: Path, sealed: bool) -> None:
    put(opened(folder, sealed), records(0, 4))
    files(folder)[1].unlink()
    file = opened(folder, sealed)
    assert (file.chunks(), file.rows()) == (0, 0)
    assert put(file, records(9, 4)) == 0
    assert opened(folder, sealed).read(0) == records(9, 4)


@pytest.mark.parametrize("kept", [0, 1, 63])
def test_a_header_torn_at_creation_is_written_again(folder: Path, sealed: bool, kept: int) -> None:
    opened(folder, sealed)
    path, _ = files(folder)
    os.truncate(path, kept)
    file = opened(folder, sealed)
    assert put(file, records(0, 4)) == 0
    assert opened(folder, sealed).read(0) == records(0, 4)


@pytest.mark.parametrize("kept", [0, 63])
def test_a_header_lost_below_durable_chunks_is_damage(folder: Path, sealed: bool, kept: int) -> None:
    put(opened(folder, sealed), records(0, 4))
    os.truncate(files(folder)[0], kept)
    with pytest.raises(StateError, match="header of stage 2 is damaged") as caught:
        opened(folder, sealed)
    assert caught.value.reason == "NOT_FOUND"


def test_an_index_longer_than_its_file_is_damage(folder: Path, sealed: bool) -> None:
    file = opened(folder, sealed)
    put(file, records(0, 4))
    put(file, records(4, 4))
    path, _ = files(folder)
    os.truncate(path, path.stat().st_size - 1)
    with pytest.raises(StateError, match="chunk 1 of stage 2 is damaged"):
        opened(folder, sealed).read(1)
    with pytest.raises(StateError):
        put(opened(folder, sealed), records(8, 4))
    assert opened(folder, sealed).read(0) == records(0, 4)
    os.truncate(path, path.stat().st_size - FULL - 20)
    with pytest.raises(StateError, match="chunk 1 of stage 2 is damaged"):
        opened(folder, sealed).chunks()


def test_nothing_is_appended_behind_a_damaged_chunk(folder: Path, sealed: bool) -> None:
    put(opened(folder, sealed), records(0, 4))
    path, _ = files(folder)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(StateError, match="chunk 0 of stage 2 is damaged"):
        put(opened(folder, sealed), records(4, 4))


def test_a_sealed_chunk_moved_to_another_place_does_not_open(folder: Path) -> None:
    file = opened(folder, sealed=True)
    put(file, records(0, 4))
    put(file, records(4, 4))
    path, index = files(folder)
    stored = 4 + FULL + 16
    content, digests = path.read_bytes(), index.read_bytes()
    head, first, second = content[: -2 * stored], content[-2 * stored : -stored], content[-stored:]
    path.write_bytes(head + second + first)
    index.write_bytes(digests[32:] + digests[:32])
    with pytest.raises(StateError, match="chunk 0 of stage 2 is damaged"):
        opened(folder, sealed=True).read(0)


# ---- nonces ----------------------------------------------------------------------------------------------------


def open_count(folder: Path) -> int:
    return int.from_bytes(files(folder)[0].read_bytes()[64:68], "big")


def test_the_open_count_grows_before_the_first_write_after_each_opening(folder: Path) -> None:
    first = opened(folder, sealed=True)
    assert open_count(folder) == 0
    put(first, records(0, 4))
    put(first, records(4, 4))
    assert open_count(folder) == 1
    second = opened(folder, sealed=True)
    second.read(0)
    assert open_count(folder) == 1
    put(second, records(8, 4))
    assert open_count(folder) == 2
    assert [opened(folder, sealed=True).read(seq) for seq in range(3)] == [records(4 * n, 4) for n in range(3)]


def test_a_chunk_lost_to_a_crash_is_never_sealed_again_under_its_nonce(folder: Path) -> None:
    put(opened(folder, sealed=True), records(0, 4))
    path, index = files(folder)
    stored = 4 + FULL + 16
    lost = path.read_bytes()[-stored:]
    os.truncate(index, 0)
    put(opened(folder, sealed=True), records(0, 4))
    again = path.read_bytes()[-stored:]
    assert again[:4] != lost[:4]
    assert again[4:] != lost[4:]


def test_a_doubtful_open_count_ends_the_file(folder: Path) -> None:
    put(opened(folder, sealed=True), records(0, 4))
    path, _ = files(folder)
    content = bytearray(path.read_bytes())
    content[67] ^= 1
    path.write_bytes(content)
    file = opened(folder, sealed=True)
    with pytest.raises(StateError, match="open count of stage 2 is damaged"):
        put(file, records(4, 4))
    assert file.read(0) == records(0, 4)


# ---- full disks ------------------------------------------------------------------------------------------------


def test_a_full_disk_leaves_the_file_as_it_was(folder: Path, sealed: bool) -> None:
    file = opened(folder, sealed)
    put(file, records(0, 4))
    path, index = files(folder)
    before = path.stat().st_size, index.read_bytes()
    with file_size_limit(path.stat().st_size + 10), pytest.raises(StateError) as caught:
        put(file, records(4, 4))
    assert caught.value.reason == "DISK_FULL"
    assert "stage 2" in caught.value.message
    assert (path.stat().st_size, index.read_bytes()) == before
    assert (file.chunks(), file.read(0)) == (1, records(0, 4))
    assert put(file, records(40, 4)) == 1
    assert file.read(1) == records(40, 4)
    if sealed:
        assert open_count(folder) == 2  # nothing of the failed write's nonce is used again


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("failing", [1, 2])
def test_no_space_and_quota_at_either_sync(
    folder: Path, sealed: bool, monkeypatch: pytest.MonkeyPatch, code: int, failing: int
) -> None:
    file = opened(folder, sealed)
    put(file, records(0, 4))
    path, index = files(folder)
    before = path.stat().st_size, index.read_bytes()
    real, calls = os.fdatasync, iter(range(1, 100))

    def fdatasync(descriptor: int) -> None:
        if next(calls) == failing:
            raise OSError(code, os.strerror(code))
        real(descriptor)

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    with pytest.raises(StateError) as caught:
        put(file, records(4, 4))
    assert caught.value.reason == "DISK_FULL"
    monkeypatch.undo()
    assert (path.stat().st_size, index.read_bytes()) == before
    assert put(file, records(8, 4)) == 1


def test_another_disk_error_is_not_called_a_full_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = opened(folder)

    def pwrite(*_: object) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "pwrite", pwrite)
    with pytest.raises(StateError, match="EIO") as caught:
        put(file, records(0, 4))
    assert caught.value.reason == "NOT_FOUND"


# ---- one writer, many readers ----------------------------------------------------------------------------------


def test_readers_beside_a_writer_see_whole_chunks_only(folder: Path, sealed: bool) -> None:
    opened(folder, sealed)
    done = threading.Event()

    def write() -> None:
        file = opened(folder, sealed)
        for seq in range(60):
            put(file, records(4 * seq, 4))
        done.set()

    def look() -> int:
        file, seen = opened(folder, sealed), 0
        while seen < 60:
            durable = file.chunks()
            assert durable >= seen
            for seq in range(seen, durable):
                assert file.read(seq) == records(4 * seq, 4)
            assert file.rows() >= 4 * durable
            seen = durable
        return seen

    with ThreadPoolExecutor(3) as pool:
        writer, *readers = pool.submit(write), pool.submit(look), pool.submit(look)
        writer.result(60)
        assert [reader.result(60) for reader in readers] == [60, 60]


def test_two_writers_take_turns(folder: Path, sealed: bool) -> None:
    opened(folder, sealed)

    def write(marks: Iterator[int]) -> list[int]:
        file, places = opened(folder, sealed), list[int]()
        for mark in marks:
            while True:
                # The place may be taken between the look and the append: never replaced, only told.
                try:
                    places.append(put(file, bytes([mark]) * FULL))
                    break
                except StateError as error:
                    assert error.reason == "REVISION_CONFLICT"
        return places

    with ThreadPoolExecutor(2) as pool:
        one, two = pool.submit(write, iter(range(20))), pool.submit(write, iter(range(100, 120)))
        seqs = one.result(60) + two.result(60)
    assert sorted(seqs) == list(range(40))
    file = opened(folder, sealed)
    assert sorted(file.read(seq)[0] for seq in range(40)) == [*range(20), *range(100, 120)]


def test_the_same_chunk_again_is_confirmed_and_another_is_refused(folder: Path, sealed: bool) -> None:
    file = opened(folder, sealed)
    assert file.append(records(0, 4), 0) == 0
    assert file.append(records(0, 4), 0) == 0
    assert file.chunks() == 1
    for chunk, seq in ((records(4, 4), 0), (records(4, 4), 2)):
        with pytest.raises(StateError) as caught:
            file.append(chunk, seq)
        assert caught.value.reason == "REVISION_CONFLICT"
    assert file.read(0) == records(0, 4)


@pytest.mark.parametrize("rows", [0, 3])
def test_the_last_short_chunk_again_is_confirmed_too(folder: Path, sealed: bool, rows: int) -> None:
    opened(folder, sealed).append(records(0, 4), 0)
    opened(folder, sealed).append(records(4, rows), 1)
    file = opened(folder, sealed)
    assert file.append(records(4, rows), 1) == 1
    assert file.append(records(0, 4), 0) == 0
    assert (file.chunks(), file.rows()) == (2, 4 + rows)
    for seq in (-1, 0, 1, 3):
        with pytest.raises(StateError) as caught:
            file.append(records(9, 4), seq)
        assert caught.value.reason == "REVISION_CONFLICT"
    with pytest.raises(StateError) as caught:
        file.append(records(9, 4), 2)
    assert caught.value.reason == "STAGE_ORDER"
