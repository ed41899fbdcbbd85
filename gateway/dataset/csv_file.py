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

from gateway.dataset import csv_bytes
from gateway.dataset.source import Source

_BOMS = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}
_LONGEST = f"{csv_bytes.BLOCK >> 20} MiB"


def header(source: Source) -> list[str]:
    """Return the column names of a CSV file.

    Raises:
        SourceError: EMPTY, BAD_ENCODING, BAD_ROW.
    """
    return _begin(source)[0]


def _begin(source: Source) -> tuple[list[str], bool]:
    """Return the column names, and whether anything but empty lines follows them."""
    source.check_file()
    try:
        with source.path.open("rb") as file:
            start = file.read(csv_bytes.BLOCK)
    except OSError as error:
        source.refuse_input(error)
    for bom, encoding in _BOMS.items():
        if start.startswith(bom):
            source.refuse("BAD_ENCODING", f"is {encoding}, from its first bytes; save it as UTF-8")
    try:
        text = io.StringIO(codecs.getincrementaldecoder("utf-8-sig")().decode(start), newline="")
        names = next(csv_bytes.rows_of(text), [])
        ended = text.tell() < len(text.getvalue()) or len(start) < csv_bytes.BLOCK
    except UnicodeDecodeError:
        csv_bytes.check(source)
        source.refuse("SOURCE_CHANGED", "changed while it was read; try again")
    except csv.Error:
        source.refuse("BAD_ROW", "has no readable line of column names (row 0); check the quotes in its first line")
    if not ended:
        source.refuse("BAD_ROW", f"has a line of column names (row 0) of more than {_LONGEST}; check its quotes")
    if any("\0" in name for name in names):
        source.refuse("BAD_ENCODING", "holds zero bytes in its column names (row 0); save it as UTF-8")
    source.check_names(names)
    return names, bool(text.read().strip("\r\n")) or len(start) == csv_bytes.BLOCK


def batches(source: Source, wanted: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
    """Read columns of a CSV file as strings, empty values as empty strings, a few ten thousand rows at a time.

    Args:
        source: the data set.
        wanted: column names, each once.

    Raises:
        SourceError: EMPTY, MISSING_COLUMN, BAD_ENCODING or BAD_ROW, with the row where known.
    """
    names, rows_follow = _begin(source)
    source.check_columns(names, wanted)
    bad_rows: list[pa_csv.InvalidRow] = []

    def remember(row: pa_csv.InvalidRow) -> str:
        bad_rows.append(row)
        return "error"

    rows = 0
    try:
        csv_bytes.check(source)
        if not rows_follow:
            return  # the parser would refuse a lone line that does not end
        # In order: only so does the parser know row numbers.
        with pa_csv.open_csv(
            source.path,
            read_options=pa_csv.ReadOptions(use_threads=False, block_size=csv_bytes.BLOCK),
            parse_options=pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=remember),
            convert_options=pa_csv.ConvertOptions(
                include_columns=list(wanted), column_types=dict.fromkeys(wanted, pa.string()), strings_can_be_null=False
            ),
        ) as reader:
            for batch in reader:
                rows += batch.num_rows
                yield batch
    except pa.ArrowException:
        _refuse_row(source, rows, bad_rows)
    except OSError as error:
        source.refuse_input(error)


def _refuse_row(source: Source, before: int, bad_rows: list[pa_csv.InvalidRow]) -> NoReturn:
    """Say what the parser stumbled over behind the rows that it gave."""
    if bad_rows and bad_rows[0].number:
        row = bad_rows[0]
        source.refuse(
            "BAD_ROW",
            f"has {row.actual_columns} fields in row {row.number - 1} where the first line names "
            f"{row.expected_columns}; correct that row",
        )
    source.refuse(
        "BAD_ROW",
        f"has a row that cannot be parsed behind row {before}, such as one longer than {_LONGEST}; "
        "look for a quote that never closes",
    )
