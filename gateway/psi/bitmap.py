"""Stage 5 of MATCH and ENRICH: one bit per row of S's table, set where R found a customer of its own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]


def bitmap_bytes(rows: int) -> int:
    """Return how many bytes hold a bit per row: the same number whatever was found."""
    return -(-rows // 8)


def packed(numbers: Iterator[Places], rows: int, chunk: int) -> Iterator[bytes]:
    """Yield the bitmap in chunks; row 0 is bit 7 of the first byte, bits behind the last row are zero.

    Args:
        numbers: rows found, ascending over all pieces; one may come again.
        rows: of the table.
        chunk: bytes of every chunk but the last.
    """
    held = np.empty(0, dtype=np.int64)
    for first in range(0, rows, chunk * 8):
        behind = min(first + chunk * 8, rows)
        marks = np.zeros(behind - first, dtype=bool)
        while True:
            inside = int(np.searchsorted(held, behind))
            marks[held[:inside] - first] = True
            held = held[inside:]
            piece = None if len(held) else next(numbers, None)
            if piece is None:
                break
            held = piece
        yield np.packbits(marks).tobytes()


def unpacked(content: bytes, first: int, count: int) -> Mask:
    """Return the marks of rows first, first + 1, ... (count of them), (count,).

    Args:
        content: of the bitmap, from row 0 on.
        first: counted from 0.
        count: at most as many as `content` has.
    """
    covering = np.frombuffer(content[first // 8 : bitmap_bytes(first + count)], dtype=np.uint8)
    marks: Mask = np.unpackbits(covering)[first % 8 : first % 8 + count].astype(bool)
    return marks


def has_unused(last: int, rows: int) -> bool:
    """Return whether the last byte of a bitmap has a bit set behind the last row.

    Args:
        last: the byte's value.
        rows: of the table.
    """
    return rows % 8 > 0 and last & (0xFF >> rows % 8) != 0
