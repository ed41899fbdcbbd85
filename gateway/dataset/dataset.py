"""The declared data sets of this machine, as the routes read them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gateway import identifier
from gateway.dataset import csv_file, parquet_file, rejection, segment, value
from gateway.dataset.declaration import Declaration
from gateway.dataset.fold import fold
from gateway.dataset.rejection import Rejections
from gateway.dataset.source import Source
from gateway.dataset.text import as_text
from gateway.errors import SourceError, StateError
from gateway.flow.ports.rows import DatasetDescription
from gateway.identifier import MatchKey, RejectReason
from gateway.route.agreement import AgreementBinding, Column
from gateway.route.cohort import SourceRows

_OPAQUE = identifier.parse("id.opaque")


class Datasets:
    """DatasetPort over files; a data set declared while the server runs is seen at its next use."""

    __slots__ = ("_declared", "_named")

    def __init__(self, load: Callable[[], Mapping[str, Declaration]], rows_named: int = 20) -> None:
        """Read whatever is declared at the time of each call.

        Args:
            load: returns the declared data sets by name.
            rows_named: how many row numbers a report names per reason.
        """
        self._declared = load
        self._named = rows_named

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

    async def read(
        self,
        binding: AgreementBinding,
        match_key: str,
        columns: tuple[Column, ...],
        *,
        segments: bool = False,
        clip: bool = False,
    ) -> SourceRows:
        """Read and normalise the rows of one match key, whole.

        Subjects are trimmed; a row is rejected for its first fault in the order
        subject, match key, segment, values. Usable rows of one subject that are
        equal fold; when they differ, all of them are left out.

        Args:
            binding: which data set and columns answer for the agreement.
            match_key: name of the agreed match key.
            columns: agreed columns to carry; empty for none.
            segments: carry the bound segment column too; rows without a segment are rejected.
            clip: bring numbers back into the agreed bounds, and count them, instead of
                rejecting their rows. Rows that are equal once clipped fold.

        Raises:
            SourceError: EMPTY, MISSING_COLUMN, BAD_ENCODING, BAD_ROW (unreadable file).
            RequestError: BAD_FIELD for a match key that is not supported.
            StateError: NOT_FOUND for a data set that is not declared.
        """
        return await asyncio.to_thread(self._read, binding, identifier.parse(match_key), columns, segments, clip)

    async def subjects(self, binding: AgreementBinding) -> pa.StringArray:
        """Return all raw subject values of the bound data set: trimmed, usable, distinct.

        Raises:
            SourceError: as `read`.
            StateError: NOT_FOUND for a data set that is not declared.
        """
        return await asyncio.to_thread(self._subjects, binding)

    # ---- in a thread -----------------------------------------------------------------------------------------

    def _describe(self, name: str) -> DatasetDescription:
        declared, source = self._open(name)
        if declared.format == "parquet":
            columns = parquet_file.header(source)
        else:
            columns = [(column, "text") for column in csv_file.header(source)]
        source.check_columns([column for column, _ in columns], (declared.subject_column,))
        return DatasetDescription(name, declared.format, tuple(columns), declared.subject_column)

    def _subjects(self, binding: AgreementBinding) -> pa.StringArray:
        source, table = self._table(binding.dataset, (binding.subject_column,))
        subjects, _ = identifier.normalise(_OPAQUE, _text(source, table, binding.subject_column))
        return cast(pa.StringArray, pc.unique(subjects.drop_null()))

    def _read(
        self, binding: AgreementBinding, match_key: MatchKey, columns: tuple[Column, ...], segments: bool, clip: bool
    ) -> SourceRows:
        key_column = _bound(binding, "match key", match_key.name, binding.match_key_columns)
        value_columns = {one.name: _bound(binding, "column", one.name, binding.value_columns) for one in columns}
        segment_columns = (_segment_column(binding),) if segments else ()
        wanted = tuple(dict.fromkeys((binding.subject_column, key_column, *segment_columns, *value_columns.values())))
        source, table = self._table(binding.dataset, wanted)
        rejections = Rejections(table.num_rows, self._named)

        subjects, faults = identifier.normalise(_OPAQUE, _text(source, table, binding.subject_column))
        _reject(rejections, faults, rejection.EMPTY_SUBJECT, rejection.BAD_SUBJECT)
        keys, faults = identifier.normalise(match_key, _text(source, table, key_column))
        _reject(rejections, faults, rejection.EMPTY_MATCH_KEY, rejection.BAD_MATCH_KEY)
        named: list[pa.Array[Any]] = []
        for name in segment_columns:
            names, empty, unfit = segment.parse(_text(source, table, name))
            named.append(names)
            rejections.reject(empty, rejection.EMPTY_SEGMENT)
            rejections.reject(unfit, rejection.BAD_SEGMENT)
        values = [
            value.parse(source, name, source.whole(table, name), column, clip=clip)
            for column, name in zip(columns, value_columns.values(), strict=True)
        ]
        bad = np.zeros(table.num_rows, np.bool_)
        for parsed in values:
            bad |= parsed.bad
        rejections.reject(bad, rejection.BAD_VALUE)

        kept, folded = _fold(
            rejections, cast(pa.StringArray, subjects), [keys, *named, *(one.values for one in values)]
        )
        rows = pa.array(kept)
        carried = pa.table([one.values.take(rows) for one in values], names=list(value_columns)) if columns else None
        return SourceRows(
            subjects=cast(pa.StringArray, subjects.take(rows)),
            keys=cast(pa.StringArray, keys.take(rows)),
            columns=carried,
            rows_read=table.num_rows,
            rejected=rejections.by_reason,
            folded=folded,
            segments=cast(pa.StringArray, named[0].take(rows)) if named else None,
            clipped=sum(int(np.count_nonzero(one.clipped[kept])) for one in values),
        )

    def _table(self, name: str, wanted: tuple[str, ...]) -> tuple[Source, pa.Table]:
        declared, source = self._open(name)
        return source, (parquet_file if declared.format == "parquet" else csv_file).read(source, wanted)

    def _open(self, name: str) -> tuple[Declaration, Source]:
        declared = self._declared().get(name)
        if declared is None:
            raise StateError("NOT_FOUND", f"no data set {name} is declared here; run `assent dataset add` first")
        return declared, Source(name, declared.path)


def _text(source: Source, table: pa.Table, column: str) -> pa.StringArray:
    return as_text(source, column, source.whole(table, column))


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


def _fold(
    rejections: Rejections, subjects: pa.StringArray, contents: list[pa.Array[Any]]
) -> tuple[npt.NDArray[np.int64], int]:
    """Leave one usable row per subject; return which, and how many rows only repeated one."""
    usable = np.flatnonzero(rejections.usable)
    rows = pa.array(usable)
    folded = fold(cast(pa.StringArray, subjects.take(rows)), [content.take(rows) for content in contents])
    conflicting = np.zeros(len(subjects), np.bool_)
    conflicting[usable[folded.conflicting]] = True
    rejections.reject(conflicting, rejection.CONFLICTING_ROWS)
    return usable[folded.kept], folded.folded


def _reject(rejections: Rejections, faults: pa.DictionaryArray[Any, Any], empty: str, bad: str) -> None:
    reasons = faults.dictionary_decode()
    absent = np.asarray(pc.fill_null(pc.equal(reasons, str(RejectReason.EMPTY)), False))
    rejections.reject(absent, empty)
    rejections.reject(np.asarray(pc.is_valid(reasons)), bad)
