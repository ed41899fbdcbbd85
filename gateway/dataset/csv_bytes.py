"""A CSV file byte by byte, while it is parsed: UTF-8 throughout, every quote closed; and where a byte lies."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.dataset.decoded import ENCODINGS, Decoded
from gateway.dataset.fault import Fault
from gateway.dataset.quote import Quotes
from gateway.dataset.source import Source

BLOCK = 1 << 20
"""Bytes that are read at a time, and more than the longest row has."""

_LONGEST = 4  # bytes of a character
# Rows are parsed in Python to number them: a value may be as long as Arrow takes it.
csv.field_size_limit(4 * BLOCK)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a CSV file is written, as declared.

    Attributes:
        encoding: "" for what its byte order mark says, else UTF-8.
        delimiter: between values; one byte.
    """

    encoding: str = ""
    delimiter: str = ","


COMMA = Dialect()


class Checked(io.RawIOBase):
    """A CSV file's bytes, checked as they pass. They end at the first fault, which is then told."""

    def __init__(self, source: Source, dialect: Dialect, *, again: bool = False) -> None:
        """Open the file.

        Args:
            source: the data set.
            dialect: of the file.
            again: it has passed the checks before; only what cannot be decoded ends it.

        Raises:
            SourceError: BAD_ENCODING or BAD_ROW for what its first bytes tell.
        """
        super().__init__()
        self._decoded = Decoded(source, dialect.encoding, BLOCK, looks=not again)
        self._again = again
        self._quotes = Quotes(delimiter=dialect.delimiter)
        self._fault: Fault | None = None
        self._held = b""  # began a character
        self._left = memoryview(b"")
        self._offset = 0
        # The parser reads in threads of its own, and may do so still when it is closed.
        self._lock = threading.Lock()

    @property
    def fault(self) -> Fault | None:
        """The first fault of what was read, once all of it was."""
        if self._decoded.fault is not None or self._fault is not None or self._quotes.unclosed is None:
            return self._fault or self._decoded.fault
        return Fault(
            "BAD_ROW",
            self._quotes.unclosed,
            "has a quote in row {row} that does not close as it should; correct that row",
        )

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with what comes next, less only before the end or a fault: the parser takes it for a block."""
        view = memoryview(buffer).cast("B")
        filled = 0
        with self._lock:
            while filled < len(view) and not self.closed:
                if not self._left and (self._fault is not None or not self._advance()) and not self._left:
                    break
                count = min(len(view) - filled, len(self._left))
                view[filled : filled + count] = self._left[:count]
                self._left = self._left[count:]
                filled += count
        return filled

    def close(self) -> None:
        """Close the file too."""
        with self._lock:
            self._decoded.close()
            super().close()

    def _advance(self) -> bool:
        """Check the next block; return False behind the last one."""
        read = self._decoded.read(BLOCK)
        if self._again:
            self._left = memoryview(read)
            return bool(read)
        block = self._held + read if self._held else read
        whole = len(block) if not read or self._decoded.is_checked else len(block) - begun(block)
        text = np.frombuffer(block, np.uint8, whole)
        if not self._decoded.is_checked and not _is_utf8(text):
            self._fault = Fault(
                "BAD_ENCODING",
                self._offset + _first_bad(block[:whole]),
                f"is not UTF-8 in row {{row}}; declare its encoding ({ENCODINGS}), or save all of it as UTF-8",
            )
            return False
        if whole:
            self._quotes.read(text)
        self._left, self._held = memoryview(block)[:whole], block[whole:]
        self._offset += whole
        return bool(read)


def check(source: Source, dialect: Dialect = COMMA) -> None:
    """Refuse a file that is not what it is declared as, or whose last quote swallows every row behind it. One pass.

    Raises:
        SourceError: BAD_ENCODING or BAD_ROW, with the row.
    """
    with Checked(source, dialect) as checked:
        while checked.read(BLOCK):
            pass
        refuse_fault(source, dialect, checked)


def refuse_fault(source: Source, dialect: Dialect, checked: Checked) -> None:
    """Raise what was found in a file that has been read to its end.

    Raises:
        SourceError: BAD_ENCODING or BAD_ROW, with the row.
    """
    fault = checked.fault
    if fault is not None:
        row = row_at(source, fault.offset, dialect)
        source.refuse(fault.reason, fault.problem.format(row=row))


def row_at(source: Source, offset: int, dialect: Dialect = COMMA) -> int:
    """Return the row that a byte lies in, 0 being the line of column names. For errors only: it goes row by row.

    Args:
        source: the data set.
        offset: of the byte in the file as UTF-8.
        dialect: of the file.
    """
    row = -1
    # One character for each byte.
    with io.TextIOWrapper(
        io.BufferedReader(Decoded(source, dialect.encoding, BLOCK)), encoding="latin-1", newline=""
    ) as text:
        try:
            for _ in rows_of(_lines(text, offset + 1), dialect):
                row += 1
        except csv.Error:
            row += 1
    return max(row, 0)


def rows_of(lines: Iterator[str] | io.TextIOBase, dialect: Dialect = COMMA) -> Iterator[list[str]]:
    """Yield rows as the standard library reads them, without empty lines: for the first line and for errors only."""
    return (row for row in csv.reader(lines, delimiter=dialect.delimiter) if row)


def _lines(text: io.TextIOBase, most: int) -> Iterator[str]:
    """Yield the lines of the first `most` characters; where decoding stopped at the last one, something for it."""
    line = "\n"
    while most > 0 and (more := text.readline(BLOCK)):
        line = more
        if len(line) == BLOCK and line[-1] not in "\r\n":
            raise csv.Error("a line without an end")
        yield line[:most]
        most -= len(line)
    if most > 0 and line[-1] in "\r\n":
        yield "?"


def begun(block: bytes) -> int:
    """Return how many bytes at the end begin a character without ending it."""
    for count in range(1, min(_LONGEST, len(block) + 1)):
        lead = block[-count]
        if lead >= 0xC0:
            return count if count < 2 + (lead >= 0xE0) + (lead >= 0xF0) else 0
        if lead < 0x80:
            return 0
    return 0


def _is_utf8(text: npt.NDArray[np.uint8]) -> bool:
    if not len(text) or text.max() < 0x80:
        return True
    ends = pa.py_buffer(np.array([0, len(text)], np.int32))
    try:
        pa.StringArray.from_buffers(1, ends, pa.py_buffer(text)).validate(full=True)
    except pa.ArrowException:
        return False
    return True


def _first_bad(text: bytes) -> int:
    try:
        text.decode()
    except UnicodeDecodeError as error:
        return error.start
    return 0
