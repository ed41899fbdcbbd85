from __future__ import annotations

import errno
import itertools
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import kernel
from gateway.errors import Misuse, StateError
from gateway.flow.ports import SpoolPort
from gateway.flow.ports.spool import Bytes, Sorter
from gateway.spool import spill
from gateway.spool.ranges import RANGES, ranges_of
from gateway.spool.sorter import SpooledSorter, first_of_key
from tests.unit.gateway.spool.folders import JOB, file_size_limit, spool

BASE32 = np.frombuffer(b"234567abcdefghijklmnopqrstuvwxyz", np.uint8)
WIDTH, KEY = 40, 32
LITTLE = 32 << 10


def uniform(rows: int, seed: int = 1, width: int = WIDTH) -> Bytes:
    return np.random.default_rng(seed).integers(0, 256, (rows, width), np.uint8)


def refs(rows: int, seed: int = 1) -> Bytes:
    found: Bytes = BASE32[uniform(rows, seed) & 31]
    return found


def numbered(rows: Bytes) -> Bytes:
    """The last eight bytes say when a row was added, so that no two rows are the same."""
    rows[:, -8:] = np.arange(len(rows), dtype=">u8")[:, None].view(np.uint8).reshape(len(rows), 8)
    return rows


def sorted_rows(rows: Bytes, key: int = KEY) -> list[bytes]:
    return sorted((row.tobytes() for row in rows), key=lambda row: row[:key])


def as_list(pieces: Iterator[Bytes]) -> list[bytes]:
    return [row.tobytes() for piece in pieces for row in piece]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def begun(folder: Path, memory: int = LITTLE, name: str = "seen") -> Sorter:
    port: SpoolPort = spool(folder)
    return port.sorter(JOB, name, WIDTH, KEY, memory)


def spilled(folder: Path, rows: Bytes, memory: int = LITTLE) -> Sorter:
    sorter = begun(folder, memory)
    for start in range(0, len(rows), 1000):
        sorter.add(rows[start : start + 1000])
    return sorter


# ---- the law ---------------------------------------------------------------------------------------------------

keys = st.one_of(
    st.tuples(st.just("uniform"), st.integers(0, 2**32)),
    st.tuples(st.just("base32"), st.integers(0, 2**32)),
    st.tuples(st.just("few"), st.integers(1, 300)),
    st.tuples(st.just("one prefix"), st.integers(0, 31)),
    st.tuples(st.just("ascending"), st.integers(0, 2**32)),
)


def drawn(kind: str, argument: int, rows: int) -> Bytes:
    if kind == "base32":
        return refs(rows, argument)
    if kind == "few":
        return uniform(argument)[np.random.default_rng(argument).integers(0, argument, rows)]
    if kind == "one prefix":
        found = uniform(rows)
        found[:, :argument] = 7
        return found
    found = uniform(rows, argument)
    return found[np.lexsort(found[:, KEY - 1 :: -1].T)] if kind == "ascending" else found


