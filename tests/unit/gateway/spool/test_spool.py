from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from gateway.errors import Misuse, StateError
from gateway.flow.ports import SpoolPort
from gateway.spool import Spool
from gateway.spool.stage import SpooledStage
from tests.unit.gateway.spool.folders import JOB, RECORD, SESSION, file_size_limit, records, sealer, spool


def put(file: SpooledStage, chunk: bytes) -> int:
    """Append at the next free place."""
    return file.append(chunk, file.chunks())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "home" / "spool"


def test_it_is_a_spool_port(folder: Path) -> None:
    port: SpoolPort = spool(folder)
    assert port.stage(JOB, SESSION, 0, 1).chunks() == 0


def test_a_spool_keeps_its_name(folder: Path, tmp_path: Path) -> None:
    first = spool(folder).spool_id
    assert spool(folder).spool_id == first
    assert len(first) == 32
    assert spool(tmp_path / "other").spool_id != first


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"not a spool id\n"])
def test_a_damaged_name_is_not_replaced_silently(folder: Path, content: bytes) -> None:
    spool(folder)
    (folder / "spool.id").write_bytes(content)
    with pytest.raises(StateError, match=r"spool\.id is damaged"):
        spool(folder)


def test_sealed_files_come_back_and_are_replaced_whole(folder: Path) -> None:
    ours = spool(folder)
    assert ours.read_sealed(JOB, "state") is None
    ours.write_sealed(JOB, "state", b"scalar one")
    ours.write_sealed(JOB, "state", b"scalar two")
    ours.write_sealed(JOB, "empty", b"")
    assert spool(folder).read_sealed(JOB, "state") == b"scalar two"
    assert ours.read_sealed(JOB, "empty") == b""
    path = folder / JOB / "state.sealed"
    assert b"scalar" not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(entry.name for entry in (folder / JOB).iterdir()) == ["empty.sealed", "state.sealed"]


def test_what_a_sealed_file_replaces_is_overwritten(folder: Path) -> None:
    ours = spool(folder)
    ours.write_sealed(JOB, "state", b"first")
    path = folder / JOB / "state.sealed"
    kept = folder / "another-name"
    kept.hardlink_to(path)
    ours.write_sealed(JOB, "state", b"second")
    assert not any(kept.read_bytes())
    assert ours.read_sealed(JOB, "state") == b"second"


def test_a_sealed_file_under_another_name_does_not_open(folder: Path) -> None:
    ours = spool(folder)
    ours.write_sealed(JOB, "one", b"x")
    (folder / JOB / "one.sealed").rename(folder / JOB / "two.sealed")
    with pytest.raises(StateError) as caught:
        ours.read_sealed(JOB, "two")
    assert caught.value.reason == "NOT_FOUND"


def test_a_full_disk_keeps_the_old_sealed_file(folder: Path) -> None:
    ours = spool(folder)
    ours.write_sealed(JOB, "state", b"old")
    with file_size_limit(50), pytest.raises(StateError) as caught:
        ours.write_sealed(JOB, "state", b"new")
    assert caught.value.reason == "DISK_FULL"
    assert ours.read_sealed(JOB, "state") == b"old"
    assert [entry.name for entry in (folder / JOB).iterdir()] == ["state.sealed"]


def test_dropping_a_job_removes_everything_of_it_and_destroys_its_keys(folder: Path) -> None:
    ours = spool(folder)
    put(ours.stage(JOB, SESSION, 1, RECORD), records(0, 4))
    put(ours.stage(JOB, SESSION, 101, RECORD, sealed=True), records(0, 4))
    ours.write_sealed(JOB, "state", b"scalar")
    put(ours.stage("another", SESSION, 1, RECORD), records(0, 4))
    kept = {name: folder / f"kept-{name}" for name in ("101.spool", "state.sealed")}
    for name, link in kept.items():
        link.hardlink_to(folder / JOB / name)
    ours.drop(JOB)
    ours.drop(JOB)
    assert not (folder / JOB).exists()
    assert not any(any(link.read_bytes()) for link in kept.values())
    assert ours.stage("another", SESSION, 1, RECORD).read(0) == records(0, 4)
    assert ours.read_sealed(JOB, "state") is None


def test_looks_that_nobody_lived_to_end_go_with_the_next_start_of_another_day(folder: Path) -> None:
    ours = spool(folder)
    for owner in ("check-old", "links-old", "proof-old", "check-new", JOB):
        ours.write_sealed(owner, "state", b"anything")
    long_ago = time.time() - 25 * 3600
    for owner in ("check-old", "links-old", "proof-old", JOB):
        os.utime(folder / owner, (long_ago, long_ago))
    assert spool(folder).read_sealed("check-new", "state") == b"anything"
    assert [path.name for path in folder.glob("*-old")] == []
    assert (folder / JOB).exists()
    assert ours.free_bytes() > 0


def test_a_job_can_begin_again_after_it_was_dropped(folder: Path) -> None:
    ours = spool(folder)
    put(ours.stage(JOB, SESSION, 1, RECORD), records(0, 4))
    ours.drop(JOB)
    assert ours.stage(JOB, SESSION, 1, RECORD).chunks() == 0


@pytest.mark.parametrize("job", ["", "..", "a/b", "../x", "a" * 65, "x\n"])
def test_a_job_id_that_leaves_the_folder_is_a_bug(folder: Path, job: str) -> None:
    ours = spool(folder)
    for use in (
        lambda: ours.stage(job, SESSION, 1, RECORD),
        lambda: ours.drop(job),
        lambda: ours.write_sealed(job, "x", b""),
        lambda: ours.read_sealed(job, "x"),
        lambda: ours.discard_stage(job, 1),
    ):
        with pytest.raises(Misuse):
            use()


@pytest.mark.parametrize("name", ["", "..", "../x", "A", "a b", "x" * 65])
def test_a_file_name_that_leaves_the_folder_is_a_bug(folder: Path, name: str) -> None:
    with pytest.raises(Misuse):
        spool(folder).write_sealed(JOB, name, b"")


@pytest.mark.parametrize(("stage", "record_size"), [(-1, 8), (65536, 8), (1, 0), (1, (1 << 20) + 1)])
def test_numbers_that_no_header_can_hold_are_a_bug(folder: Path, stage: int, record_size: int) -> None:
    with pytest.raises(Misuse):
        spool(folder).stage(JOB, SESSION, stage, record_size)


def test_a_folder_that_cannot_be_made_is_a_state_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StateError, match="spool folder"):
        Spool(tmp_path / "file" / "spool", sealer())
