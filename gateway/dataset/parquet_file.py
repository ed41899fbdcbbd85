"""Parquet files: columns as they are typed there, checked before they are used."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from gateway.dataset.source import Source
from gateway.dataset.text import checked

_BUFFER = 1 << 20  # bytes of a column that are fetched at a time, however large its row group is


def header(source: Source) -> list[tuple[str, str]]:
    """Return the column names of a Parquet file with their types, in words.

    Raises:
        SourceError: EMPTY or BAD_ROW.
    """
    with _opened(source) as file:
        return _columns(source, file)


def batches(source: Source, wanted: tuple[str, ...], rows: int, size: int) -> Iterator[pa.RecordBatch]:
    """Read columns of a Parquet file, dictionaries resolved.

    Args:
        source: the data set.
        wanted: column names, each once.
        rows: most rows of a batch.
        size: bytes of a batch at which it has fewer rows.

    Raises:
        SourceError: EMPTY, MISSING_COLUMN, BAD_ENCODING or BAD_ROW.
    """
    with _opened(source) as file:
        source.check_columns([name for name, _ in _columns(source, file)], wanted)
        before = 0
        try:
            most = max(1, min(rows, int(size / _row_bytes(file.metadata, wanted))))
            # The caller reads ahead already: more threads would only take the processors from the computation.
            for batch in file.iter_batches(most, columns=list(wanted), use_threads=False):
                yield checked(source, batch, wanted, before)
                before += batch.num_rows
        except (pa.ArrowException, OSError):
            source.refuse("BAD_ROW", f"is damaged behind row {before}; export the file again")


def _opened(source: Source) -> pq.ParquetFile:
    source.check_file()
    try:
        return pq.ParquetFile(
            str(source.path),
            filesystem=source.disk,
            page_checksum_verification=True,
            pre_buffer=False,
            buffer_size=_BUFFER,
        )
    except (pa.ArrowException, OSError):
        source.refuse("BAD_ROW", "is not a whole Parquet file: truncated, or in another format; export it again")


def _columns(source: Source, file: pq.ParquetFile) -> list[tuple[str, str]]:
    schema = file.schema_arrow
    source.check_names(schema.names)
    return [(field.name, str(field.type)) for field in schema]


def _row_bytes(metadata: pq.FileMetaData, wanted: tuple[str, ...]) -> float:
    """Return the bytes of a row, uncompressed, in the row group where rows are largest; at least 1."""
    paths = [metadata.schema.column(leaf).path for leaf in range(metadata.num_columns)]
    leaves = [leaf for leaf, path in enumerate(paths) if f"{path}.".startswith(tuple(f"{name}." for name in wanted))]
    largest = 1.0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        held = sum(group.column(leaf).total_uncompressed_size for leaf in leaves)
        largest = max(largest, held / max(group.num_rows, 1))
    return largest
