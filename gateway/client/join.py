"""The join of a result to a caller's frame, in the caller's own process.

The frame is never uploaded. Law of the left join: the frame's rows come back in
their order, each exactly once, with all their columns; a row whose customer is
unknown or null gets nulls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from gateway.client.agreement import Column
from gateway.client.frame import Frame
from gateway.errors import HostileInput, RequestError

if TYPE_CHECKING:
    import pandas as pd

# Numbers are agreed as decimal(18, scale); 18 digits without decimals fit into 64 bits.
NUMBER_DIGITS = 18


def check_frame(frame: pa.Table | pd.DataFrame, on: str, columns: Sequence[str]) -> None:
    """Check that a frame can be joined, before anything is asked of the partner.

    Raises:
        RequestError: BAD_FIELD.
    """
    names = [str(name) for name in (frame.column_names if isinstance(frame, pa.Table) else frame.columns)]
    if names.count(on) != 1:
        raise RequestError("BAD_FIELD", "field on must name exactly one column of the frame")
    taken = [name for name in columns if name in names]
    if taken:
        raise RequestError("BAD_FIELD", f"field columns: the frame already has {', '.join(taken)}; rename it first")
    frame_keys(frame, on)


def frame_keys(frame: pa.Table | pd.DataFrame, on: str) -> pa.StringArray:
    """Return the customers of a frame's rows as text, in order; integers become their digits.

    White space around a value is no part of it: results name customers so, as data sets and consents do.

    Raises:
        RequestError: BAD_FIELD when the column holds neither text nor integers.
    """
    try:
        if isinstance(frame, pa.Table):
            found: pa.Array[Any] | pa.ChunkedArray[Any] = frame.column(on)
        else:
            found = pa.array(frame[on], from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise RequestError("BAD_FIELD", "field on names a column of mixed types; turn its values into text") from error
    # Text columns of pandas are Arrow arrays in chunks.
    column = found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
    if isinstance(column, pa.DictionaryArray):
        column = column.dictionary_decode()
    kind = column.type
    textual = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    if not (textual or pa.types.is_integer(kind) or pa.types.is_null(kind)):
        raise RequestError(
            "BAD_FIELD",
            f"field on names a column of type {kind}; customers are text or integers "
            "(a pandas column of integers with gaps must be Int64, not float)",
        )
    return cast(pa.StringArray, pc.utf8_trim_whitespace(column.cast(pa.string())))


def typed_columns(keys: pa.StringArray, result: pa.Table, columns: Sequence[Column]) -> dict[str, pa.Array[Any]]:
    """Look up each row's attributes.

    Args:
        keys: n customers, nulls and repeats allowed.
        result: long table of `customer`, `attribute`, `value` (text).
        columns: wanted columns with their agreed types.

    Returns:
        Column name -> n values: int64 or decimal128(18, scale) for numbers, text otherwise.

    Raises:
        HostileInput: BAD_SHAPE when a customer has two values, or a value is not of its type.
    """
    found: dict[str, pa.Array[Any]] = {}
    for column in columns:
        part = result.filter(pc.equal(result.column("attribute"), pa.scalar(column.name)))
        customers = part.column("customer").combine_chunks()
        if pc.count_distinct(customers).as_py() != len(customers):
            raise HostileInput("BAD_SHAPE", f"the result names a customer twice, or none, for column {column.name}")
        rows = pc.index_in(keys, value_set=customers, skip_nulls=True)
        try:
            found[column.name] = part.column("value").combine_chunks().take(rows).cast(_type(column))
        except pa.ArrowInvalid as error:
            raise HostileInput(
                "BAD_SHAPE", f"the result holds a value of column {column.name} that is not {column.type}"
            ) from error
    return found


def joined(frame: Frame, on: str, result: pa.Table, columns: Sequence[Column]) -> Frame:
    """Join a result to a frame: a left join that keeps rows, order and index.

    Args:
        frame: pyarrow Table or pandas DataFrame; it is not changed.
        on: its column of customers.
        result: as `AsyncJobs.result` returns it.
        columns: wanted columns with their agreed types.

    Returns:
        A frame of the same kind with the columns added. In pandas numbers are Int64 or an exact Arrow decimal.

    Raises:
        RequestError: BAD_FIELD when the frame does not fit.
        HostileInput: BAD_SHAPE when the result contradicts itself.
    """
    check_frame(frame, on, [column.name for column in columns])
    found = typed_columns(frame_keys(frame, on), result, columns)
    enriched: Frame = _with_arrow(frame, found) if isinstance(frame, pa.Table) else _with_pandas(frame, found)
    return enriched


def _with_arrow(table: pa.Table, found: Mapping[str, pa.Array[Any]]) -> pa.Table:
    for name, values in found.items():
        table = table.append_column(name, values)
    return table


def _with_pandas(frame: Any, found: Mapping[str, pa.Array[Any]]) -> Any:
    import pandas as pd  # half a second to load: only for those who use it

    enriched = frame.copy(deep=False)
    for name, values in found.items():
        enriched[name] = _series(values, frame.index, pd)
    return enriched


def _type(column: Column) -> pa.DataType:
    if column.type != "NUMBER":
        return pa.string()
    return pa.decimal128(NUMBER_DIGITS, column.scale) if column.scale else pa.int64()


def _series(values: pa.Array[Any], index: Any, pd: Any) -> Any:
    if pa.types.is_integer(values.type):
        return pd.Series(values.to_pandas(types_mapper=lambda _: pd.Int64Dtype()).array, index=index)
    if pa.types.is_decimal(values.type):
        return pd.Series(pd.arrays.ArrowExtensionArray(values), index=index)
    return pd.Series(values.to_pandas().array, index=index)
