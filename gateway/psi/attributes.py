"""Agreed columns as one fixed-width plaintext per row, and back.

A plaintext is `u16 length || slots || zeros`; every column has a slot of fixed
width, so that all rows are equally long whatever they hold:

    number            u8 present || i64 value * 10^scale       9 bytes
    band, category    u8 present || u8 length || text || zeros  2 + max_bytes

An absent value is all zeros: a value that consent does not cover and one that the
source lacks look the same even to the receiver. Law: decode(encode(t)) = t.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gateway.errors import HostileInput, Misuse
from gateway.psi.arrow import whole
from gateway.route.agreement import Column, ColumnType

Bytes = npt.NDArray[np.uint8]
SLICE_ROWS = 16_384


def slot_bytes(column: Column) -> int:
    """Return the width of a column's slot in bytes."""
    return 9 if column.type is ColumnType.NUMBER else 2 + column.max_bytes


def plaintext_bytes(columns: tuple[Column, ...]) -> int:
    """Return the width of a row's plaintext in bytes; 0 without columns."""
    return 2 + sum(slot_bytes(column) for column in columns) if columns else 0


def slots(columns: tuple[Column, ...]) -> dict[str, slice]:
    """Return where each column's slot lies in a plaintext."""
    places, at = {}, 2
    for column in columns:
        places[column.name] = slice(at, at + slot_bytes(column))
        at += slot_bytes(column)
    return places


def blank(plaintexts: Bytes, columns: tuple[Column, ...], name: str, rows: npt.NDArray[np.bool_]) -> None:
    """Make the marked rows' values of a column absent, in place."""
    plaintexts[rows, slots(columns)[name]] = 0


def absent(plaintexts: Bytes, columns: tuple[Column, ...], name: str) -> npt.NDArray[np.bool_]:
    """Return which rows have no value of a column."""
    blanks: npt.NDArray[np.bool_] = plaintexts[:, slots(columns)[name].start] == 0
    return blanks


def column_type(column: Column) -> pa.DataType:
    """Return the Arrow type of a column: decimal128(18, scale) or string."""
    return pa.decimal128(18, column.scale) if column.type is ColumnType.NUMBER else pa.string()


def encode(table: pa.Table, columns: tuple[Column, ...]) -> Bytes:
    """Encode rows for sealing.

    Args:
        table: n rows with the columns' names and `column_type`s; nulls allowed.
        columns: agreed columns in order.

    Returns:
        (n, plaintext_bytes) array.
    """
    rows = table.num_rows
    out = np.zeros((rows, plaintext_bytes(columns)), dtype=np.uint8)
    length = out.shape[1] - 2
    out[:, 0], out[:, 1] = length >> 8, length & 0xFF
    at = 2
    for column in columns:
        width = slot_bytes(column)
        values = whole(table.column(column.name).cast(column_type(column)))
        # In slices: the positions of texts would need eight times the memory of the rows.
        for start in range(0, rows, SLICE_ROWS):
            slot, piece = out[start : start + SLICE_ROWS, at : at + width], values.slice(start, SLICE_ROWS)
            if column.type is ColumnType.NUMBER:
                _encode_numbers(piece, column.scale, slot)
            else:
                _encode_texts(piece, column, slot)
        at += width
    return out


def decode(plaintexts: Bytes, columns: tuple[Column, ...]) -> pa.Table:
    """Decode opened rows; the inverse of `encode`.

    Raises:
        HostileInput: BAD_SHAPE with the row's offset among the opened rows, when a
            partner sealed something that `encode` never makes.
    """
    width = plaintext_bytes(columns)
    if plaintexts.shape[1] != width:
        raise Misuse(f"plaintexts are {plaintexts.shape[1]} bytes wide, the columns need {width}")
    length = plaintexts[:, 0].astype(np.int64) << 8 | plaintexts[:, 1]
    _refuse(length != width - 2, "length")
    at = 2
    arrays = []
    for column in columns:
        slot = plaintexts[:, at : at + slot_bytes(column)]
        present = slot[:, 0] == 1
        _refuse(slot[:, 0] > 1, f"presence flag of column {column.name}")
        _refuse(~present & slot.any(axis=1), f"absent value of column {column.name}")
        if column.type is ColumnType.NUMBER:
            arrays.append(_decode_numbers(slot, present, column))
        else:
            arrays.append(_decode_texts(slot, present, column))
        at += slot.shape[1]
    return pa.table(arrays, names=[column.name for column in columns])


