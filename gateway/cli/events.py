"""Files of consent events: CSV with one act per line, JSON Lines, or Parquet; read row by row in bounded memory.

A row that cannot be read is an error of that row, and a line with nothing in it no row, though it is counted. Only what
makes all rows after it doubtful ends the reading: a quotation mark that never closes, a file that breaks off, column
names that are none or stand twice.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from gateway.cli.event_row import NamedTwice, event_of, read_json
from gateway.client import RowError
from gateway.errors import RequestError, SourceError

MAX_ROW = 2 * 1024 * 1024  # bytes of a line, or characters of a cell
PARQUET_ROWS = 8192  # at a time

EventRow = tuple[int, Mapping[str, object]]

_NOT_UTF8 = "is not UTF-8"


def read_events(file: Path, after: int = 0) -> Iterator[EventRow | RowError]:
    """Yield (row number, event), or what is wrong with a row; arguments and errors as of `read_rows`."""
    rows = read_rows(file, after)
    if file.suffix == ".jsonl":
        return rows
    return (found if isinstance(found, RowError) else (found[0], event_of(found[1])) for found in rows)


def read_rows(file: Path, after: int = 0) -> Iterator[EventRow | RowError]:
    """Yield (row number, cells by column), or what is wrong with a row; 1 = first row of values.

    Args:
        file: ends in .csv, .jsonl or .parquet.
        after: number of a row; those up to it are passed over.

    Raises:
        RequestError: BAD_FIELD for another kind of file.
        SourceError: BAD_ENCODING of column names, BAD_ROW with the row, EMPTY.
    """
    readers = {".csv": _csv_rows, ".jsonl": _json_rows, ".parquet": _parquet_rows}
    if file.suffix not in readers:
        raise RequestError("BAD_FIELD", f"{file.name}: must end in .csv, .jsonl or .parquet")
    row = after
    try:
        # A header without rows says that nobody did anything; a file without anything was damaged on its way.
        if file.stat().st_size == 0:
            raise SourceError("EMPTY", f"{file.name} is empty: not even column names; write the file again")
        for found in readers[file.suffix](file, after):
            row = found.row if isinstance(found, RowError) else found[0]
            yield found
    except OSError as error:
        # A damaged page of a Parquet file comes as an error of the disk that no disk made.
        why = "its contents are damaged; write the file again" if error.errno is None else error.strerror
        raise SourceError("BAD_ROW", f"{file.name} cannot be read after row {row}: {why}") from error


def _csv_rows(file: Path, after: int) -> Iterator[EventRow | RowError]:
    csv.field_size_limit(MAX_ROW)
    # What is not UTF-8 comes as lone surrogates, which no message carries: the client names row and field.
    with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        reader = csv.reader(stream, strict=True)
        try:
            header = next(reader, [])
            if not "".join(header).isascii() and _broken("".join(header)):
                raise SourceError("BAD_ENCODING", f"{file.name}: column names are not UTF-8; convert the file first")
            _check_names(file, header)
            for row, cells in enumerate(reader, 1):
                if row <= after or not cells:
                    continue
                if len(cells) != len(header):
                    yield RowError(row, "(row)", f"has {len(cells)} cells under {len(header)} column names")
                    continue
                yield row, dict(zip(header, cells, strict=True))
        except csv.Error as error:
            raise SourceError("BAD_ROW", f"{file.name}, line {reader.line_num}: {error}") from error


def _check_names(file: Path, names: Sequence[str]) -> None:
    """Refuse a table of which nobody could say which cell is meant."""
    twice = next((place for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise SourceError("BAD_ROW", f"{file.name}: column {twice + 1} has the name of a column before; rename one")


def _broken(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _json_rows(file: Path, after: int) -> Iterator[EventRow | RowError]:
    with file.open("rb") as stream:
        for row, line in enumerate(_lines(stream), 1):
            if row <= after or (line is not None and not line.strip()):
                continue
            if line is None:
                yield RowError(row, "(row)", f"is longer than {MAX_ROW} bytes")
                continue
            try:
                event = read_json(line.decode("utf-8-sig" if row == 1 else "utf-8"))
            except UnicodeDecodeError:
                yield RowError(row, "(row)", _NOT_UTF8)
            except NamedTwice:
                yield RowError(row, "(row)", "names a field twice")
            except (ValueError, RecursionError):
                yield RowError(row, "(row)", "is no JSON object")
            else:
                yield (row, event) if isinstance(event, dict) else RowError(row, "(row)", "is no JSON object")


def _lines(stream: IO[bytes]) -> Iterator[bytes | None]:
    """Yield lines; None for one that is too long to be held."""
    while line := stream.readline(MAX_ROW):
        if len(line) < MAX_ROW or line.endswith(b"\n"):
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(MAX_ROW)
        yield None


def _parquet_rows(file: Path, after: int) -> Iterator[EventRow | RowError]:
    import pyarrow as pa  # a third of a second to load: only for those who need it
    import pyarrow.parquet as pq

    row = 0
    try:
        with pq.ParquetFile(file) as source:
            _check_names(file, source.schema_arrow.names)
            for batch in source.iter_batches(batch_size=PARQUET_ROWS):
                skipped = min(max(after - row, 0), batch.num_rows)
                row += skipped
                for cells in _cells(batch.slice(skipped)):
                    row += 1
                    yield RowError(row, "(row)", _NOT_UTF8) if cells is None else (row, cells)
    except pa.ArrowException:
        # The library's own message may quote a value.
        raise SourceError("BAD_ROW", f"{file.name} cannot be read as Parquet after row {row}; write it again") from None


def _cells(batch: object) -> Iterator[Mapping[str, object] | None]:
    """Yield the rows of an Arrow batch; None for one with text that is not UTF-8."""
    import pyarrow as pa

    # Times of nanoseconds would come as objects of pandas.
    columns = [
        column.cast(pa.timestamp("us", column.type.tz), safe=False)
        if pa.types.is_timestamp(column.type) and column.type.unit == "ns"
        else column
        for column in batch.columns  # type: ignore[attr-defined]
    ]
    table = pa.RecordBatch.from_arrays(columns, names=batch.schema.names)  # type: ignore[attr-defined]
    try:
        yield from table.to_pylist()
        return
    except UnicodeDecodeError:
        pass
    for place in range(table.num_rows):
        try:
            yield table.slice(place, 1).to_pylist()[0]
        except UnicodeDecodeError:
            yield None
