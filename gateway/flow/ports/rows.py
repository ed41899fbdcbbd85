"""Rows in and rows out: the bound data sets, and sealed results."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.identifier import Content, MatchKey
from gateway.route.agreement import AgreementBinding, Column
from gateway.route.cohort import RejectedRows, SourceBatch
from gateway.route.matched import Release


@dataclass(frozen=True, slots=True)
class DatasetPart:
    """One of the sources whose rows make a data set.

    Attributes:
        name: "" where a data set has one source.
        format: of the source.
        subject_column: the source's own column that names a customer.
        subject_source: the system whose ids stand there, mapped by the identity map; "" for raw subjects.
        columns: of the data set, those that it is declared to have beside its subjects; () for all of its own.
    """

    name: str
    format: str
    subject_column: str
    subject_source: str = ""
    columns: tuple[str, ...] = ()

    def lacks(self, column: str) -> bool:
        """Return whether it is declared without a column of the data set."""
        return bool(self.columns) and column not in self.columns


@dataclass(frozen=True, slots=True)
class DatasetDescription:
    """What a person may know of a data set: never its rows or a secret.

    Attributes:
        columns: (name, type) in the order of the source; of several sources each name once. None of a data set that was
            not opened.
        subject_column: names a customer; of several sources it is called as in the first.
        subject_source: the system whose ids stand there, mapped by the identity map; "" for raw subjects, and where
            there are several sources.
        parts: the sources where there are several.
        identifiers: what columns are declared to hold, by column, of several sources as in the first that says it;
            names of `identifier.parse_content`.
        places: where each source is, without user, password and options.
    """

    name: str
    format: str
    columns: tuple[tuple[str, str], ...]
    subject_column: str
    subject_source: str = ""
    parts: tuple[DatasetPart, ...] = ()
    identifiers: Mapping[str, str] = field(default_factory=dict)
    places: tuple[str, ...] = ()


class SourceScan(Protocol):
    """One pass over a part of a bound data set, batch by batch; blocking, for threads.

    The counts hold what was met so far, and all of it once `batches` is exhausted.
    """

    @property
    def rows_read(self) -> int:
        """Rows of the source, rejected ones too."""
        ...

    @property
    def rejected(self) -> Mapping[str, RejectedRows]:
        """Rows that cannot be used, per reason; each counts once, for its first fault."""
        ...

    @property
    def key_faults(self) -> Mapping[str, RejectedRows]:
        """Rows that are rejected for their match key, per reason of `identifier.RejectReason`."""
        ...

    @property
    def clipped(self) -> int:
        """Values of usable rows that were brought back into the agreed bounds."""
        ...

    @property
    def state(self) -> Mapping[str, str]:
        """Digests of what was read, by what they cover, once `batches` is exhausted.

        Two passes found the source in one state where they agree in all that both cover.
        """
        ...

    def batches(self) -> Iterator[SourceBatch]:
        """Yield the usable rows in batches of bounded size (some may be empty).

        Raises:
            SourceError: EMPTY, MISSING_COLUMN, BAD_ENCODING, BAD_ROW (unreadable file), SOURCE_CHANGED (replaced
                meanwhile).
        """
        ...


@dataclass(frozen=True, slots=True)
class SurveyKey:
    """A match key to look at.

    Attributes:
        key: what values become.
        column: the data set's column.
        content: what it is declared to hold; None for what the key implies.
    """

    key: MatchKey
    column: str
    content: Content | None = None


@dataclass(frozen=True, slots=True)
class SurveyColumn:
    """A column to look at.

    Attributes:
        agreed: what the agreement says of it; None for the segment column.
        column: the data set's column.
    """

    agreed: Column | None
    column: str


@dataclass(frozen=True, slots=True, repr=False)
class SurveyBatch:
    """Rows of one source that a run could use, in its order; in memory only.

    Attributes:
        rows: (n,) row numbers, 1 = first row of values.
        subjects: n trimmed raw subject values.
        keys: per match key n normalised values, null where there is none.
    """

    rows: npt.NDArray[np.int64]
    subjects: pa.StringArray
    keys: tuple[pa.StringArray, ...]

    def __repr__(self) -> str:
        """Show no value."""
        return f"SurveyBatch({len(self.subjects)} rows)"


class SourceSurvey(Protocol):
    """One pass over a part of a data set that looks at all match keys and columns; blocking, for threads.

    The counts hold what was met so far.
    """

    @property
    def rows_read(self) -> int:
        """Rows of the source, unusable ones too."""
        ...

    @property
    def encoding(self) -> str:
        """How the text is encoded; "" for formats that have no choice."""
        ...

    @property
    def rejected(self) -> Mapping[str, RejectedRows]:
        """Rows that no run can use, per reason: for their subject, or because no match key of theirs is usable."""
        ...

    @property
    def key_faults(self) -> tuple[Mapping[str, RejectedRows], ...]:
        """Per match key the rows without a usable value, per reason of `identifier.RejectReason`."""
        ...

    @property
    def key_shapes(self) -> tuple[Mapping[str, int], ...]:
        """Per match key what the values look like as they stand, see `identifier.shapes`."""
        ...

    @property
    def key_unlike(self) -> tuple[Mapping[str, int], ...]:
        """Of those per match key the ones that are not as this source declares its column; none without a shape."""
        ...

    @property
    def usable(self) -> tuple[int, ...]:
        """Per match key the rows with a usable value."""
        ...

    @property
    def column_faults(self) -> tuple[tuple[int, Mapping[str, RejectedRows]], ...]:
        """Per column how many values are empty, and the bad ones per reason."""
        ...

    def batches(self) -> Generator[SurveyBatch, None, None]:
        """Yield the rows that a run could use; errors as of `SourceScan.batches`."""
        ...


class DatasetPort(Protocol):
    """Data sets declared on this machine by `[datasets.NAME]`."""

    async def declared(self) -> list[DatasetDescription]:
        """Return what is declared, sorted by name; no source is opened, so that columns are not known."""
        ...

    async def describe(self, name: str) -> DatasetDescription:
        """Return the description; StateError NOT_FOUND, SourceError when unreadable."""
        ...

    def scan(
        self,
        binding: AgreementBinding,
        match_key: str,
        columns: tuple[Column, ...],
        *,
        segments: bool = False,
        clip: bool = False,
        part: int = 0,
    ) -> SourceScan:
        """Begin one pass over the rows of one match key; nothing is read before `batches` is iterated.

        Args:
            binding: which data set and columns answer for the agreement.
            match_key: name of the agreed match key.
            columns: agreed columns to carry; empty for none.
            segments: read the segment column too; rows without a segment are rejected.
            clip: bring numbers back into the agreed bounds instead of rejecting their rows.
            part: number of the source, in the order of `parts`.

        Raises:
            RequestError: BAD_FIELD for a match key that is not supported.
            SourceError: MISSING_COLUMN when the binding lacks a column, or its column cannot serve the match key.
            StateError: NOT_FOUND for a data set that is not declared.
        """
        ...

    async def parts(self, name: str) -> tuple[DatasetPart, ...]:
        """Return the sources of a data set, in order, at least one; StateError NOT_FOUND."""
        ...

    async def identifiers(self, name: str) -> tuple[Mapping[str, str], ...]:
        """Return what columns of each source are declared to hold, by the data set's name of the column.

        None for a data set that is not declared.
        """
        ...

    async def size(self, name: str, part: int = 0) -> tuple[int, bool] | None:
        """Return the rows of a source and whether that is exact; None where it must be read to know."""
        ...

    def survey(
        self, name: str, keys: Sequence[SurveyKey], columns: Sequence[SurveyColumn], part: int = 0
    ) -> SourceSurvey:
        """Begin one pass that looks at match keys and columns; nothing is read before `batches` is iterated.

        Args:
            name: of the data set.
            keys: each is read as the part declares its column; one that a part is declared without has no value there.
            columns: likewise.
            part: number of the source, in the order of `parts`.

        Raises:
            SourceError: MISSING_COLUMN for a part declared without the columns of all keys.
            StateError: NOT_FOUND for a data set that is not declared.
        """
        ...

    def subject_pieces(self, binding: AgreementBinding, part: int = 0) -> Iterator[pa.StringArray]:
        """Yield the raw subject values of a part of the bound data set in pieces, trimmed and usable.

        One may come again.
        """
        ...


class StoredRows(Protocol):
    """A sealed file of rows on disk, read batch by batch; blocking, for threads."""

    @property
    def schema(self) -> pa.Schema:
        """Schema, with the file's own facts as metadata."""
        ...

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield all rows from the beginning; StateError NOT_FOUND where the file is damaged or went meanwhile."""
        ...


class ResultPort(Protocol):
    """Sealed results, one file per job, sorted by subject_ref; the enrichment ledger."""

    async def exists(self, job_id: str) -> bool:
        """Return whether a job has a result."""
        ...

    async def store(self, head: Release, batches: AsyncIterator[pa.RecordBatch]) -> int:
        """Store rows whole or not at all, batch by batch; the same job again replaces its rows.

        Args:
            head: the run's names and dates; its table holds no row and gives the schema.
            batches: of that schema, ascending by subject_ref over all.

        Returns:
            The number of rows.

        Raises:
            StateError: DISK_FULL, an earlier result staying. What the iteration raises reaches the caller.
        """
        ...

    async def open(self, job_id: str) -> StoredRows | None:
        """Return a result for reading, or None when there is none (any more)."""
        ...

    async def store_tokens(self, job_id: str, schema: pa.Schema, batches: AsyncIterator[pa.RecordBatch]) -> int:
        """Store the sealed map {subject_ref, row_token} of the rows sent, ascending by subject_ref; return the rows."""
        ...

    async def open_tokens(self, job_id: str) -> StoredRows | None:
        """Return the map of the rows sent for reading, or None when there is none (any more)."""
        ...

    async def store_members(self, job_id: str, schema: pa.Schema, batches: AsyncIterator[pa.RecordBatch]) -> int:
        """Store the people of a run's cohort, {subject_ref} in any order, until they are numbered; return the rows."""
        ...

    async def open_members(self, job_id: str) -> StoredRows | None:
        """Return them for reading, or None when there are none (any more)."""
        ...

    async def delete_members(self, job_id: str) -> None:
        """Remove them; absent is fine."""
        ...

    async def delete_subjects(self, job_id: str, subject_refs: Sequence[str]) -> bool:
        """Rewrite the result and the map without these people; True when a row was there."""
        ...

    async def delete_tokens(self, job_id: str, tokens: Sequence[bytes]) -> bool:
        """Rewrite the result, not the map, without the rows of these tokens; True when one was there."""
        ...

    async def delete(self, job_id: str) -> None:
        """Remove a job's result; absent is fine."""
        ...
