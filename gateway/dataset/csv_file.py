"""CSV files: UTF-8 with or without BOM, one line of column names, all values as text.

Quoted values may hold line breaks and doubled quotes (RFC 4180). Rows are counted
from the first row of values, 1; lines without any character are no rows.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from typing import NoReturn

import pyarrow as pa
import pyarrow.csv as pa_csv

from gateway.dataset.source import Source

_BLOCK = 4 << 20  # bytes; a row must fit
_BOMS = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


def header(source: Source) -> list[str]:
    """Return the column names of a CSV file.

    Raises:
        SourceError: EMPTY, BAD_ENCODING, BAD_ROW.
    """
    source.check_file()
    with source.path.open("rb") as file:
        start = file.read(4)
    for bom, encoding in _BOMS.items():
        if start.startswith(bom):
            source.refuse("BAD_ENCODING", f"is {encoding}, from its first bytes; save it as UTF-8")
    try:
        with source.path.open(encoding="utf-8-sig", newline="") as text:
            names = next(_rows(text), [])
    except UnicodeDecodeError:
        # The decoder reads ahead: the bad bytes may lie anywhere in the first block.
        _check_encoding(source)
        source.refuse("BAD_ENCODING", "changed while it was read; try again")
    except (OSError, csv.Error):
        source.refuse("BAD_ROW", "has no readable line of column names (row 0); check the quotes in its first line")
    if any("\0" in name for name in names):
        source.refuse("BAD_ENCODING", "holds zero bytes in its column names (row 0); save it as UTF-8")
    source.check_names(names)
    return names


def read(source: Source, wanted: tuple[str, ...]) -> pa.Table:
    """Read columns of a CSV file as strings, empty values as empty strings.

    Args:
        source: the data set.
        wanted: column names, each once.

    Raises:
        SourceError: EMPTY, MISSING_COLUMN, BAD_ENCODING or BAD_ROW, with the row where known.
    """
    source.check_columns(header(source), wanted)
    if _check_encoding(source) % 2:
        _check_quotes(source)
    try:
        table = _parse(source, wanted)
    except pa.ArrowException:
        _check_fields(source, wanted)
    except OSError as error:
        source.refuse("BAD_ROW", f"cannot be read ({error.strerror or 'input error'}); check the disk and export again")
    else:
        if not table.num_rows:
            source.refuse("EMPTY", "has column names but no rows; export the file again")
        return table


def _parse(
    source: Source, wanted: tuple[str, ...], *, in_order: bool = False, bad_rows: list[pa_csv.InvalidRow] | None = None
) -> pa.Table:
    def remember(row: pa_csv.InvalidRow) -> str:
        if bad_rows is not None:
            bad_rows.append(row)
        return "error"

    return pa_csv.read_csv(
        source.path,
        read_options=pa_csv.ReadOptions(use_threads=not in_order, block_size=_BLOCK),
        parse_options=pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=remember),
        convert_options=pa_csv.ConvertOptions(
            include_columns=list(wanted), column_types=dict.fromkeys(wanted, pa.string()), strings_can_be_null=False
        ),
    )


def _check_fields(source: Source, wanted: tuple[str, ...]) -> NoReturn:
    """Find out what the parser stumbled over: only in order does it know row numbers."""
    bad_rows: list[pa_csv.InvalidRow] = []
    try:
        _parse(source, wanted, in_order=True, bad_rows=bad_rows)
    except (pa.ArrowException, OSError):
        if bad_rows and bad_rows[0].number:
            row = bad_rows[0]
            source.refuse(
                "BAD_ROW",
                f"has {row.actual_columns} fields in row {row.number - 1} where the first line names "
                f"{row.expected_columns}; correct that row",
            )
        if _row_count(source, 1) < 1:
            source.refuse("EMPTY", "has column names but no rows; export the file again")
    source.refuse(
        "BAD_ROW", "has a row that cannot be parsed, such as one longer than 4 MiB; look for a quote that never closes"
    )


def _check_encoding(source: Source) -> int:
    """Refuse a file that is not UTF-8 throughout; return how many quotes it has."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    quotes = 0
    offset = 0
    with source.path.open("rb") as file:
        while True:
            block = file.read(_BLOCK)
            pending = len(decoder.getstate()[0])
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                row = _row_at(source, offset - pending + error.start)
                source.refuse("BAD_ENCODING", f"is not UTF-8 in row {row}; save it as UTF-8 (GBK is not guessed)")
            if not block:
                return quotes
            quotes += block.count(b'"')
            offset += len(block)


def _check_quotes(source: Source) -> None:
    """Refuse a quote that never closes: it would swallow every row behind it as one value."""
    row = 0
    try:
        with source.path.open(encoding="utf-8-sig", newline="") as text:
            for _ in _rows(text, strict=True):
                row += 1
    except csv.Error:
        source.refuse("BAD_ROW", f"has a quote in row {row} that does not close as it should; correct that row")


def _row_at(source: Source, offset: int) -> int:
    """Return the row that a byte lies in, 0 being the line of column names."""
    with source.path.open("rb") as file:
        before = io.StringIO(file.read(offset + 1).decode("latin-1"), newline="")
    row = -1
    try:
        for _ in _rows(before):
            row += 1
    except csv.Error:
        row += 1
    return max(row, 0)


def _row_count(source: Source, most: int) -> int:
    """Count rows of values, up to `most`."""
    with source.path.open(encoding="utf-8-sig", newline="") as text:
        rows = _rows(text)
        next(rows, None)
        return sum(1 for _, _ in zip(range(most), rows, strict=False))


def _rows(text: io.TextIOBase | io.StringIO, *, strict: bool = False) -> Iterator[list[str]]:
    """Yield rows as the standard library reads them, without empty lines: for the first line and for errors only."""
    return (row for row in csv.reader(text, strict=strict) if row)