def _encode_numbers(values: pa.Array, scale: int, slot: Bytes) -> None:
    present = np.asarray(pc.is_valid(values))
    # Little-endian 128-bit integers; precision 18 keeps them within 64 bits.
    whole = pa.array(values).cast(pa.decimal128(18, scale))
    words = np.frombuffer(whole.buffers()[1], dtype="<i8").reshape(-1, 2)[whole.offset : whole.offset + len(whole), 0]
    scaled = np.where(present, words, 0)
    slot[:, 0] = present
    slot[:, 1:] = scaled.astype(">i8").view(np.uint8).reshape(-1, 8)


def _decode_numbers(slot: Bytes, present: npt.NDArray[np.bool_], column: Column) -> pa.Array:
    scaled = np.ascontiguousarray(slot[:, 1:]).view(">i8").reshape(-1).astype(np.int64)
    low = int(column.minimum.scaleb(column.scale)) if column.minimum is not None else -(10**18) + 1
    high = int(column.maximum.scaleb(column.scale)) if column.maximum is not None else 10**18 - 1
    _refuse(present & ((scaled < low) | (scaled > high)), f"number out of the agreed bounds in column {column.name}")
    words = np.empty((len(scaled), 2), dtype="<i8")
    words[:, 0], words[:, 1] = scaled, scaled >> 63
    return pa.Array.from_buffers(column_type(column), len(scaled), [_validity(present), pa.py_buffer(words.tobytes())])


def _encode_texts(values: pa.Array, column: Column, slot: Bytes) -> None:
    raw = values.cast(pa.binary())
    lengths = np.asarray(pc.fill_null(pc.binary_length(raw), 0)).astype(np.int64)
    if len(lengths) and lengths.max() > column.max_bytes:
        raise Misuse(f"a value of column {column.name} is longer than its {column.max_bytes} bytes")
    present = np.asarray(pc.is_valid(values))
    slot[:, 0] = present
    slot[:, 1] = np.where(present, lengths, 0)
    data = np.frombuffer(raw.buffers()[2] or b"", dtype=np.uint8)
    starts = np.frombuffer(raw.buffers()[1], dtype=np.int32)[raw.offset : raw.offset + len(raw)].astype(np.int64)
    text = slot[:, 2:]
    inside = (np.arange(column.max_bytes)[None, :] < lengths[:, None]) & present[:, None]
    positions = starts[:, None] + np.arange(column.max_bytes)[None, :]
    text[inside] = data[positions[inside]]


def _decode_texts(slot: Bytes, present: npt.NDArray[np.bool_], column: Column) -> pa.Array:
    lengths = np.where(present, slot[:, 1], 0).astype(np.int64)
    _refuse(lengths > column.max_bytes, f"text length of column {column.name}")
    text = slot[:, 2:]
    inside = np.arange(column.max_bytes)[None, :] < lengths[:, None]
    _refuse(np.asarray((text * ~inside).any(axis=1)), f"padding of column {column.name}")
    offsets = np.zeros(len(lengths) + 1, dtype=np.int32)
    np.cumsum(lengths, out=offsets[1:])
    raw = pa.Array.from_buffers(
        pa.binary(),
        len(lengths),
        [_validity(present), pa.py_buffer(offsets.tobytes()), pa.py_buffer(text[inside].tobytes())],
    )
    try:
        return raw.cast(pa.string())
    except pa.ArrowInvalid as error:
        raise HostileInput(
            "BAD_SHAPE", f"a text of column {column.name} is not UTF-8; the sender's source is broken"
        ) from error


def _validity(present: npt.NDArray[np.bool_]) -> pa.Buffer:
    return pa.py_buffer(np.packbits(present, bitorder="little").tobytes())


def _refuse(bad: npt.NDArray[np.bool_], what: str) -> None:
    if bad.any():
        raise HostileInput(
            "BAD_SHAPE", f"opened row {int(np.argmax(bad))} has a bad {what}; the sender does not follow the agreement"
        )
