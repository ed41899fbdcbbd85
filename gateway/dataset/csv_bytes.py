"""A CSV file byte by byte, before it is parsed: UTF-8 throughout, every quote closed; and where a byte lies."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.dataset.quote import Quotes
from gateway.dataset.source import Source

BOM = b"\xef\xbb\xbf"
BLOCK = 1 << 20
"""Bytes that are read at a time, and more than the longest row has."""

_LONGEST = 4  # bytes of a character


def check(source: Source) -> None:
    """Refuse a file that is not UTF-8, or whose last quote swallows every row behind it. One pass.

    Raises:
        SourceError: BAD_ENCODING or BAD_ROW, with the row.
    """
    memory = bytearray(_LONGEST + BLOCK)
    window = np.frombuffer(memory, np.uint8)
    with source.path.open("rb") as file:
        offset = len(BOM) if file.read(len(BOM)) == BOM else 0  # of the window in the file
        file.seek(offset)
        quotes = Quotes(offset)
        held = 0  # bytes at the window's start that began a character
        while got := file.readinto(memoryview(memory)[held : held + BLOCK]):
            end = held + got
            whole = end - _begun(memory, end)
            _check_utf8(source, window[:whole], offset)
            quotes.read(window[held:end])
            memory[: end - whole] = memory[whole:end]
            offset, held = offset + whole, end - whole
        _check_utf8(source, window[:held], offset)
    if quotes.unclosed is not None:
        row = row_at(source, quotes.unclosed)
        source.refuse("BAD_ROW", f"has a quote in row {row} that does not close as it should; correct that row")


def row_at(source: Source, offset: int) -> int:
    """Return the row that a byte lies in, 0 being the line of column names. For errors only: it goes row by row.

    Args:
        source: the data set.
        offset: of the byte in the file.
    """
    row = -1
    # One character for each byte.
    with source.path.open(encoding="latin-1", newline="") as text:
        try:
            for _ in rows_of(_lines(text, offset + 1)):
                row += 1
        except csv.Error:
            row += 1
    return max(row, 0)


def rows_of(lines: Iterator[str] | io.TextIOBase) -> Iterator[list[str]]:
    """Yield rows as the standard library reads them, without empty lines: for the first line and for errors only."""
    return (row for row in csv.reader(lines) if row)


def _lines(text: io.TextIOBase, most: int) -> Iterator[str]:
    """Yield the lines of the first `most` characters."""
    while most > 0 and (line := text.readline(BLOCK)):
        if len(line) == BLOCK and line[-1] not in "\r\n":
            raise csv.Error("a line without an end")
        yield line[:most]
        most -= len(line)


def _begun(memory: bytearray, end: int) -> int:
    """Return how many bytes before `end` begin a character without ending it."""
    for count in range(1, min(_LONGEST, end + 1)):
        lead = memory[end - count]
        if lead >= 0xC0:
            return count if count < 2 + (lead >= 0xE0) + (lead >= 0xF0) else 0
        if lead < 0x80:
            return 0
    return 0


def _check_utf8(source: Source, text: npt.NDArray[np.uint8], offset: int) -> None:
    if not len(text) or text.max() < 0x80:
        return
    ends = pa.py_buffer(np.array([0, len(text)], np.int32))
    try:
        pa.StringArray.from_buffers(1, ends, pa.py_buffer(text)).validate(full=True)
    except pa.ArrowException:
        row = row_at(source, offset + _first_bad(text.tobytes()))
        source.refuse("BAD_ENCODING", f"is not UTF-8 in row {row}; save it as UTF-8 (GBK is not guessed)")


def _first_bad(text: bytes) -> int:
    try:
        text.decode()
    except UnicodeDecodeError as error:
        return error.start
    return 0
