"""Columns of any type as text: what identifiers and categories are compared as."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gateway.dataset.source import Source

_EXACT = {pa.float16(): 2.0**11, pa.float32(): 2.0**24, pa.float64(): 2.0**53}
"""Floats below it hold every integer; one above it may stand for several numbers."""


def as_text(source: Source, column: str, values: pa.Array[Any]) -> pa.StringArray:
    """Return a column as strings, null staying null.

    Whole floats become integers: a table that once held an absent value turns a
    column of numbers into floats, and NaN stands for the absent one. So do whole
    decimals. Other floats keep their point or exponent, by which they are refused.

    Args:
        source: the data set, for messages.
        column: the column's name, for messages.
        values: n values.

    Raises:
        SourceError: BAD_ROW for a type that has no one text.
    """
    if pa.types.is_string(values.type):
        return cast(pa.StringArray, values)
    if pa.types.is_floating(values.type):
        return _floats(values)
    if pa.types.is_decimal(values.type):
        return _decimals(values)
    if pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type):
        source.refuse("BAD_ROW", f"holds bytes in column {column}; store it as text")
    try:
        return cast(pa.StringArray, values.cast(pa.string()))
    except pa.ArrowException:
        source.refuse("BAD_ROW", f"holds {values.type} in column {column}; store it as text")


def checked(source: Source, batch: pa.RecordBatch, wanted: tuple[str, ...], before: int) -> pa.RecordBatch:
    """Return columns of a batch, dictionaries resolved, once their text is UTF-8: writers do not always check it.

    Args:
        source: the file, for messages.
        batch: as read.
        wanted: names of columns.
        before: rows of the file before the batch.

    Raises:
        SourceError: BAD_ENCODING with the row.
    """
    columns = []
    for name in wanted:
        column = batch.column(name)
        if isinstance(column, pa.DictionaryArray):
            column = column.dictionary_decode()
        try:
            column.validate(full=True)
        except pa.ArrowException:
            bad = before + _first_invalid(column) + 1
            source.refuse("BAD_ENCODING", f"holds text that is not UTF-8 in row {bad}; export it as UTF-8")
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, names=list(wanted))


def _first_invalid(column: pa.Array[Any]) -> int:
    low, high = 0, len(column)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            column.slice(low, middle - low).validate(full=True)
        except pa.ArrowException:
            high = middle
        else:
            low = middle
    return low


def numbers_of(values: pa.Array[Any]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return a column of floats with the flags of those that are present; NaN is absent.

    Args:
        values: n floats.
    """
    wide = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return np.nan_to_num(wide, posinf=np.inf, neginf=-np.inf), ~np.isnan(wide)


def unclear(values: pa.Array[Any]) -> npt.NDArray[np.bool_]:
    """Return which values name nobody for certain: floats with a fraction, or so large that several numbers share one.

    Args:
        values: n values of any type; only floats can be unclear.
    """
    if not pa.types.is_floating(values.type):
        return np.zeros(len(values), dtype=bool)
    numbers, present = numbers_of(values)
    return present & ~_whole(values, numbers)


def _whole(values: pa.Array[Any], numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    whole: npt.NDArray[np.bool_] = (np.abs(numbers) < _EXACT[values.type]) & (numbers == np.trunc(numbers))
    return whole


def _floats(values: pa.Array[Any]) -> pa.StringArray:
    numbers, present = numbers_of(values)
    whole = present & _whole(values, numbers)
    integers = pa.array(np.where(whole, numbers, 0).astype(np.int64)).cast(pa.string())
    others = values.cast(pa.float64()).cast(pa.string())
    text = pc.if_else(pa.array(whole), integers, others)
    return cast(pa.StringArray, pc.if_else(pa.array(present), text, pa.scalar(None, pa.string())))


def _decimals(values: pa.Array[Any]) -> pa.StringArray:
    """Return the decimals as text, whole ones without the zeros of their scale."""
    if values.type.scale < 0:
        # Arrow writes these with an exponent.
        values = values.cast(pa.decimal256(76, 0))
    text = values.cast(pa.string())
    if values.type.scale <= 0:
        return cast(pa.StringArray, text)
    return whole_decimals(cast(pa.StringArray, text))


def whole_decimals(written: pa.StringArray) -> pa.StringArray:
    """Return decimals without the zeros of their scale where they are whole, as they are elsewhere.

    Args:
        written: n values of a column of decimals, as text.
    """
    return cast(pa.StringArray, pc.replace_substring_regex(written, r"\A(-?[0-9]+)\.0+\z", r"\1"))
