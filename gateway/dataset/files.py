"""Rows from files: one, or many that are read as one, in the order of their paths."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from pathlib import Path

import pyarrow as pa

from gateway.dataset import batch, csv_bytes, csv_file, orc_file, parquet_file, size
from gateway.dataset.csv_bytes import Dialect
from gateway.dataset.decoded import Decoded
from gateway.dataset.listing import Found, found, state_of
from gateway.dataset.place import Place
from gateway.dataset.source import Source
from gateway.errors import SourceError
from gateway.route.partition import Predicate

PARTITION = "text (partition)"


class Files:
    """An Origin of files in one format. What their folders say stands in every row, as a column."""

    def __init__(
        self,
        source: Source,
        place: Place,
        format: str,
        rows: int,
        *,
        dialect: Dialect,
        predicates: tuple[Predicate, ...] = (),
    ) -> None:
        """Look at nothing yet.

        Args:
            source: the whole of it, for messages.
            place: the file, folder or pattern.
            format: csv, parquet or orc.
            rows: most rows of a batch.
            dialect: of CSV files.
            predicates: which partitions are wanted.
        """
        self._whole, self._place, self._format, self._rows = source, place, format, rows
        self._dialect, self._predicates = dialect, predicates
        self._state: dict[str, str] = {}

    @property
    def source(self) -> Source:
        """Names the whole."""
        return self._whole

    @property
    def state(self) -> Mapping[str, str]:
        """One digest, of the paths, sizes and times of the files."""
        return self._state

    def encoding(self) -> str:
        """Return how the first file is encoded that has a byte.

        Raises:
            SourceError: BAD_ENCODING, BAD_ROW.
        """
        if self._format != "csv":
            return ""
        with Decoded(self._one(self._with_content(self._found())[0]), self._dialect.encoding, csv_bytes.BLOCK) as first:
            return first.name

    def size(self) -> tuple[int, bool] | None:
        """Return what the files say of themselves, of plain text an estimate."""
        try:
            files = self._with_content(self._found())
            if self._format != "csv":
                told = [size.told(self._one(one), self._format) for one in files]
                return None if None in told else (sum(rows for rows in told if rows is not None), True)
            with Decoded(self._one(files[0]), self._dialect.encoding, csv_bytes.BLOCK) as first:
                if first.is_packed:
                    return None
        except SourceError:
            # Whoever reads it is told why it cannot be.
            return None
        rows = size.estimated(self._one(files[0]), sum(one.size for one in files))
        return None if rows is None else (rows, False)

    def header(self) -> list[tuple[str, str]]:
        """Return the columns of the first file that has any, and the partitions.

        Raises:
            SourceError: EMPTY, BAD_ENCODING, BAD_ROW.
        """
        files = self._found()
        first = self._with_content(files)[0]
        return self._merged(self._columns(self._one(first)), first.partitions)

    def batches(self, wanted: tuple[str, ...]) -> Generator[pa.RecordBatch, None, None]:
        """Read file after file.

        Raises:
            SourceError: SOURCE_CHANGED where a file came, went or was written meanwhile; as the formats say.
        """
        files = self._found()
        begun, self._state = state_of(files), {}
        for one in self._with_content(files):
            source = self._one(one)
            own = tuple(name for name in wanted if name not in one.partitions)
            if not own:
                # Rows are counted by a column that the file has.
                own = (self._columns(source)[0][0],)
            for read in source.one_file(self._read(source, own)):
                yield _with_partitions(read, wanted, one.partitions)
        if state_of(self._found()) != begun:
            self._whole.refuse_changed()
        self._state = {"": begun}

    def _found(self) -> list[Found]:
        return found(self._whole, self._place, self._predicates)

    def _with_content(self, files: list[Found]) -> list[Found]:
        """Leave out files without a byte where there are others: exports write them for shares without rows."""
        filled = [one for one in files if one.size] if self._format == "csv" else files
        return filled or files[:1]

    def _one(self, one: Found) -> Source:
        return self._whole.of(Path(one.path), one.shown)

    def _columns(self, source: Source) -> list[tuple[str, str]]:
        if self._format == "parquet":
            return parquet_file.header(source)
        if self._format == "orc":
            return orc_file.header(source)
        return [(column, "text") for column in csv_file.header(source, self._dialect)]

    def _read(self, source: Source, wanted: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
        if self._format == "parquet":
            return parquet_file.batches(source, wanted, self._rows, batch.BYTES)
        if self._format == "orc":
            return orc_file.batches(source, wanted, self._rows, batch.BYTES)
        return csv_file.batches(source, wanted, self._dialect)

    @staticmethod
    def _merged(columns: list[tuple[str, str]], partitions: Mapping[str, str | None]) -> list[tuple[str, str]]:
        return [one for one in columns if one[0] not in partitions] + [(name, PARTITION) for name in partitions]


def _with_partitions(
    read: pa.RecordBatch, wanted: tuple[str, ...], partitions: Mapping[str, str | None]
) -> pa.RecordBatch:
    if not any(name in partitions for name in wanted):
        return read
    columns = [
        pa.repeat(pa.scalar(partitions[name], pa.string()), read.num_rows) if name in partitions else read.column(name)
        for name in wanted
    ]
    return pa.RecordBatch.from_arrays(columns, names=list(wanted))
