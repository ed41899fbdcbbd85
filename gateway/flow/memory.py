"""Working memory that the runs of one process share."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

FLOOR = 16 * 1024 * 1024
"""Bytes that every run may hold, however many there are; 64 of them stay within the least limit that can be set."""


class Memory:
    """Lends each run half of what is left: nobody waits, and together they keep to the limit.

    A run that waits for its partner keeps its share, so a queue for memory could stop two
    gateways that wait for each other; a smaller share only means more passes.
    """

    __slots__ = ("_floor", "_lent", "_limit", "_lock")

    def __init__(self, limit: int, floor: int = FLOOR) -> None:
        """Share memory.

        Args:
            limit: bytes in all.
            floor: bytes that a run gets at least.
        """
        self._limit, self._floor = limit, floor
        self._lent = 0
        self._lock = threading.Lock()

    @contextmanager
    def lend(self, most: int | None = None) -> Iterator[int]:
        """Lend a share for the length of a block; yields its bytes.

        Args:
            most: bytes beyond which the borrower leaves the rest to runs; None takes what there is.
        """
        with self._lock:
            left = (self._limit - self._lent) // 2
            share = max(self._floor, left if most is None else min(left, most))
            self._lent += share
        try:
            yield share
        finally:
            with self._lock:
                self._lent -= share
            _give_back()


def map_large_blocks() -> None:
    """Have the C library take large blocks from the system one by one, for the whole process.

    Left to itself it learns from the first ones to cut later ones out of a heap for each thread, and there what is
    freed stays: after ten million rows three times as much as is in use.
    """
    if _libc is not None:
        _libc.mallopt(_M_MMAP_THRESHOLD, _LARGE_BLOCK)


def _give_back() -> None:
    """Give what is free back to the system: allocators would keep it, and the next borrower's share came on top."""
    pa.default_memory_pool().release_unused()
    if _libc is not None:
        _libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    found = ctypes.CDLL(None)
    return found if hasattr(found, "malloc_trim") and hasattr(found, "mallopt") else None  # others give back unasked


_libc = _glibc()
_M_MMAP_THRESHOLD = -3  # mallopt(3)
_LARGE_BLOCK = 4 << 20  # of less, mapping costs more than it saves: measured
