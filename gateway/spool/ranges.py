"""Ranges of keys: ascending pieces of work that know nothing of each other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Ranges = npt.NDArray[np.uint16]

RANGES = 2048
BYTE_RANGES = 256
_BASE32 = b"234567abcdefghijklmnopqrstuvwxyz"
"""The characters of a subject_ref, in the order of their bytes."""


def _table() -> Ranges:
    """Return the range of every pair of first bytes, ascending with the pair.

    Two divisions lie over one another: 1,024 equal shares of all pairs, and one
    step at each of the 1,024 pairs of base32 characters. So no range holds more than
    1/1024 of uniform bytes, nor of uniform base32: nobody need say which they are.
    """
    pairs = np.arange(1 << 16)
    is_base32 = np.isin(np.arange(256), np.frombuffer(_BASE32, np.uint8))
    steps = np.cumsum(is_base32[pairs >> 8] & is_base32[pairs & 0xFF])
    ascending = (pairs >> 6) + np.concatenate(([0], steps[:-1]))
    # As the machine reads two bytes: the first one is the low one.
    return ascending.reshape(256, 256).T.reshape(-1).astype(np.uint16)


_BY_PAIR = _table()


def ranges_of(rows: Bytes, coarse: int) -> Ranges:
    """Return the range of every row by the first two bytes, below `RANGES >> coarse`.

    Args:
        rows: (n, w), w at least 2.
        coarse: joins 2**coarse neighbours into one.
    """
    pairs = np.ascontiguousarray(rows[:, :2]).view("<u2").ravel()
    return (_BY_PAIR >> coarse).astype(np.uint16, copy=False).take(pairs)


def ranges_of_byte(rows: Bytes, place: int) -> Ranges:
    """Return one byte of every row, as a range below `BYTE_RANGES`."""
    return rows[:, place].astype(np.uint16)


def first_difference(rows: Bytes, key: Bytes) -> int:
    """Return the first place at which any row differs from a key; its length when none does.

    Args:
        rows: (n, w).
        key: leading bytes of some row.
    """
    for place, byte in enumerate(key):
        if (rows[:, place] != byte).any():
            return place
    return len(key)
