"""Values of agreed columns: parsed whole columns at a time, into the types that cross the wire.

A number becomes decimal128(18, scale), a band or category text. An empty value is
null, which is allowed: the partner cannot tell it from one that consent withholds.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gateway.dataset.source import Source
from gateway.dataset.text import as_text, numbers_of
from gateway.route.agreement import Column, ColumnType

Flags = npt.NDArray[np.bool_]

DIGITS = 18
"""Decimal digits of a number at its scale; fits 64 bits."""

_EXACT = 2.0**50  # a float times a power of ten, below this, rounds to the integer that was meant


@dataclass(frozen=True, slots=True, repr=False)
class Parsed:
    """A column of n values as it crosses the wire.

    Attributes:
        values: decimal128(18, scale) or string, null where empty or bad.
        bad: flags of the bad ones: no number, too many decimal digits, out of bounds
            (unless clipped), too many bytes, control characters.
        clipped: flags of numbers that were brought back into the agreed bounds.
    """

    values: pa.Array[Any]
    bad: Flags
    clipped: Flags


def parse(source: Source, name: str, values: pa.Array[Any], column: Column, *, clip: bool = False) -> Parsed:
    """Parse a source column as an agreed column.

    Args:
        source: the data set, for messages.
        name: the source column's name, for messages.
        values: n values as read.
        column: what the agreement says of it.
        clip: a number out of bounds becomes the nearer bound instead of bad.

    Raises:
        SourceError: BAD_ROW for a type that holds no such values.
    """
    if column.type is not ColumnType.NUMBER:
        texts, bad = _texts(as_text(source, name, values), column.max_bytes)
        return Parsed(texts, bad, np.zeros(len(bad), np.bool_))
    if pa.types.is_floating(values.type):
        scaled, present, bad = _floats(values, column.scale)
    elif pa.types.is_integer(values.type):
        scaled, present, bad = _decimals(values.cast(pa.decimal128(20, 0)), column.scale)
    elif pa.types.is_decimal(values.type):
        scaled, present, bad = _decimals(values, column.scale)
    else:
        scaled, present, bad = _written(as_text(source, name, values), column.scale)
    within = np.clip(scaled, _bound(column.minimum, column.scale), _bound(column.maximum, column.scale))
    outside = present & (within != scaled)
    if not clip:
        return Parsed(_from_scaled(scaled, present & ~outside, column.scale), bad | outside, np.zeros_like(bad))
    return Parsed(_from_scaled(within, present, column.scale), bad, outside)


def _texts(values: pa.StringArray, max_bytes: int) -> tuple[pa.Array[Any], Flags]:
    trimmed = pc.utf8_trim_whitespace(values)
    lengths = _flat(pc.fill_null(pc.binary_length(trimmed), pa.scalar(0, pa.int32())))
    control = _flat(pc.fill_null(pc.match_substring_regex(trimmed, r"\p{Cc}"), pa.scalar(False)))
    bad = (lengths > max_bytes) | control
    kept = pc.if_else(pa.array((lengths > 0) & ~bad), trimmed, pa.scalar(None, pa.string()))
    return cast("pa.Array[Any]", kept), bad


def _written(values: pa.StringArray, scale: int) -> tuple[npt.NDArray[np.int64], Flags, Flags]:
    """Numbers as people write them: ASCII digits, one point, no thousands, no exponent."""
    trimmed = pc.utf8_trim_whitespace(values)
    filled = _flat(pc.fill_null(pc.binary_length(trimmed), pa.scalar(0, pa.int32()))) > 0
    fraction = rf"(?:\.[0-9]{{1,{scale}}}0{{0,10}})?" if scale else r"(?:\.0{1,10})?"
    pattern = rf"\A-?0{{0,10}}[0-9]{{1,{DIGITS - scale}}}{fraction}\z"
    number = _flat(pc.fill_null(pc.match_substring_regex(trimmed, pattern), pa.scalar(False)))
    readable = pc.if_else(pa.array(number), trimmed, pa.scalar(None, pa.string()))
    exact = cast("pa.Array[Any]", readable).cast(pa.decimal128(DIGITS, scale))
    return _scaled(exact), number, filled & ~number


def _floats(values: pa.Array[Any], scale: int) -> tuple[npt.NDArray[np.int64], Flags, Flags]:
    """Floats that are the nearest to a number of `scale` digits: that number."""
    numbers, present = numbers_of(values)
    power = 10.0**scale
    small = present & (np.abs(numbers) < _EXACT / power)
    scaled = np.rint(np.where(small, numbers, 0.0) * power)
    exact = small & (scaled / power == numbers)
    return np.where(exact, scaled, 0).astype(np.int64), exact, present & ~exact


def _decimals(values: pa.Array[Any], scale: int) -> tuple[npt.NDArray[np.int64], Flags, Flags]:
    present = _flat(pc.is_valid(values))
    wide = values.cast(pa.decimal256(76, max(values.type.scale, scale)))
    limit = pa.scalar(Decimal(10) ** (DIGITS - scale), pa.decimal256(76, wide.type.scale))
    exact = pc.and_(pc.equal(wide, pc.round(wide, scale)), pc.less(pc.abs(wide), limit))
    fits = _flat(pc.fill_null(exact, pa.scalar(False)))
    kept = pc.if_else(pa.array(fits), wide, pa.scalar(None, wide.type))
    return _scaled(cast("pa.Array[Any]", kept).cast(pa.decimal128(DIGITS, scale))), fits, present & ~fits


def _bound(bound: Decimal | None, scale: int) -> int | None:
    # The agreement's bounds have no more digits than its scale.
    return None if bound is None else int(bound.scaleb(scale))


def _scaled(values: pa.Array[Any]) -> npt.NDArray[np.int64]:
    """The integers value * 10^scale; 18 digits lie in the low word of 128 bits."""
    words = values.buffers()[1]
    if words is None:
        return np.zeros(len(values), np.int64)
    low = np.frombuffer(words, "<i8").reshape(-1, 2)[values.offset : values.offset + len(values), 0]
    return np.where(_flat(pc.is_valid(values)), low, 0)


def _from_scaled(scaled: npt.NDArray[np.int64], present: Flags, scale: int) -> pa.Array[Any]:
    words = np.empty((len(scaled), 2), "<i8")
    words[:, 0], words[:, 1] = scaled, scaled >> 63
    validity = pa.py_buffer(np.packbits(present, bitorder="little").tobytes())
    return pa.Array.from_buffers(pa.decimal128(DIGITS, scale), len(scaled), [validity, pa.py_buffer(words.tobytes())])


def _flat(values: Any) -> npt.NDArray[Any]:
    return cast("npt.NDArray[Any]", values.to_numpy(zero_copy_only=False))
