"""Match keys of a run, and its lists: of rows one per key, in agreed order, in every stage and in the cohort file.

With several keys the first byte of a keyed tag is the number of its key, so that keyed-tag order is list order.
Statistics have one list, or segments, of records with all their keys: see `tuples`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from gateway.route.job import AuthorizedJob

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]


def list_count(job: AuthorizedJob) -> int:
    """Return how many lists each side of a job has; statistics have segments instead."""
    return 1 if job.operation.grouped else len(job.agreement.match_keys)


def list_bytes(job: AuthorizedJob) -> int:
    """Return the bytes that say which list a row is of: none where there is one list."""
    return int(list_count(job) > 1)


def several_keys(job: AuthorizedJob) -> bool:
    """Return whether customers are matched by several keys, so that keyed tags say of which they are."""
    return len(job.agreement.match_keys) > 1


def in_tuples(job: AuthorizedJob) -> bool:
    """Return whether a record has all keys of its customer: statistics over several of them."""
    return job.operation.grouped and several_keys(job)


def lists_of(places: Places, rows: Sequence[int]) -> Bytes:
    """Return the list of each record, (n, 1).

    Args:
        places: (n,) numbers of records over all lists.
        rows: records of each list.
    """
    return np.searchsorted(np.cumsum(rows), places, side="right").astype(np.uint8)[:, None]


def by_list(first: int, count: int, rows: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Yield the lists that a range of records lies in, in order: number, begin and end within the range.

    Args:
        first: number of the first record.
        count: records of the range.
        rows: records of each list.
    """
    begin = 0
    for number, end in enumerate(np.cumsum(rows).tolist()):
        low, high = max(first, begin), min(first + count, end)
        if low < high:
            yield number, low - first, high - first
        begin = end


def runs_of(numbers: Bytes) -> Iterator[tuple[int, int, int]]:
    """Yield runs of rows of one list: number, begin and end.

    Args:
        numbers: (n,) list of each row, ascending.
    """
    for number in np.unique(numbers).tolist():
        begin, end = np.searchsorted(numbers, (number, number + 1))
        yield number, int(begin), int(end)
