"""Rows in order: sorting, gathering, finding and checking fixed-width rows by their bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from gateway.errors import Misuse
from gateway.kernel._native import ffi, lib
from gateway.kernel._rows import Rows, new_rows, thread_count

if TYPE_CHECKING:
    from gateway.kernel._native import CData

Places: TypeAlias = npt.NDArray[np.int64]
"""Row numbers, int64, shape (n,)."""


def order_rows(rows: Rows, key_bytes: int, threads: int = 1) -> Places:
    """Return the order in which rows ascend by their leading bytes; equal ones keep their order.

    Args:
        rows: uint8, shape (n, w), w at least 1; 32 bytes of working memory are taken for each.
        key_bytes: 1 to w.
        threads: 1 to 256.

    Returns:
        int64, shape (n,): the row that comes at each place, for `take_rows`.

    Raises:
        Misuse: shape, type or number of bytes differs.
    """
    keys = _Keys(rows, "rows", leading=key_bytes)
    order, out = _new_places(keys.count)
    _check_memory(lib.assent_order_rows(keys.native, thread_count(threads), out))
    return order


def take_rows(rows: Rows, order: Places, threads: int = 1) -> Rows:
    """Return rows in a given order.

    Args:
        rows: uint8, shape (n, w).
        order: int64, shape (m,), row numbers from 0 to n - 1; some may be left out or repeated.
        threads: 1 to 256.

    Returns:
        uint8, shape (m, w), a copy.

    Raises:
        Misuse: shape or type differs, or a row number is out of range.
    """
    keys, numbers = _Keys(rows, "rows"), _places_view(order)
    taken, out = new_rows(len(order), keys.width)
    place = ffi.new("uint64_t *")
    status = lib.assent_take_rows(keys.native, numbers, len(order), thread_count(threads), out, place)
    if status == lib.ASSENT_NO_SUCH_ROW:
        raise Misuse(f"place {place[0]} of the order names row {order[place[0]]} of {keys.count}; count rows from 0")
    return taken


def find_rows(sorted_keys: Rows, wanted: Rows, threads: int = 1) -> Places:
    """Return where each wanted key stands among ascending ones.

    The more evenly the leading 8 bytes of the keys lie between the first and the last, the faster; any order of keys
    that does not ascend gives places that mean nothing.

    Args:
        sorted_keys: uint8, shape (n, w), ascending; may be leading columns of wider rows.
        wanted: uint8, shape (m, w), in any order; may be leading columns of wider rows.
        threads: 1 to 256.

    Returns:
        int64, shape (m,): the first row of `sorted_keys` equal to each wanted key, -1 where there is none.

    Raises:
        Misuse: shape or type differs.
    """
    keys, sought = _Keys(sorted_keys, "sorted keys"), _Keys(wanted, "wanted keys")
    if keys.width != sought.width:
        raise Misuse(f"keys of {sought.width} bytes are not to be found among keys of {keys.width}")
    places, out = _new_places(sought.count)
    _check_memory(lib.assent_find_rows(keys.native, sought.native, thread_count(threads), out))
    return places


def first_not_ascending(rows: Rows, previous: bytes | None) -> int:
    """Return the first row that does not lie above the row before it.

    Args:
        rows: uint8, shape (n, w); may be leading columns of wider rows.
        previous: the row before the first, w bytes, or None at the start of a list.

    Returns:
        Its number from 0, or -1 when the rows ascend strictly.

    Raises:
        Misuse: shape or type differs.
    """
    keys = _Keys(rows, "rows")
    if previous is not None and len(previous) != keys.width:
        raise Misuse(f"the row before rows of {keys.width} bytes must be as long, not {len(previous)}")
    before = ffi.NULL if previous is None else ffi.from_buffer("uint8_t[]", previous)
    return int(lib.assent_first_not_ascending(keys.native, before))


class _Keys:
    """The native view of rows that lie at one distance from each other, and the owner of their memory."""

    __slots__ = ("_owner", "count", "native", "width")

    def __init__(self, rows: object, what: str, leading: int | None = None) -> None:
        """Take C-contiguous rows or adjacent columns of such rows; `leading` of their bytes, or all."""
        if not isinstance(rows, np.ndarray) or rows.dtype != np.uint8 or rows.ndim != 2:
            raise Misuse(f"{what} must be a numpy uint8 array of shape (n, width)")
        self.count, row_bytes = rows.shape
        self.width = row_bytes if leading is None else leading
        if not 1 <= self.width <= row_bytes:
            raise Misuse(f"{what} must be at least 1 byte wide and as wide as their key, not {row_bytes}")
        between, within = rows.strides
        if self.count and ((within != 1 and row_bytes > 1) or (between < row_bytes and self.count > 1)):
            raise Misuse(f"{what} must be adjacent columns of C-contiguous rows; copy them with numpy first")
        self._owner = rows
        fields = {"rows": self.count, "stride": between, "width": self.width}
        self.native = ffi.new("assent_rows *", {"bytes": ffi.cast("uint8_t *", rows.ctypes.data), **fields})


def _places_view(order: object) -> CData:
    """Return a pointer to the first of checked row numbers; it keeps them alive."""
    if not isinstance(order, np.ndarray) or order.dtype != np.int64 or order.ndim != 1:
        raise Misuse("an order must be a numpy int64 array of one dimension")
    return ffi.from_buffer("int64_t[]", np.ascontiguousarray(order).data)


def _new_places(count: int) -> tuple[Places, CData]:
    """Return uninitialised places and a writable pointer to them."""
    places = np.empty(count, dtype=np.int64)
    return places, ffi.from_buffer("int64_t[]", places.data, require_writable=True)


def _check_memory(status: int) -> None:
    if status == lib.ASSENT_NO_MEMORY:
        raise MemoryError
