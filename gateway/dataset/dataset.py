"""The declared data sets of this machine, as the routes read them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterator, Mapping

import pyarrow as pa

from gateway import identifier
from gateway.dataset import batch, csv_file, parquet_file
from gateway.dataset.declaration import Declaration
from gateway.dataset.scan import Read, Scan, Wanted, subject_pieces
from gateway.dataset.source import Source
from gateway.errors import SourceError, StateError
from gateway.flow.ports.rows import DatasetDescription
from gateway.route.agreement import AgreementBinding, Column

BATCH_ROWS = 131_072
"""Most rows of a batch; half as many at least, unless they are large or the last."""


class Datasets:
    """DatasetPort over files; a data set declared while the server runs is seen at its next use."""

    __slots__ = ("_batch_rows", "_declared", "_named")

    def __init__(
        self, load: Callable[[], Mapping[str, Declaration]], rows_named: int = 20, batch_rows: int = BATCH_ROWS
    ) -> None:
        """Read whatever is declared at the time of each call.

        Args:
            load: returns the declared data sets by name.
            rows_named: how many row numbers a report names per reason.
            batch_rows: most rows of a batch of `scan` and `subject_pieces`.
        """
        self._declared = load
        self._named = rows_named
        self._batch_rows = batch_rows

    async def names(self) -> list[str]:
        """Return declared names, sorted."""
        return await asyncio.to_thread(lambda: sorted(self._declared()))

    async def describe(self, name: str) -> DatasetDescription:
        """Return the name, format and columns of a data set.

        Raises:
            StateError: NOT_FOUND for a name that is not declared.
            SourceError: when the file cannot be read or lacks its subject column.
        """
        return await asyncio.to_thread(self._describe, name)

    def scan(
        self,
        binding: AgreementBinding,
        match_key: str,
        columns: tuple[Column, ...],
        *,
        segments: bool = False,
        clip: bool = False,
    ) -> Scan:
        """Begin one pass over the rows of one match key; nothing is read before `batches` is iterated.

        Subjects are trimmed; a row is rejected for its first fault in the order
        subject, match key, segment, values.

        Args:
            binding: which data set and columns answer for the agreement.
            match_key: name of the agreed match key.
            columns: agreed columns to carry; empty for none.
            segments: carry the bound segment column too; rows without a segment are rejected.
            clip: bring numbers back into the agreed bounds, and count them, instead of
                rejecting their rows.

        Raises:
            SourceError: MISSING_COLUMN for a binding without one that is asked for, or with one that cannot serve.
            RequestError: BAD_FIELD for a match key that is not supported.
            StateError: NOT_FOUND for a data set that is not declared.
        """
        key = identifier.parse(match_key)
        column = _bound(binding, "match key", key.name, binding.match_key_columns)
        wanted = Wanted(
            subject=binding.subject_column,
            match_key=key,
            key=column,
            content=_content(self._declaration(binding.dataset), binding.dataset, column, key),
            segment=_segment_column(binding) if segments else None,
            values=tuple((one, _bound(binding, "column", one.name, binding.value_columns)) for one in columns),
            clip=clip,
        )
        source, read = self._open(binding.dataset)
        return Scan(source, read, wanted, rows=self._batch_rows, named=self._named)

    async def subject_source(self, name: str) -> str:
        """Return the system whose ids the subject column holds, "" for raw subjects.

        Raises:
            StateError: NOT_FOUND for a name that is not declared.
        """
        return (await asyncio.to_thread(self._declaration, name)).subject_source

    async def identifiers(self, name: str) -> Mapping[str, str]:
        """Return what columns are declared to hold, by column; none for a data set that is not declared."""
        declared = (await asyncio.to_thread(self._declared)).get(name)
        return {} if declared is None else dict(declared.identifiers)

    def subject_pieces(self, binding: AgreementBinding) -> Generator[pa.StringArray, None, None]:
        """Yield the raw subject values of the bound data set in pieces, trimmed and usable; one may come again.

        Raises:
            SourceError: as `SourceScan.batches`, when iterated.
            StateError: NOT_FOUND for a data set that is not declared, at once.
        """
        source, read = self._open(binding.dataset)
        return subject_pieces(source, read, binding.subject_column, self._batch_rows)

    def _describe(self, name: str) -> DatasetDescription:
        declared = self._declaration(name)
        source = Source(name, declared.path)
        if declared.format == "parquet":
            columns = parquet_file.header(source)
        else:
            columns = [(column, "text") for column in csv_file.header(source)]
        for held in declared.identifiers.values():
            identifier.parse_content(held)
        source.check_columns([column for column, _ in columns], (declared.subject_column, *declared.identifiers))
        return DatasetDescription(
            name,
            declared.format,
            tuple(columns),
            declared.subject_column,
            declared.subject_source,
            dict(declared.identifiers),
        )

    def _open(self, name: str) -> tuple[Source, Read]:
        declared = self._declaration(name)
        source = Source(name, declared.path)

        def read(wanted: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
            if declared.format == "parquet":
                return parquet_file.batches(source, wanted, self._batch_rows, batch.BYTES)
            return csv_file.batches(source, wanted)

        return source, read

    def _declaration(self, name: str) -> Declaration:
        declared = self._declared().get(name)
        if declared is None:
            raise StateError("NOT_FOUND", f"no data set {name} is declared here; run `assent dataset add` first")
        return declared


def _content(declared: Declaration, dataset: str, column: str, key: identifier.MatchKey) -> identifier.Content | None:
    """Return what a column is declared to hold, None when nothing is."""
    held = declared.identifiers.get(column)
    if held is None:
        return None
    content = identifier.parse_content(held)
    if not content.serves(key):
        raise SourceError(
            "MISSING_COLUMN",
            f"column {column} of data set {dataset} holds {held}, which is not {key.name}; bind another column",
        )
    return content


def _bound(binding: AgreementBinding, kind: str, name: str, pairs: tuple[tuple[str, str], ...]) -> str:
    for agreed, column in pairs:
        if agreed == name:
            return column
    raise SourceError(
        "MISSING_COLUMN", f"the binding to data set {binding.dataset} has no column for {kind} {name}; bind it again"
    )


def _segment_column(binding: AgreementBinding) -> str:
    if not binding.segment_column:
        raise SourceError(
            "MISSING_COLUMN", f"the binding to data set {binding.dataset} has no segment column; bind it again"
        )
    return binding.segment_column
