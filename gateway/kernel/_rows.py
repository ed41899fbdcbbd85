"""Fixed-width rows: numpy uint8 arrays of shape (n, width), passed to the native module without a copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from gateway.errors import Misuse
from gateway.kernel._native import ffi

if TYPE_CHECKING:
    from gateway.kernel._native import CData

Rows: TypeAlias = npt.NDArray[np.uint8]

MAX_THREADS: Final = 256


def rows_view(rows: object, what: str, *, width: int | None = None, count: int | None = None) -> CData:
    """Return a pointer to the first byte of checked rows; it keeps them alive.

    Args:
        rows: uint8, shape (n, width), C-contiguous; may be read-only.
        what: what the rows are, for the message.
        width: the width they must have, in bytes; any when None.
        count: the number of rows they must be; any when None.

    Returns:
        A cffi `uint8_t[]`.

    Raises:
        Misuse: type, shape or layout differs.
    """
    if not isinstance(rows, np.ndarray) or rows.dtype != np.uint8 or rows.ndim != 2:
        raise Misuse(f"{what} must be a numpy uint8 array of shape (n, width)")
    if width is not None and rows.shape[1] != width:
        raise Misuse(f"{what} must be rows of {width} bytes, not {rows.shape[1]}")
    if count is not None and rows.shape[0] != count:
        raise Misuse(f"{what} must be {count} rows, one for each row beside it, not {rows.shape[0]}")
    if not rows.flags.c_contiguous:
        raise Misuse(f"{what} must be C-contiguous; copy the slice with numpy.ascontiguousarray first")
    return ffi.from_buffer("uint8_t[]", rows.data)


def new_rows(count: int, width: int) -> tuple[Rows, CData]:
    """Return uninitialised rows and a writable pointer to them.

    Args:
        count: rows, at least 0.
        width: bytes in a row, at least 0.

    Returns:
        The array of shape (count, width) and a cffi `uint8_t[]` over it.
    """
    rows = np.empty((count, width), dtype=np.uint8)
    return rows, ffi.from_buffer("uint8_t[]", rows.data, require_writable=True)


def thread_count(threads: int) -> int:
    """Return a checked number of threads.

    Args:
        threads: 1 to 256; the work is never split finer than 64 rows.

    Returns:
        The same number.

    Raises:
        Misuse: out of range.
    """
    if not 1 <= threads <= MAX_THREADS:
        raise Misuse(f"threads must be 1 to {MAX_THREADS}, not {threads}")
    return threads


def fixed_bytes(value: bytes, size: int, what: str) -> bytes:
    """Return bytes of a checked size.

    Args:
        value: the bytes.
        size: how many there must be.
        what: what they are, for the message.

    Returns:
        The same bytes.

    Raises:
        Misuse: another size.
    """
    if len(value) != size:
        raise Misuse(f"{what} must be {size} bytes, not {len(value)}")
    return value
