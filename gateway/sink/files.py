"""Formats of files that sinks are: read and written batch by batch."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

BATCH_ROWS = 1 << 18


class BatchWriter(Protocol):
    """Takes batches of one schema."""

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Write rows."""
        ...


class FileFormat(Protocol):
    """How rows stand in a file."""

    def stored(self, schema: pa.Schema) -> pa.Schema:
        """Return the schema by which rows of another are stored."""
        ...

    def schema(self, path: Path) -> pa.Schema:
        """Return the schema of a file."""
        ...

    def batches(self, path: Path, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a file, of some columns or all."""
        ...

    def open(self, path: Path, schema: pa.Schema) -> AbstractContextManager[BatchWriter]:
        """Begin a file."""
        ...


class Parquet:
    """Parquet, compressed, with the types of the rows."""

    def stored(self, schema: pa.Schema) -> pa.Schema:
        """Return the schema by which rows of another are stored."""
        return schema

    def schema(self, path: Path) -> pa.Schema:
        """Return the schema of a file."""
        return pa.parquet.read_schema(path).remove_metadata()

    def batches(self, path: Path, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a file, of some columns or all."""
        with pa.parquet.ParquetFile(path) as file:
            yield from file.iter_batches(BATCH_ROWS, columns=None if columns is None else list(columns))

    def open(self, path: Path, schema: pa.Schema) -> AbstractContextManager[BatchWriter]:
        """Begin a file."""
        writer: AbstractContextManager[BatchWriter] = pa.parquet.ParquetWriter(path, schema, compression="zstd")
        return writer


class Csv:
    """UTF-8, a line of names, all values as quoted text: a null is an empty field without quotes."""

    def stored(self, schema: pa.Schema) -> pa.Schema:
        """Return the schema by which rows of another are stored."""
        return pa.schema([pa.field(name, pa.string()) for name in schema.names])

    def schema(self, path: Path) -> pa.Schema:
        """Return the schema of a file."""
        with path.open(encoding="utf-8", newline="") as file:
            return pa.schema([pa.field(name, pa.string()) for name in next(csv.reader(file), ())])

    def batches(self, path: Path, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a file, of some columns or all."""
        names = self.schema(path).names
        convert = pa.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            include_columns=names if columns is None else list(columns),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )
        read = pa.csv.ReadOptions(block_size=16 << 20)
        parse = pa.csv.ParseOptions(newlines_in_values=True)
        with pa.csv.open_csv(path, read_options=read, parse_options=parse, convert_options=convert) as file:
            yield from file

    def open(self, path: Path, schema: pa.Schema) -> AbstractContextManager[BatchWriter]:
        """Begin a file."""
        writer: AbstractContextManager[BatchWriter] = pa.csv.CSVWriter(path, schema)
        return writer
