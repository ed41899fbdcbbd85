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
from gateway.identifier.columns import byte_lengths, control_characters, flags, graphic_ascii, text_of
from gateway.route.agreement import Column, ColumnType

Flags = npt.NDArray[np.bool_]

DIGITS = 18
"""Decimal digits of a number at its scale; fits 64 bits."""

_SHORT = 12  # bytes of a written number
_POINT, _MINUS = b".-"
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
        scaled, present, bad = _integers(values, column.scale)
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
    plain = graphic_ascii(values)
    trimmed = values if plain else pc.utf8_trim_whitespace(values)
    lengths = byte_lengths(trimmed)
    bad = lengths > max_bytes
    if not plain:
        bad |= control_characters(trimmed) & (lengths > 0)
    return _null_unless((lengths > 0) & ~bad, trimmed), bad


def _written(values: pa.StringArray, scale: int) -> tuple[npt.NDArray[np.int64], Flags, Flags]:
    """Numbers as people write them: ASCII digits, one point, no thousands, no exponent."""
    trimmed = values if graphic_ascii(values) else cast(pa.StringArray, pc.utf8_trim_whitespace(values))
    filled = byte_lengths(trimmed) > 0
    exact = _short(trimmed, filled, scale)
    if exact is not None:
        return _scaled(exact), filled, np.zeros_like(filled)
    fraction = rf"(?:\.[0-9]{{1,{scale}}}0{{0,10}})?" if scale else r"(?:\.0{1,10})?"
    number = flags(pc.match_substring_regex(trimmed, rf"\A-?0{{0,10}}[0-9]{{1,{DIGITS - scale}}}{fraction}\z"))
    return _scaled(_null_unless(number, trimmed).cast(pa.decimal128(DIGITS, scale))), number, filled & ~number


def _short(texts: pa.StringArray, filled: Flags, scale: int) -> pa.Array[Any] | None:
    """Return a column of nothing but short numbers, or None: what those may look like, Arrow knows without a pattern.

    Beyond `_SHORT` bytes more zeros fit in than are allowed. What Arrow reads and we do not: signs and exponents, whose
    characters are none of these, and a point without a digit on either side.
    """
    ends, text = text_of(texts)
    if not len(text) or texts.null_count or np.diff(ends).max() > _SHORT:
        return None
    point = text == _POINT
    if not ((text - np.uint8(ord("0")) < 10) | point | (text == _MINUS)).all():
        return None
    # A point is behind a digit, and something is behind the point. Arrow refuses a second point and a minus elsewhere.
    starts = np.zeros(len(text) + 1, np.bool_)
    starts[ends] = True
    at = np.flatnonzero(point)
    if starts[at].any() or starts[at + 1].any() or (text[at - 1] == _MINUS).any():
        return None
    try:
        return _null_unless(filled, texts).cast(pa.decimal128(DIGITS, scale))
    except pa.ArrowInvalid:
        return None


def _integers(values: pa.Array[Any], scale: int) -> tuple[npt.NDArray[np.int64], Flags, Flags]:
    ends = pc.min_max(values).as_py()
    limit = 10 ** (DIGITS - scale)
    if values.null_count == len(values) or -limit < ends["min"] <= ends["max"] < limit:
        numbers = _flat(pc.fill_null(values, pa.scalar(0, values.type))).astype(np.int64)
        return numbers * 10**scale, _flat(pc.is_valid(values)), np.zeros(len(values), np.bool_)
    return _decimals(values.cast(pa.decimal128(20, 0)), scale)


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
    type_ = values.type
    if 0 <= type_.scale <= scale and type_.precision - type_.scale <= DIGITS - scale:
        return _scaled(values.cast(pa.decimal128(DIGITS, scale))), present, np.zeros_like(present)
    wide = values.cast(pa.decimal256(76, max(values.type.scale, scale)))
    limit = pa.scalar(Decimal(10) ** (DIGITS - scale), pa.decimal256(76, wide.type.scale))
    exact = pc.and_(pc.equal(wide, pc.round(wide, scale)), pc.less(pc.abs(wide), limit))
    fits = _flat(pc.fill_null(exact, pa.scalar(False)))
    return _scaled(_null_unless(fits, wide).cast(pa.decimal128(DIGITS, scale))), fits, present & ~fits


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
    validity = pa.py_buffer(np.packbits(present, bitorder="little"))
    return pa.Array.from_buffers(pa.decimal128(DIGITS, scale), len(scaled), [validity, pa.py_buffer(words)])


def _null_unless(kept: Flags, values: pa.Array[Any]) -> pa.Array[Any]:
    if kept.all():
        return values
    return cast("pa.Array[Any]", pc.if_else(pa.array(kept), values, pa.scalar(None, values.type)))


def _flat(values: Any) -> npt.NDArray[Any]:
    return cast("npt.NDArray[Any]", values.to_numpy(zero_copy_only=False))
