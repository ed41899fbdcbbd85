"""Rows in and rows out: the bound data sets, and sealed results."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from gateway.route.agreement import AgreementBinding, Column
from gateway.route.cohort import SourceRows
from gateway.route.matched import Release


@dataclass(frozen=True, slots=True)
class DatasetDescription:
    """What a person may know of a data set: never its rows, path or connection."""

    name: str
    format: str
    columns: tuple[tuple[str, str], ...]
    subject_column: str


class DatasetPort(Protocol):
    """Data sets declared on this machine by `[datasets.NAME]`."""

    async def names(self) -> list[str]:
        """Return declared names, sorted."""
        ...

    async def describe(self, name: str) -> DatasetDescription:
        """Return the description; StateError NOT_FOUND, SourceError when unreadable."""
        ...

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

        Args:
            binding: which data set and columns answer for the agreement.
            match_key: name of the agreed match key.
            columns: agreed columns to carry; empty for none.
            segments: read the segment column too.
            clip: bring numbers back into the agreed bounds instead of rejecting their rows.

        Raises:
            SourceError: EMPTY, MISSING_COLUMN, BAD_ENCODING, BAD_ROW (unreadable file).
        """
        ...

    async def subjects(self, binding: AgreementBinding) -> pa.StringArray:
        """Return all raw subject values of the bound data set (distinct)."""
        ...


class ResultPort(Protocol):
    """Sealed results, one file per job, sorted by subject_ref; the enrichment ledger."""

    async def write(self, release: Release) -> None:
        """Store a release whole or not at all; writing the same job again replaces it."""
        ...

    async def read(self, job_id: str) -> pa.Table | None:
        """Return the table of a release, or None when there is none (any more)."""
        ...

    async def delete_subject(self, job_id: str, subject_ref: str) -> bool:
        """Rewrite the file without a subject; True when a row was there."""
        ...

    async def delete(self, job_id: str) -> None:
        """Remove a job's result; absent is fine."""
        ...

    async def write_tokens(self, job_id: str, table: pa.Table) -> None:
        """Store the sealed map {subject_ref, row_token} of the rows sent (sender)."""
        ...

    def batches(self, table: pa.Table, rows: int) -> AsyncIterator[pa.RecordBatch]:
        """Yield a table in batches of at most `rows`."""
        ...


JsonMapping = Mapping[str, object]
