"""Data sets held in memory, for gateways of the tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gateway import identifier
from gateway.flow.ports import DatasetDescription, DatasetPart
from gateway.psi.arrow import whole
from gateway.psi.attributes import column_type
from gateway.route.agreement import AgreementBinding, Column
from gateway.route.cohort import RejectedRows, SourceBatch

BATCH_ROWS = 500


@dataclass
class TableDatasets:
    """Data sets held in memory, normalised already."""

    tables: dict[str, pa.Table] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    united: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Data sets that other ones make, in order; their subjects stand in the column `id`."""

    async def declared(self) -> list[DatasetDescription]:
        return [await self.describe(name) for name in sorted(self.tables)]

    async def describe(self, name: str) -> DatasetDescription:
        table = self.tables[name]
        columns = tuple((column.name, str(column.type)) for column in table.schema)
        return DatasetDescription(name, "parquet", columns, table.column_names[0], identifiers=self.held)

    def scan(
        self,
        binding: AgreementBinding,
        match_key: str,
        columns: tuple[Column, ...],
        *,
        segments: bool = False,
        clip: bool = False,
        part: int = 0,
    ) -> TableScan:
        table = self.tables[self._parts(binding.dataset)[part]]
        source = dict(binding.value_columns)
        wanted = {
            "subject": table.column(binding.subject_column),
            "key": self._keys(table, dict(binding.match_key_columns)[match_key], match_key),
            **{
                column.name: values_of(table.column(source[column.name]), column, clip)
                if source[column.name] in table.column_names
                else pa.nulls(table.num_rows, column_type(column))
                for column in columns
            },
        }
        if segments:
            wanted["segment"] = table.column(binding.segment_column)
        return TableScan(pa.table(wanted), [column.name for column in columns])

    async def parts(self, name: str) -> tuple[DatasetPart, ...]:
        if name not in self.united:
            return (DatasetPart("", "parquet", "id", self.sources.get(name, "")),)
        return tuple(
            DatasetPart(
                part,
                "parquet",
                "id",
                self.sources.get(part, ""),
                tuple(column for column in self.tables[part].column_names if column != "id"),
            )
            for part in self.united[name]
        )

    async def identifiers(self, name: str) -> tuple[dict[str, str], ...]:
        return (self.held,)

    def _keys(self, table: pa.Table, column: str, match_key: str) -> pa.ChunkedArray:
        values = table.column(column)
        if column not in self.held:
            return values
        content = identifier.parse_content(self.held[column])
        keys, faults = identifier.normalise(identifier.parse(match_key), whole(values), content)
        assert faults.null_count == len(faults)
        return pa.chunked_array([keys])

    def _parts(self, name: str) -> tuple[str, ...]:
        return self.united.get(name, (name,))

    def subject_pieces(self, binding: AgreementBinding, part: int = 0) -> Iterator[pa.StringArray]:
        yield from self.tables[self._parts(binding.dataset)[part]].column(binding.subject_column).chunks


def values_of(values: pa.ChunkedArray, column: Column, clip: bool) -> pa.ChunkedArray:
    """Return values as the agreement types them, within its bounds where they are to be brought back."""
    typed = values.cast(column_type(column))
    if clip and column.minimum is not None and column.maximum is not None:
        low, high = (pa.scalar(bound, typed.type) for bound in (column.minimum, column.maximum))
        typed = pc.min_element_wise(pc.max_element_wise(typed, low, skip_nulls=False), high, skip_nulls=False)
    return typed


class TableScan:
    """One pass over a table, in batches of a few rows."""

    def __init__(self, table: pa.Table, columns: list[str]) -> None:
        self._table, self._columns = table, columns
        self.rows_read = 0
        self.rejected: dict[str, RejectedRows] = {}
        self.key_faults: dict[str, RejectedRows] = {}
        self.clipped = 0
        self.state: dict[str, str] = {}

    def batches(self) -> Iterator[SourceBatch]:
        for start in range(0, self._table.num_rows, BATCH_ROWS):
            piece = self._table.slice(start, BATCH_ROWS).combine_chunks()
            self.rows_read += piece.num_rows
            segmented = "segment" in piece.column_names
            numbers = np.arange(start, start + piece.num_rows) + 1
            if piece.column("key").null_count:
                keyed = np.asarray(piece.column("key").is_valid())
                piece, numbers = piece.filter(pa.array(keyed)).combine_chunks(), numbers[keyed]
            yield SourceBatch(
                rows=numbers,
                subjects=whole(piece.column("subject")),
                keys=whole(piece.column("key")),
                columns=piece.select(self._columns) if self._columns else None,
                segments=whole(piece.column("segment")) if segmented else None,
            )
