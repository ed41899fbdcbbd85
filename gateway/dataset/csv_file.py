"""CSV files: one line of column names, all values as text.

Quoted values may hold line breaks and doubled quotes (RFC 4180). Rows are counted
from the first row of values, 1; lines without any character are no rows.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NoReturn

import pyarrow as pa
import pyarrow.csv as pa_csv

from gateway.dataset import csv_bytes
from gateway.dataset.csv_bytes import COMMA, Checked, Dialect
from gateway.dataset.decoded import Decoded
from gateway.dataset.source import Source

_TAR = slice(257, 262)  # where an archive says what it is
_LONGEST = f"{csv_bytes.BLOCK >> 20} MiB"


def header(source: Source, dialect: Dialect = COMMA) -> list[str]:
    """Return the column names of a CSV file.

    Raises:
        SourceError: EMPTY, BAD_ENCODING, BAD_ROW.
    """
    return _begin(source, dialect)[0]


def _begin(source: Source, dialect: Dialect) -> tuple[list[str], bool, bool]:
    """Return the column names, whether anything but empty lines follows them, and whether the bytes are UTF-8 as is."""
    source.check_file()
    with Decoded(source, dialect.encoding, csv_bytes.BLOCK) as decoded:
        start = io.BufferedReader(decoded).read(csv_bytes.BLOCK)
        if decoded.fault is not None:
            csv_bytes.check(source, dialect)
    try:
        whole = len(start) - csv_bytes.begun(start) if len(start) == csv_bytes.BLOCK else len(start)
        text = io.StringIO(start[:whole].decode(), newline="")
        names = next(csv_bytes.rows_of(text, dialect), [])
        ended = text.tell() < len(text.getvalue()) or len(start) < csv_bytes.BLOCK
    except UnicodeDecodeError:
        csv_bytes.check(source, dialect)
        source.refuse_changed()
    except csv.Error:
        source.refuse("BAD_ROW", "has no readable line of column names (row 0); check the quotes in its first line")
    if not ended:
        source.refuse("BAD_ROW", f"has a line of column names (row 0) of more than {_LONGEST}; check its quotes")
    if not names:
        source.refuse("EMPTY", "has no line of column names; export the file again")
    if start[_TAR] == b"ustar":
        source.refuse("BAD_ENCODING", "is a tar archive, from its first bytes; take the file out of it")
    if any("\0" in name for name in names):
        source.refuse("BAD_ENCODING", "holds zero bytes in its column names (row 0); declare its encoding")
    source.check_names(names)
    return names, bool(text.read().strip("\r\n")) or len(start) == csv_bytes.BLOCK, decoded.is_plain


def batches(source: Source, wanted: tuple[str, ...], dialect: Dialect = COMMA) -> Iterator[pa.RecordBatch]:
    """Read columns of a CSV file as strings, empty values as empty strings, a few ten thousand rows at a time.

    Args:
        source: the data set.
        wanted: column names, each once.
        dialect: how the file is written.

    Raises:
        SourceError: EMPTY, MISSING_COLUMN, BAD_ENCODING or BAD_ROW, with the row where known.
    """
    names, rows_follow, plain = _begin(source, dialect)
    source.check_columns(names, wanted)
    bad_rows: list[pa_csv.InvalidRow] = []

    def remember(row: pa_csv.InvalidRow) -> str:
        bad_rows.append(row)
        return "error"

    here = source.disk is None
    if here or not rows_follow:
        # Before any row is given. What comes from afar is checked as it passes, and not fetched twice.
        csv_bytes.check(source, dialect)
    if not rows_follow:
        return  # the parser would refuse a lone line that does not end
    rows = 0
    with ExitStack() as stack:
        checked = None if here and plain else stack.enter_context(Checked(source, dialect, again=here))
        try:
            # In order: only so does the parser know row numbers. By a path's name it would unpack.
            with pa_csv.open_csv(
                pa.OSFile(str(source.path)) if checked is None else pa.PythonFile(checked, "r"),
                read_options=pa_csv.ReadOptions(use_threads=False, block_size=csv_bytes.BLOCK),
                parse_options=pa_csv.ParseOptions(
                    delimiter=dialect.delimiter, newlines_in_values=True, invalid_row_handler=remember
                ),
                convert_options=pa_csv.ConvertOptions(
                    include_columns=list(wanted),
                    column_types=dict.fromkeys(wanted, pa.string()),
                    strings_can_be_null=False,
                ),
            ) as reader:
                for batch in reader:
                    rows += batch.num_rows
                    yield batch
        except pa.ArrowException:
            # What the parser stumbles over may have a cause that is named better: it is looked for from the beginning.
            if checked is not None:
                csv_bytes.check(source, dialect)
            _refuse_row(source, rows, bad_rows)
        except OSError as error:
            source.refuse_input(error)
        if checked is not None:
            csv_bytes.refuse_fault(source, dialect, checked)


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
