"""The order of fixed-width rows by their leading key bytes: exact and stable."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Order = npt.NDArray[np.int64]

WORD = 8
_TIED_ROWS = 1 << 16
_PLACE_BITS = 40
ORDER_BYTES = 32
"""Working memory per row of `order_rows`, its result included."""


def order_rows(rows: Bytes, key_bytes: int) -> Order:
    """Return the places of rows, ascending by key; rows of one key stay in their order.

    Args:
        rows: (n, w), C-contiguous.
        key_bytes: leading bytes that are compared as unsigned numbers, 8 to w.

    Returns:
        n indices.
    """
    words = _word(rows, 0)
    order: Order = np.argsort(words).astype(np.int64, copy=False)
    words = words.take(order)
    same = np.empty(len(rows), np.bool_)
    same[:1] = False
    np.equal(words[1:], words[:-1], out=same[1:])
    del words
    # Keys are uniform: almost every pair differs in the first word. Only where it does not, the rest decides.
    next_same = np.append(same[1:], False)
    begins, ends = np.flatnonzero(~same & next_same), np.flatnonzero(same & ~next_same) + 1
    first = 0
    while first < len(begins):
        # Groups of one first word, some at a time: all of them together could be all rows.
        behind = max(int(np.searchsorted(ends, ends[first] + _TIED_ROWS)), first + 1)
        _settle(rows, key_bytes, order, begins[first:behind], ends[first:behind])
        first = behind
    return order


def _settle(rows: Bytes, key_bytes: int, order: Order, begins: Order, ends: Order) -> None:
    """Order groups of rows that have one first word, by the rest of their keys and then as they came."""
    lengths = ends - begins
    groups = np.repeat(np.arange(len(begins)), lengths)
    places = np.arange(len(groups)) + np.repeat(begins - np.cumsum(lengths) + lengths, lengths)
    # One number orders by group, then as they came: few groups, and fewer than 2**40 rows.
    among = np.sort(groups << _PLACE_BITS | order[places]) & ((1 << _PLACE_BITS) - 1)
    keys = np.ascontiguousarray(rows[among, WORD:key_bytes])
    differs = (keys[1:] != keys[:-1]).any(axis=1) & (groups[1:] == groups[:-1])
    if differs.any():
        words = [_word(keys, start) for start in range(0, keys.shape[1], WORD)]
        # lexsort is stable, and takes the most important key last.
        among = among[np.lexsort([*reversed(words), groups])]
    order[places] = among


def first_of_key(rows: Bytes, order: Order, key_bytes: int, start: int, at: int) -> int:
    """Return where the key of one row of an order begins, not before `start`.

    Args:
        rows: as ordered.
        order: from `order_rows`.
        key_bytes: as there.
        start: least answer.
        at: place in the order.
    """
    key = rows[order[at], :key_bytes].tobytes()
    places = range(start, at)
    return start + bisect_left(places, key, key=lambda place: rows[order[place], :key_bytes].tobytes())


def _word(keys: Bytes, start: int) -> npt.NDArray[np.uint64]:
    """Return up to eight bytes of every row as a number; bytes behind the row count as zero."""
    part = keys[:, start : start + WORD]
    if part.shape[1] < WORD:
        part = np.pad(part, ((0, 0), (0, WORD - part.shape[1])))
    return np.ascontiguousarray(part).view(">u8").ravel().astype(np.uint64)
