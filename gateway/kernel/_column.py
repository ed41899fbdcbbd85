"""Columns: Arrow binary and string arrays, read in place from their buffers, slices included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa

from gateway.errors import Misuse
from gateway.kernel._native import ffi
from gateway.kernel._rows import Rows, rows_view

if TYPE_CHECKING:
    from gateway.kernel._native import CData

Values: TypeAlias = "pa.Array[Any]"
"""A binary, string, large_binary or large_string array without nulls."""

_OFFSET_WIDTHS = {pa.binary(): 4, pa.string(): 4, pa.large_binary(): 8, pa.large_string(): 8}


class Column:
    """The native view of a column, and the owner of its memory for as long as the view is used.

    Attributes:
        native: a cffi `assent_column *`.
        rows: the number of rows.
        value_bytes: the bytes of all rows together.
    """

    __slots__ = ("_owner", "native", "rows", "value_bytes")

    def __init__(self, native: CData, rows: int, value_bytes: int, owner: object) -> None:
        """Tie the view to what owns its memory."""
        self.native = native
        self.rows = rows
        self.value_bytes = value_bytes
        self._owner = owner


def column_of(values: object, what: str) -> Column:
    """Return the native view of an Arrow array, without a copy.

    Args:
        values: binary, string, large_binary or large_string, without nulls; a slice is fine.
        what: what the values are, for the message.

    Returns:
        The view.

    Raises:
        Misuse: another type, a null, or offsets that contradict the array's bytes.
    """
    if not isinstance(values, pa.Array) or values.type not in _OFFSET_WIDTHS:
        raise Misuse(f"{what} must be one Arrow array of binary or string; combine chunks or cast it first")
    if values.null_count:
        row = int(np.argmax(values.is_null().to_numpy(zero_copy_only=False)))
        raise Misuse(f"{what} must hold no null, but row {row} is one; drop such rows first")
    width = _OFFSET_WIDTHS[values.type]
    rows = len(values)
    if rows == 0:
        return Column(ffi.new("assent_column *", {"offset_width": width}), 0, 0, values)

    _, offsets, content = values.buffers()
    first = values.offset * width
    if offsets is None or offsets.size < first + (rows + 1) * width:
        raise Misuse(f"{what} must have an offset for each of its {rows} rows; validate the array where it is read")
    bounds = np.frombuffer(memoryview(offsets), dtype=f"<i{width}", count=rows + 1, offset=first)
    content_bytes = 0 if content is None else content.size
    value_bytes = int(bounds[-1]) - int(bounds[0])
    if not 0 <= value_bytes <= content_bytes:
        raise Misuse(f"{what} must have ascending offsets; validate the array where it is read")
    native = ffi.new(
        "assent_column *",
        {
            "bytes": ffi.NULL if content is None else ffi.cast("uint8_t *", content.address),
            "bytes_size": content_bytes,
            "offsets": ffi.cast("uint8_t *", offsets.address + first),
            "offset_width": width,
            "rows": rows,
        },
    )
    return Column(native, rows, value_bytes, values)


def column_of_rows(rows: Rows, what: str) -> Column:
    """Return the native view of fixed-width rows, without a copy.

    Args:
        rows: uint8, shape (n, width), C-contiguous.
        what: what the rows are, for the message.

    Returns:
        The view.

    Raises:
        Misuse: type, shape or layout differs.
    """
    view = rows_view(rows, what)
    count, width = rows.shape
    fields = {"bytes": view, "bytes_size": rows.size, "width": width, "rows": count}
    return Column(ffi.new("assent_column *", fields), count, rows.size, view)
