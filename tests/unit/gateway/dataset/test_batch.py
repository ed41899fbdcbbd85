from __future__ import annotations

import threading
from collections.abc import Generator

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dataset import batch
from tests.unit.gateway.dataset.scans import readers


def numbered(sizes: list[int]) -> Generator[pa.RecordBatch, None, None]:
    first = 0
    for size in sizes:
        yield pa.record_batch({"n": pa.array(range(first, first + size), pa.int64())})
        first += size


@given(st.lists(st.integers(0, 30), max_size=12), st.integers(1, 20))
def test_batches_become_even_and_lose_nothing(sizes: list[int], rows: int) -> None:
    found = list(batch.even(numbered(sizes), rows))
    assert [n for one in found for n in one.column("n").to_pylist()] == list(range(sum(sizes)))
    assert all(one.num_rows <= rows for one in found)
    assert all(2 * one.num_rows >= rows for one in found[:-1])


def test_large_rows_make_small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "BYTES", 1000)
    one = pa.record_batch({"t": ["x" * 300] * 10})
    found = list(batch.even(iter([one, one]), 100))
    assert [n for batch_ in found for n in batch_.column("t").to_pylist()] == ["x" * 300] * 20
    assert max(batch_.nbytes for batch_ in found) <= 2000


def test_the_next_batch_is_read_while_one_is_worked_on() -> None:
    asked = threading.Semaphore(0)

    def slow() -> Generator[pa.RecordBatch, None, None]:
        for one in numbered([1] * 6):
            asked.release()
            yield one

    reading = batch.ahead(slow())
    next(reading)
    assert all(asked.acquire(timeout=5) for _ in range(3)), "two more are read unasked"
    assert not asked.acquire(timeout=0.05), "and no third one"
    assert sum(1 for _ in reading) == 5
    assert readers() == []


def test_closing_early_ends_the_thread_and_the_source() -> None:
    ended = []

    def source() -> Generator[pa.RecordBatch, None, None]:
        try:
            yield from numbered([1] * 1000)
        finally:
            ended.append(True)

    reading = batch.ahead(source())
    next(reading)
    assert len(readers()) == 1
    reading.close()
    assert (readers(), ended) == ([], [True])


def test_an_error_comes_in_its_place_and_ends_the_thread() -> None:
    def failing() -> Generator[pa.RecordBatch, None, None]:
        yield from numbered([1, 1, 1])
        raise ValueError("here")

    reading = batch.ahead(failing())
    assert [next(reading).num_rows for _ in range(3)] == [1, 1, 1]
    with pytest.raises(ValueError, match="here"):
        next(reading)
    assert readers() == []
