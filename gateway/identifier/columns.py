"""Small steps on Arrow columns that every identifier type takes."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gateway.identifier.reason import Verdicts

Flags = npt.NDArray[np.bool_]

_LEAD_OF_C1 = 0xC2  # U+0080..U+009F are this byte and one of 0x80..0x9F


def flags(column: pa.Array[Any]) -> Flags:
    """Return a boolean column as numpy flags; null counts as false.

    Args:
        column: n booleans.
    """
    filled = cast("pa.Array[Any]", pc.fill_null(column, pa.scalar(False)))
    return cast("Flags", filled.to_numpy(zero_copy_only=False))


def text_of(values: pa.StringArray) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """Return a column's bytes in place.

    Args:
        values: n strings.

    Returns:
        (n + 1,) ends of the strings counted from the first one's beginning, and the bytes
        between. What a null one holds, if anything, is among them.
    """
    _, offsets, text = values.buffers()
    if offsets is None or not len(values):
        return np.zeros(len(values) + 1, np.int32), np.empty(0, np.uint8)
    ends = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1]
    between = np.frombuffer(text or b"", np.uint8)[ends[0] : ends[-1]]
    return (ends - ends[0] if ends[0] else ends), between


def present(values: pa.StringArray) -> Flags:
    """Return one flag per string: it is not null.

    Args:
        values: n strings.
    """
    if not values.null_count:
        return np.ones(len(values), np.bool_)
    return cast("Flags", values.is_valid().to_numpy(zero_copy_only=False))


def strings_of(written: npt.NDArray[np.void], valid: Flags) -> pa.StringArray:
    """Return strings of one width as a column.

    Args:
        written: the UTF-8 bytes of the valid strings, in order, below 2^31 bytes in all.
        valid: n flags; the others become null.
    """
    ends = np.arange(len(valid) + 1, dtype=np.int32)
    validity = None
    if len(written) < len(valid):
        np.cumsum(valid, out=ends[1:])
        validity = pa.py_buffer(np.packbits(valid, bitorder="little"))
    ends *= np.int32(written.itemsize)
    return pa.StringArray.from_buffers(len(valid), pa.py_buffer(ends), pa.py_buffer(written.view(np.uint8)), validity)


def byte_lengths(values: pa.StringArray) -> npt.NDArray[np.int32]:
    """Return the length of every string in bytes; null counts as 0.

    Args:
        values: n strings.
    """
    lengths = np.diff(text_of(values)[0])
    if values.null_count:
        lengths[~present(values)] = 0
    return lengths


def control_characters(values: pa.StringArray) -> Flags:
    """Return one flag per string: it holds a control character (Unicode category Cc: C0, DEL, C1).

    Args:
        values: n strings, valid UTF-8. The flag of a null one means nothing.
    """
    ends, text = text_of(values)
    found = np.flatnonzero((text < 0x20) | (text == 0x7F))
    leads = np.flatnonzero(text[:-1] == _LEAD_OF_C1)
    found = np.append(found, leads[text[leads + 1] < 0xA0])
    flagged = np.zeros(len(values), np.bool_)
    flagged[np.searchsorted(ends, found, side="right") - 1] = True
    return flagged


def graphic_ascii(values: pa.StringArray) -> bool:
    """Return whether every byte of a column is an ASCII letter, digit or mark: nothing to trim, no control character.

    Args:
        values: n strings.
    """
    _, text = text_of(values)
    return not len(text) or bool(text.min() > 0x20 and text.max() < 0x7F)


def null_where_rejected(values: pa.StringArray, verdicts: Verdicts) -> pa.StringArray:
    """Return a column with null in place of every rejected row.

    Args:
        values: n strings.
        verdicts: the n verdicts on them.
    """
    accepted = verdicts.accepted
    if accepted.all():
        return values
    return cast(pa.StringArray, pc.if_else(pa.array(accepted), values, pa.scalar(None, pa.string())))
