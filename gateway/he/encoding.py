"""Rows into packed plaintexts and packed sums back into figures.

Laws, for rows within `layout`'s bound and noise within `noise_bound` of each side:
- decode(sum of encode(rows) + pack_noise(noise) - offsets of the rows) = sums of the plaintext statistics + noise.
- A value outside the agreed bounds counts as the nearest bound; a null as 0, and as absent; a word that is not among
  the counted values as none of them. `zero_rows` adds nothing to any sum.
- Widths depend on public bounds only, never on rows.

Pure integers: nothing here hides anything.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gateway.errors import HostileInput, Misuse
from gateway.he.layout import scaled_bounds
from gateway.route.aggregate import Lane, Layout
from gateway.route.agreement import Column, ColumnType, Statistic

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def encode(table: pa.Table | None, layout: Layout, columns: tuple[Column, ...], rows: int) -> Bytes:
    """Pack rows, without encryption.

    Args:
        table: the asked columns by agreed name: decimal128(18, scale) or string, nulls allowed; None where none is
            asked.
        layout: of the run.
        columns: those asked.
        rows: rows of the table.

    Returns:
        (rows, ciphertexts, plaintext bytes), big-endian, each lane holding value + offset, never negative.
    """
    packed = np.zeros((rows, layout.ciphertexts, layout.plaintext_bytes), dtype=np.uint8)
    if table is None and layout.lanes:
        raise Misuse("columns are asked and no table of them was given")
    if table is not None and table.num_rows != rows:
        raise Misuse(f"a table of {table.num_rows} rows was announced as {rows}")
    for column in columns:
        lanes = [lane for lane in layout.lanes if lane.column == column.name]
        if not lanes or table is None:
            continue
        array = table.column(column.name)
        if column.type is ColumnType.NUMBER:
            clipped, present = _clip(array, column)
            for lane in lanes:
                _write(packed, lane, _number(lane, clipped, present))
        else:
            words = pc.index_in(array, pa.array([lane.value for lane in lanes], array.type)).fill_null(-1)
            found = words.to_numpy()
            for index, lane in enumerate(lanes):
                _write(packed, lane, (found == index).astype(np.int64))
    return packed


def zero_rows(layout: Layout, rows: int) -> Bytes:
    """Return encode(0): rows of nobody (dummies, random and replaced rows), (rows, ciphertexts, plaintext bytes)."""
    row = [offset.to_bytes(layout.plaintext_bytes, "big") for offset in _offsets(layout)]
    packed = np.frombuffer(b"".join(row), dtype=np.uint8).reshape(1, layout.ciphertexts, layout.plaintext_bytes)
    return np.repeat(packed, rows, axis=0)


def pack_noise(values: Sequence[int], layout: Layout) -> list[int]:
    """Combine one segment's figures, one of either sign per lane, into an addend per ciphertext (any sign)."""
    if len(values) != len(layout.lanes):
        raise Misuse(f"{len(values)} figures for {len(layout.lanes)} lanes")
    packed = [0] * layout.ciphertexts
    for lane, value in zip(layout.lanes, values, strict=True):
        packed[lane.ciphertext] += int(value) << lane.shift
    return packed


def offset_addends(counts: Sequence[int], layout: Layout) -> list[list[int]]:
    """Return what takes the offsets out of each segment's sums: -|J_g| times each offset in its place.

    Args:
        counts: rows summed per segment, |J_g|: R's secret, and so is what comes back.
        layout: of the run.

    Returns:
        Per segment and ciphertext one integer, at most 0: added under encryption, or after unmasking.
    """
    offsets = _offsets(layout)
    return [[-int(count) * offset for offset in offsets] for count in counts]


