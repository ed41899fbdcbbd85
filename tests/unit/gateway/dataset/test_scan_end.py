from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import SourceError
from tests.unit.gateway.dataset.files import bound, csv_file
from tests.unit.gateway.dataset.scans import HEAD, as_parquet, customers, readers, small


def open_files(folder: Path) -> int:
    """Count this process's open files of a folder; others may close meanwhile what earlier tests left."""
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found += str(link.readlink()).startswith(f"{folder}/")
    return found


@pytest.mark.parametrize("name", ["customers.csv", "customers.parquet"])
def test_closing_early_leaves_no_thread_and_no_open_file(tmp_path: Path, name: str) -> None:
    port = small(big(tmp_path, name), 50)
    with closing(port.scan(bound(), "phone.cn11", ()).batches()) as scan:
        next(scan)
        assert len(readers()) == 1
        assert open_files(tmp_path) == 1
    pieces = port.subject_pieces(bound())
    next(pieces)
    pieces.close()
    assert readers() == []
    # What Arrow reads ahead of us it finishes first.
    end = time.monotonic() + 10
    while open_files(tmp_path) and time.monotonic() < end:
        time.sleep(0.01)
    assert open_files(tmp_path) == 0


@pytest.mark.usefixtures("small_blocks")
def test_an_error_of_the_caller_leaves_no_thread(tmp_path: Path) -> None:
    scan = small(big(tmp_path, "customers.csv")).scan(bound(), "phone.cn11", ())
    with pytest.raises(ZeroDivisionError):
        for batch in scan.batches():
            assert len(batch.rows) / 0


def big(folder: Path, name: str) -> Path:
    if name.endswith("parquet"):
        return as_parquet(folder, 20_000, lambda column: column, row_group_size=900)
    return csv_file(folder, HEAD + customers(20_000))


def replaced(path: Path, content: bytes) -> None:
    other = path.with_suffix(".new")
    other.write_bytes(content)
    other.replace(path)


@pytest.mark.parametrize("name", ["customers.csv", "customers.parquet"])
@pytest.mark.parametrize(
    "change",
    [
        lambda path: replaced(path, path.read_bytes()),
        lambda path: replaced(path, b"customer,phone\n\xff"),
        lambda path: path.write_bytes(path.read_bytes() + b"c,13800000001,1,a,x,m\n"),
        lambda path: os.truncate(path, path.stat().st_size // 2),
        lambda path: os.truncate(path, 0),
        lambda path: path.write_bytes(bytes(path.stat().st_size)),
        lambda path: path.unlink(),
        lambda path: (path.unlink(), path.mkdir()),
    ],
    ids=["replaced", "other", "appended", "halved", "emptied", "zeroed", "removed", "a folder"],
)
@pytest.mark.usefixtures("small_blocks")
def test_a_source_that_changes_during_the_pass(tmp_path: Path, name: str, change: Callable[[Path], Any]) -> None:
    path = big(tmp_path, name)
    batches = small(path, 100).scan(bound(), "phone.cn11", ()).batches()
    for _ in range(3):
        next(batches)
    change(path)
    with pytest.raises(SourceError) as caught:
        for _ in batches:
            pass
    assert caught.value.reason == "SOURCE_CHANGED"
    assert "try again" in caught.value.message