@settings(max_examples=120, deadline=None)
@given(
    kind=keys,
    rows=st.integers(0, 6000),
    memory=st.sampled_from([LITTLE, 64 << 10, 1 << 20]),
    batches=st.lists(st.integers(0, 3000), max_size=5),
)
def test_pieces_are_the_stable_sort_and_keep_keys_together(
    tmp_path_factory: pytest.TempPathFactory, kind: tuple[str, int], rows: int, memory: int, batches: list[int]
) -> None:
    given_rows = numbered(drawn(*kind, rows))
    # Keys with more rows than half of the memory holds are another test.
    most = memory // 2 // WIDTH
    _, repeats = np.unique(given_rows[:, :KEY], axis=0, return_counts=True)
    if rows and repeats.max() > most:
        given_rows = given_rows[:most]
    expected = sorted_rows(given_rows)
    sorter = begun(tmp_path_factory.mktemp("law"), memory)
    start = 0
    for length in [*batches, len(given_rows)]:
        sorter.add(given_rows[start : start + length])
        start = min(start + length, len(given_rows))
    assert sorter.rows == len(given_rows)
    for _ in range(2):
        pieces = list(sorter.pieces())
        assert as_list(iter(pieces)) == expected
        edges = [(piece[0, :KEY].tobytes(), piece[-1, :KEY].tobytes()) for piece in pieces]
        assert all(last < first for (_, last), (first, _) in itertools.pairwise(edges))
        assert all(piece.flags.c_contiguous and piece.dtype == np.uint8 for piece in pieces)
        assert all(piece.nbytes <= memory // 2 for piece in pieces)
    sorter.close()


@settings(max_examples=150, deadline=None)
@given(kind=keys, rows=st.integers(0, 2000), key=st.integers(8, WIDTH - 8))
def test_a_cut_falls_where_a_key_begins(kind: tuple[str, int], rows: int, key: int) -> None:
    given_rows = numbered(drawn(*kind, rows))
    order = kernel.order_rows(given_rows, key)
    for at in range(1, rows, 97):
        first = first_of_key(given_rows, order, key, 0, at)
        here = given_rows[order[at], :key].tobytes()
        assert given_rows[order[first], :key].tobytes() == here
        assert first == 0 or given_rows[order[first - 1], :key].tobytes() < here


def test_ranges_ascend_and_are_even_for_both_kinds_of_keys() -> None:
    pairs = np.arange(1 << 16, dtype=">u2").view(np.uint8).reshape(-1, 2)
    every = ranges_of(pairs, 0)
    assert (np.diff(every.astype(int)) >= 0).all()
    assert (every[0], every[-1]) == (0, RANGES - 1)
    assert np.bincount(every).max() <= (1 << 16) // 1024
    base32 = np.stack([np.repeat(BASE32, 32), np.tile(BASE32, 32)], axis=1)
    assert (np.diff(ranges_of(base32, 0).astype(int)) > 0).all()
    assert ranges_of(pairs, 3).max() == RANGES // 8 - 1


def test_pieces_stay_within_a_quarter_of_the_memory(folder: Path) -> None:
    for rows in (uniform(100), uniform(20_000), refs(20_000)):
        sorter = spilled(folder, rows)
        pieces = list(sorter.pieces())
        assert max(piece.nbytes for piece in pieces) <= LITTLE // 4
        assert len(pieces) < 40 * max(1, rows.nbytes // LITTLE)
        sorter.close()


def test_rows_are_copied_when_they_are_added(folder: Path) -> None:
    sorter, rows = begun(folder), uniform(50)
    expected = sorted_rows(rows)
    sorter.add(rows)
    rows[:] = 0
    assert as_list(sorter.pieces()) == expected


def test_an_empty_sort_has_no_piece(folder: Path) -> None:
    sorter = begun(folder)
    assert list(sorter.pieces()) == []
    sorter = begun(folder)
    sorter.add(np.empty((0, WIDTH), np.uint8))
    assert (sorter.rows, list(sorter.pieces())) == (0, [])


# ---- repeated keys ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("others", [0, 5000])
def test_the_rows_of_one_key_may_fill_half_of_the_memory(folder: Path, others: int) -> None:
    same = uniform(1).repeat(LITTLE // 2 // WIDTH, axis=0)
    rows = numbered(np.concatenate([uniform(others, 2), same]))
    sorter = spilled(folder, rows)
    assert as_list(sorter.pieces()) == sorted_rows(rows)
    sorter.close()


@pytest.mark.parametrize("more", [1, 5000])
@pytest.mark.parametrize("others", [0, 5000])
def test_one_key_with_more_rows_than_fit_comes_divided_and_alone(folder: Path, others: int, more: int) -> None:
    same = uniform(1).repeat(LITTLE // 2 // WIDTH + more, axis=0)
    rows = numbered(np.concatenate([uniform(others, 2), same]))
    sorter = spilled(folder, rows)
    for _ in range(2):
        pieces = list(sorter.pieces())
        assert as_list(iter(pieces)) == sorted_rows(rows)
        assert max(piece.nbytes for piece in pieces) <= LITTLE // 4
        theirs = [piece for piece in pieces if (piece[:, :KEY] == same[0, :KEY]).all(axis=1).any()]
        assert len(theirs) > 1
        assert all((piece[:, :KEY] == same[0, :KEY]).all() and len(piece) > 1 for piece in theirs)
    sorter.close()


def test_keys_that_differ_only_at_their_end_are_cut_there(folder: Path) -> None:
    rows = np.full((8_000, WIDTH), 9, np.uint8)
    rows[:, KEY - 2 : KEY] = np.random.default_rng(3).integers(0, 256, (8_000, 2))
    rows = numbered(rows)
    rows[:, KEY - 1] &= 0xF0  # so that keys repeat
    sorter = spilled(folder, rows)
    pieces = list(sorter.pieces())
    assert as_list(iter(pieces)) == sorted_rows(rows)
    assert max(piece.nbytes for piece in pieces) <= LITTLE // 4
    sorter.close()


# ---- on disk ---------------------------------------------------------------------------------------------------


def open_files(folder: Path) -> list[Path]:
    """This process's open files that stand, or stood, in a folder."""
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return [link for link in links if str(link.readlink()).startswith(f"{folder}/")]


def test_within_memory_nothing_is_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sorter = begun(folder, 1 << 20)
    monkeypatch.setattr(os, "pwrite", None)
    rows = uniform(5000)
    sorter.add(rows)
    assert as_list(sorter.pieces()) == sorted_rows(rows)
    assert list((folder / JOB).iterdir()) == []


def test_a_spill_has_no_name_and_holds_nothing_in_clear(folder: Path) -> None:
    rows = uniform(3000)
    rows[:, KEY:] = np.frombuffer(b"IN CLEAR", np.uint8)
    sorter = spilled(folder, rows)
    assert list((folder / JOB).iterdir()) == []
    (path,) = open_files(folder / JOB)
    content = path.read_bytes()
    assert len(content) > 2000 * WIDTH
    assert b"CLEAR" not in content
    assert rows[0, :16].tobytes() not in content
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    sorter.close()
    sorter.close()
    assert open_files(folder) == []


def test_no_block_is_sealed_twice_under_one_nonce(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nonces: list[bytes] = []

    class Counted:
        def __init__(self, key: bytes) -> None:
            self._real = AESGCM(key)
            self.decrypt_into = self._real.decrypt_into

        def encrypt_into(self, nonce: bytes, clear: memoryview, about: None, into: memoryview) -> int:
            nonces.append(nonce)
            return self._real.encrypt_into(nonce, clear, about, into)

    monkeypatch.setattr(spill, "AESGCM", Counted)
    rows = np.concatenate([uniform(5000), uniform(1).repeat(300, axis=0)])
    sorter = spilled(folder, rows)
    assert as_list(sorter.pieces()) == sorted_rows(rows)
    assert len(nonces) > 100
    assert len(set(nonces)) == len(nonces)
    sorter.close()


def test_a_leftover_of_the_name_goes_when_a_sort_begins_and_with_the_job(folder: Path) -> None:
    begun(folder)
    leftover = folder / JOB / "sort-seen"
    leftover.write_bytes(b"of a process that ended")
    sorter = begun(folder)
    assert not leftover.exists()
    leftover.write_bytes(b"of a process that ended")
    rows = uniform(3000)
    sorter.add(rows)
    assert as_list(sorter.pieces()) == sorted_rows(rows)
    leftover.write_bytes(b"of a process that ended")
    spool(folder).drop(JOB)
    assert not (folder / JOB).exists()
    sorter.close()


def test_a_job_that_was_dropped_meanwhile_ends_the_sort(folder: Path) -> None:
    sorter = begun(folder)
    spool(folder).drop(JOB)
    with pytest.raises(StateError) as caught:
        sorter.add(uniform(3000))
    assert caught.value.reason == "NOT_FOUND"
    assert not (folder / JOB).exists()


def test_damage_on_disk_is_noticed(folder: Path) -> None:
    rows = uniform(3000)
    sorter = spilled(folder, rows)
    (path,) = open_files(folder / JOB)
    assert as_list(sorter.pieces()) == sorted_rows(rows)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        byte = file.read(1)[0]
        file.seek(size // 2)
        file.write(bytes([byte ^ 1]))
    with pytest.raises(StateError, match="damaged") as caught:
        list(sorter.pieces())
    assert caught.value.reason == "NOT_FOUND"
    os.truncate(path, size // 3)
    with pytest.raises(StateError, match="damaged"):
        list(sorter.pieces())
    sorter.close()


# ---- full disks ------------------------------------------------------------------------------------------------


def test_a_full_disk_ends_the_sort_and_leaves_nothing(folder: Path) -> None:
    sorter = begun(folder)
    with file_size_limit(40_000), pytest.raises(StateError) as caught:
        for seed in range(10):
            sorter.add(uniform(1000, seed))
    assert caught.value.reason == "DISK_FULL"
    assert "sort seen" in caught.value.message
    assert open_files(folder) == []
    with pytest.raises(Misuse):
        sorter.add(uniform(1))
    sorter.close()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_no_room_at_any_write(folder: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    # One range of the first bytes is too large for a piece, so it is written once more when the pieces are asked for.
    rows = uniform(3000)
    rows[:1000, :3] = 5
    real, left = os.pwrite, 0

    def pwrite(descriptor: int, content: bytes, offset: int) -> int:
        nonlocal left
        left -= 1
        if left < 0:
            real(descriptor, content[: len(content) // 2], offset)
            raise OSError(code, os.strerror(code))
        return real(descriptor, content, offset)

    def sort() -> list[bytes]:
        sorter = begun(folder)
        try:
            for start in range(0, len(rows), 1000):
                sorter.add(rows[start : start + 1000])
            return as_list(sorter.pieces())
        finally:
            sorter.close()

    begun(folder).close()
    monkeypatch.setattr(os, "pwrite", pwrite)
    left = 1000
    assert sort() == sorted_rows(rows)
    writes = 1000 - left
    assert writes > 10
    for before in range(writes):
        left = before
        with pytest.raises(StateError) as caught:
            sort()
        assert caught.value.reason == "DISK_FULL"
        assert open_files(folder) == []
        assert list((folder / JOB).iterdir()) == []


# ---- memory ----------------------------------------------------------------------------------------------------

MEASURED = """
import re, sys
from pathlib import Path
import numpy as np
from gateway.spool.sorter import SpooledSorter

def most_resident():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) << 10

memory = int(sys.argv[2])
sorter = SpooledSorter(Path(sys.argv[1]), 70, 32, memory)
random = np.random.default_rng(1)
before = most_resident()
for _ in range(30):
    sorter.add(random.integers(0, 256, (50_000, 70), np.uint8))
assert sum(len(piece) for piece in sorter.pieces()) == 1_500_000
sorter.close()
print(most_resident() - before - memory)
"""


@pytest.mark.parametrize("memory", [16 << 20, 256 << 20], ids=["spilled", "in memory"])
def test_memory_stays_within_what_was_given(tmp_path: Path, memory: int) -> None:
    command = [sys.executable, "-c", MEASURED, str(tmp_path / "sort-x"), str(memory)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[4])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 64 << 20


# ---- wrong use -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "width", "key", "memory"),
    [
        ("", 40, 32, LITTLE),
        ("../x", 40, 32, LITTLE),
        ("a" * 41, 40, 32, LITTLE),
        ("A", 40, 32, LITTLE),
        ("x", 40, 41, LITTLE),
        ("x", 40, 7, LITTLE),
        ("x", 40, 32, SpooledSorter.least_memory(40) - 1),
        ("x", 40, 32, 0),
    ],
)
def test_a_sort_that_cannot_be_is_a_bug(folder: Path, name: str, width: int, key: int, memory: int) -> None:
    with pytest.raises(Misuse):
        spool(folder).sorter(JOB, name, width, key, memory)


def test_the_least_memory_sorts(folder: Path) -> None:
    for width in (8, 40, 3000):
        rows = uniform(700, 5, width)
        sorter = spool(folder).sorter(JOB, "x", width, 8, SpooledSorter.least_memory(width))
        sorter.add(rows)
        assert as_list(sorter.pieces()) == sorted_rows(rows, 8)
        sorter.close()


@pytest.mark.parametrize("rows", [300, 3000])
def test_nothing_is_added_or_asked_at_the_wrong_time(folder: Path, rows: int) -> None:
    sorter = begun(folder)
    sorter.add(uniform(rows))
    with pytest.raises(Misuse):
        sorter.add(uniform(1, width=WIDTH + 1))
    with pytest.raises(Misuse):
        sorter.add(uniform(1).astype(np.int64))
    pieces = sorter.pieces()
    next(pieces)
    with pytest.raises(Misuse):
        sorter.add(uniform(1))
    sorter.close()
    with pytest.raises(Misuse):
        next(sorter.pieces())
    with pytest.raises(Misuse):
        for _ in pieces:
            pass


def test_a_caller_that_stops_early_leaves_no_thread(folder: Path) -> None:
    sorter = spilled(folder, uniform(5000))
    before = threading.active_count()
    pieces = sorter.pieces()
    next(pieces)
    assert threading.active_count() == before + 1
    del pieces
    assert threading.active_count() == before
    both = [sorter.pieces(), sorter.pieces()]
    first, second = (next(each) for each in both)
    assert first.tobytes() == second.tobytes()
    del both
    sorter.close()