def subtract_offsets(plaintexts: Bytes, counts: Sequence[int], n: int, layout: Layout) -> Bytes:
    """Add `offset_addends` to unmasked sums modulo n, (G, ciphertexts, plaintext bytes) each."""
    shifted = np.empty_like(plaintexts)
    for segment, addends in enumerate(offset_addends(counts, layout)):
        for place, addend in enumerate(addends):
            value = (int.from_bytes(plaintexts[segment, place].tobytes(), "big") + addend) % n
            shifted[segment, place] = np.frombuffer(value.to_bytes(layout.plaintext_bytes, "big"), dtype=np.uint8)
    return shifted


def decode(plaintexts: Bytes, n: int, layout: Layout) -> list[tuple[int, ...]]:
    """Read packed sums as signed figures, one per lane; a negative lane borrowed from the one above.

    Args:
        plaintexts: (segments, ciphertexts, plaintext bytes): values modulo n, unmasked, offsets subtracted.
        n: the modulus; values above n / 2 are negative.
        layout: of the run.

    Returns:
        Per segment the figures in the layout's order.

    Raises:
        HostileInput: BAD_CIPHERTEXT: a figure is beyond what agreed bounds allow, so it is no sum of such rows.
    """
    if plaintexts.ndim != 3 or plaintexts.shape[1:] != (layout.ciphertexts, layout.plaintext_bytes):
        raise Misuse(f"packed sums of this layout are not {plaintexts.shape}")
    figures = []
    for segment, row in enumerate(plaintexts):
        left = [int.from_bytes(one.tobytes(), "big") for one in row]
        left = [value - n if 2 * value > n else value for value in left]
        read = []
        # A ciphertext's lanes stand in rising order of shift, without gaps.
        for lane in layout.lanes:
            figure = left[lane.ciphertext] & ((1 << lane.width) - 1)
            if figure >> (lane.width - 1):
                figure -= 1 << lane.width
            left[lane.ciphertext] = (left[lane.ciphertext] - figure) >> lane.width
            read.append(figure)
        if any(left) or any(abs(one) > 1 << (lane.width - 2) for lane, one in zip(layout.lanes, read, strict=True)):
            words = "a sum is beyond what the agreed bounds allow; the partner's figures are not of agreed rows"
            raise HostileInput("BAD_CIPHERTEXT", f"segment {segment} of those shown: {words}")
        figures.append(tuple(read))
    return figures


def _offsets(layout: Layout) -> list[int]:
    return pack_noise([lane.offset for lane in layout.lanes], layout)


def _clip(array: pa.ChunkedArray, column: Column) -> tuple[Numbers, Flags]:
    """Return scaled values within bounds (0 where null), and where a value is."""
    kind = pa.decimal128(18, column.scale)
    if array.type != kind:
        raise Misuse(f"column {column.name}: {kind} is encoded, not {array.type}")
    parts = [np.zeros(0, dtype=np.int64)]
    for chunk in array.chunks:
        # 16 bytes little-endian each; 18 digits fit the low 8, which carry the sign.
        words = np.frombuffer(chunk.buffers()[1], dtype="<i8") if len(chunk) else parts[0]
        parts.append(words[2 * chunk.offset : 2 * (chunk.offset + len(chunk)) : 2])
    scaled = np.concatenate(parts)
    present = array.is_valid().to_numpy()
    low, high = scaled_bounds(column)
    return np.where(present, np.clip(scaled, low, high), 0), present


def _number(lane: Lane, clipped: Numbers, present: Flags) -> Numbers:
    if lane.statistic is Statistic.PRESENT:
        return present.astype(np.int64)
    if lane.statistic is Statistic.SUM_OF_SQUARES:
        return clipped * clipped
    return clipped + lane.offset


def _write(packed: Bytes, lane: Lane, values: Numbers) -> None:
    """Put the unsigned low bytes of `values` where the lane ends; they fit, as the layout saw to it."""
    end = packed.shape[2] - lane.shift // 8
    width = min(8, lane.width // 8)
    packed[:, lane.ciphertext, end - width : end] = values.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 8 - width :]
