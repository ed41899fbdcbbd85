"""Parquet files: columns as they are typed there, checked before they are used."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from gateway.dataset.source import Source


def header(source: Source) -> list[tuple[str, str]]:
    """Return the column names of a Parquet file with their types, in words.

    Raises:
        SourceError: EMPTY or BAD_ROW.
    """
    with _opened(source) as file:
        schema = file.schema_arrow
    source.check_names(schema.names)
    return [(field.name, str(field.type)) for field in schema]


def read(source: Source, wanted: tuple[str, ...]) -> pa.Table:
    """Read columns of a Parquet file.

    Args:
        source: the data set.
        wanted: column names, each once.

    Raises:
        SourceError: EMPTY, MISSING_COLUMN, BAD_ENCODING or BAD_ROW.
    """
    source.check_columns([name for name, _ in header(source)], wanted)
    with _opened(source) as file:
        try:
            table = file.read(columns=list(wanted)).select(list(wanted))
        except (pa.ArrowException, OSError):
            source.refuse("BAD_ROW", "is damaged in the middle; export the file again")
    if not table.num_rows:
        source.refuse("EMPTY", "has columns but no rows; export the file again")
    _check_texts(source, table)
    return table


def _opened(source: Source) -> pq.ParquetFile:
    source.check_file()
    try:
        return pq.ParquetFile(source.path, page_checksum_verification=True)
    except (pa.ArrowException, OSError):
        source.refuse("BAD_ROW", "is not a whole Parquet file: truncated, or in another format; export it again")


def _check_texts(source: Source, table: pa.Table) -> None:
    """Refuse text that is not UTF-8: writers do not always check what they store."""
    for column in table.column_names:
        row = 0
        for chunk in table.column(column).chunks:
            try:
                chunk.validate(full=True)
            except pa.ArrowException:
                bad = row + _first_invalid(chunk) + 1
                source.refuse("BAD_ENCODING", f"holds text that is not UTF-8 in row {bad}; export it as UTF-8")
            row += len(chunk)


def _first_invalid(chunk: pa.Array) -> int:
    low, high = 0, len(chunk)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            chunk.slice(low, middle - low).validate(full=True)
        except pa.ArrowException:
            high = middle
        else:
            low = middle
    return low
