"""Batches of rows on their way from a file: of even size, and the next ones read while one is worked on."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

BYTES = 32 << 20
"""Bytes of a batch at which it has fewer rows than it may."""

_AHEAD = 2  # batches


def even(batches: Iterator[pa.RecordBatch], rows: int) -> Generator[pa.RecordBatch, None, None]:
    """Cut and join batches, in order, to half of `rows` at least and `rows` at most where BYTES allow.

    Args:
        batches: of one schema; where another begins, so does a batch.
        rows: most rows of a batch.
    """
    held: list[pa.RecordBatch] = []
    count = size = 0
    for batch in batches:
        if held and batch.schema != held[0].schema:
            yield _joined(held)
            held, count, size = [], 0, 0
        step = max(1, min(rows, batch.num_rows * BYTES // max(batch.nbytes, 1)))
        at = 0
        while at < batch.num_rows:
            piece = batch.slice(at, min(step, rows - count))
            held.append(piece)
            at += piece.num_rows
            count += piece.num_rows
            size += piece.nbytes
            if 2 * count >= rows or size >= BYTES:
                yield _joined(held)
                held, count, size = [], 0, 0
    if held:
        yield _joined(held)


def ahead(batches: Generator[pa.RecordBatch, None, None]) -> Generator[pa.RecordBatch, None, None]:
    """Read batches in a thread of their own, which has ended when this has: exhausted, failed or closed.

    Args:
        batches: as they come from a file; what they raise is raised here, in its place.
    """
    thread = ThreadPoolExecutor(1, thread_name_prefix="dataset")
    try:
        # A task for each batch: the thread never waits for somebody to take one.
        coming = deque(thread.submit(next, batches, None) for _ in range(_AHEAD))
        while (batch := coming.popleft().result()) is not None:
            coming.append(thread.submit(next, batches, None))
            yield batch
    finally:
        thread.shutdown(cancel_futures=True)
        batches.close()


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)
