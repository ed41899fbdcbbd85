"""Damage a stage file anywhere: it is recovered to its index or refused, and never returns other bytes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import StateError
from gateway.flow.ports import StageFile
from gateway.keys.provider import FileKeyProvider
from gateway.keys.sealer import Sealer
from gateway.spool import Spool

JOB, SESSION, STAGE, RECORD = "fuzzed-job", "5e" * 32, 3, 4
FULL = 4 * RECORD
SEALER = Sealer(FileKeyProvider({1: b"\x22" * 32}))


ROOT = Path(__file__).parents[2]
# In memory where there is such a place: thousands of syncs teach nothing about recovery.
PLACE = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def put(file: StageFile, chunk: bytes) -> int:
    """Append at the next free place."""
    return file.append(chunk, file.chunks())


@contextmanager
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="as-spool-", dir=PLACE))
    try:
        yield path
    finally:
        shutil.rmtree(path)


def stage(path: Path, sealed: bool) -> StageFile:
    return Spool(path, SEALER, FULL).stage(JOB, SESSION, STAGE, RECORD, sealed=sealed)


def written(path: Path, sealed: bool, full: int, last: int) -> tuple[Path, Path, list[bytes]]:
    file = stage(path, sealed)
    chunks = [bytes([seq + 1]) * FULL for seq in range(full)] + ([b"\xee" * RECORD * last] if last else [])
    for chunk in chunks:
        put(file, chunk)
    return path / JOB / f"{STAGE:03}.spool", path / JOB / f"{STAGE:03}.idx", chunks


which = st.sampled_from(["spool", "idx"])
damages = st.lists(
    st.one_of(
        st.tuples(st.just("cut"), which, st.integers(0, 400)),
        st.tuples(st.just("grow"), which, st.binary(min_size=1, max_size=80)),
        st.tuples(st.just("zeros"), which, st.integers(1, 80)),
        st.tuples(st.just("flip"), which, st.integers(0, 8 * 500)),
        st.tuples(st.just("remove"), which, st.just(0)),
    ),
    min_size=1,
    max_size=3,
)


def damage(path: Path, how: str, argument: int | bytes) -> None:
    if not path.exists():
        return
    content = bytearray(path.read_bytes())
    if isinstance(argument, bytes):
        path.write_bytes(bytes(content) + argument)
    elif how == "cut":
        os.truncate(path, max(0, len(content) - argument))
    elif how == "zeros":
        path.write_bytes(bytes(content) + bytes(argument))
    elif how == "remove":
        path.unlink()
    elif content:
        bit = argument % (8 * len(content))
        content[bit // 8] ^= 1 << bit % 8
        path.write_bytes(content)


@settings(max_examples=600)
@given(sealed=st.booleans(), full=st.integers(0, 4), last=st.integers(0, 3), harm=damages)
def test_any_damage_is_recovered_or_refused(
    sealed: bool, full: int, last: int, harm: list[tuple[str, str, int | bytes]]
) -> None:
    with folder() as path:
        file, index, chunks = written(path, sealed, full, last)
        for how, target, argument in harm:
            damage(file if target == "spool" else index, how, argument)
        try:
            again = stage(path, sealed)
            durable = again.chunks()
        except StateError as refused:
            assert refused.reason == "NOT_FOUND"
            return
        for seq in range(durable):
            try:
                # What is readable is what was written: nothing invented, nothing moved.
                assert again.read(seq) == chunks[seq]
            except StateError as refused:
                assert refused.reason == "NOT_FOUND"
        try:
            assert put(again, b"\xaa" * FULL) == durable
        except StateError as refused:
            assert refused.reason in ("NOT_FOUND", "STAGE_ORDER")
            return
        fresh = stage(path, sealed)
        assert fresh.chunks() == durable + 1
        assert fresh.read(durable) == b"\xaa" * FULL
        # Appending checked the chunk before it.
        if durable:
            assert fresh.read(durable - 1) == chunks[durable - 1]


@settings(max_examples=300)
@given(
    sealed=st.booleans(),
    full=st.integers(0, 3),
    torn=st.binary(max_size=60),
    entry=st.sampled_from([0, 1, 31]),
    grown=st.integers(0, 64),
)
def test_a_crash_while_appending_loses_that_chunk_and_nothing_else(
    sealed: bool, full: int, torn: bytes, entry: int, grown: int
) -> None:
    """What a killed writer can leave: part of a chunk, part of an entry, or a longer index of zeros."""
    with folder() as path:
        file, index, chunks = written(path, sealed, full, 0)
        with file.open("ab") as tail:
            tail.write(torn)
        with index.open("ab") as tail:
            tail.write(b"\x77" * entry if entry else bytes(grown))
        again = stage(path, sealed)
        assert again.chunks() == full
        assert again.rows() == full * 4
        assert put(again, b"\xbb" * RECORD) == full
        assert [stage(path, sealed).read(seq) for seq in range(full + 1)] == [*chunks, b"\xbb" * RECORD]


WRITER = """
import sys
from pathlib import Path
from tests.fuzz.test_spool_recovery import FULL, stage

file = stage(Path(sys.argv[1]), sys.argv[2] == "sealed")
for seq in range(file.chunks(), 10**6):
    file.append(bytes([seq % 251]) * FULL, file.chunks())
"""


@pytest.mark.parametrize("sealed", [False, True], ids=["clear", "sealed"])
def test_a_killed_writer_is_followed_by_another(tmp_path: Path, sealed: bool) -> None:
    seen = 0
    for _ in range(2):
        command = [sys.executable, "-c", WRITER, str(tmp_path), "sealed" if sealed else "clear"]
        with subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}) as writer:
            deadline = time.monotonic() + 60
            while stage(tmp_path, sealed).chunks() < seen + 20 and time.monotonic() < deadline:
                time.sleep(0.005)
            writer.kill()
        file = stage(tmp_path, sealed)
        durable = file.chunks()
        assert durable >= seen + 20
        assert all(file.read(seq) == bytes([seq % 251]) * FULL for seq in range(durable))
        seen = durable
    assert put(stage(tmp_path, sealed), b"\xaa" * FULL) == seen
