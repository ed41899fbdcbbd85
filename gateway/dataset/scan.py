"""One pass over a data set: usable rows, normalised, batch by batch in bounded memory."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gateway import identifier
from gateway.dataset import batch, rejection, segment, value
from gateway.dataset.origin import Origin
from gateway.dataset.rejection import Rejections
from gateway.dataset.subject import subjects_of
from gateway.dataset.text import as_text
from gateway.identifier import Content, MatchKey, RejectReason
from gateway.psi.attributes import column_type
from gateway.route.agreement import Column
from gateway.route.cohort import RejectedRows, SourceBatch


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which columns of a source answer for what.

    Attributes:
        subject: column of the subjects.
        match_key: the agreed match key.
        key: its column.
        segment: column of the segments, None when not asked.
        values: agreed columns and the source's column of each; None where the source is declared without it.
        clip: bring numbers back into the agreed bounds instead of rejecting their rows.
        content: what the key's column holds; None for what the match key implies.
    """

    subject: str
    match_key: MatchKey
    key: str
    segment: str | None = None
    values: tuple[tuple[Column, str | None], ...] = ()
    clip: bool = False
    content: Content | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The source's columns, each once."""
        segments = () if self.segment is None else (self.segment,)
        values = (name for _, name in self.values if name is not None)
        return tuple(dict.fromkeys((self.subject, self.key, *segments, *values)))


class Scan:
    """SourceScan over one part of a data set."""

    __slots__ = ("_clipped", "_named", "_origin", "_rejections", "_rows", "_wanted")

    def __init__(self, origin: Origin, wanted: Wanted, *, rows: int, named: int) -> None:
        """Prepare a pass; nothing is read yet.

        Args:
            origin: where the rows come from.
            wanted: which columns.
            rows: most rows of a batch.
            named: how many row numbers are kept per reason of rejection.
        """
        self._origin = origin
        self._wanted = wanted
        self._rows = rows
        self._named = named
        self._rejections = Rejections(named)
        self._clipped = 0

    @property
    def rows_read(self) -> int:
        """Rows of the source so far, rejected ones too."""
        return self._rejections.rows_read

    @property
    def rejected(self) -> dict[str, RejectedRows]:
        """Rows so far that cannot be used, per reason; each counts once, for its first fault."""
        return self._rejections.by_reason

    @property
    def key_faults(self) -> dict[str, RejectedRows]:
        """Rows so far that are rejected for their match key, per reason."""
        return self._rejections.key_faults

    @property
    def clipped(self) -> int:
        """Values of usable rows so far that were brought back into the agreed bounds."""
        return self._clipped

    @property
    def state(self) -> Mapping[str, str]:
        """Digests of what was read, by what they cover, once `batches` is exhausted."""
        return self._origin.state

    def batches(self) -> Generator[SourceBatch, None, None]:
        """Yield the usable rows; again means another pass, counted anew.

        Raises:
            SourceError: EMPTY, MISSING_COLUMN, BAD_ENCODING, BAD_ROW (unreadable file), SOURCE_CHANGED.
        """
        self._rejections, self._clipped = Rejections(self._named), 0
        with closing(raw(self._origin, self._wanted.columns, self._rows)) as batches:
            for read in batches:
                yield self._judge(read)

    def _judge(self, read: pa.RecordBatch) -> SourceBatch:
        source, wanted, rejections = self._origin.source, self._wanted, self._rejections
        rejections.begin(read.num_rows)
        subjects = subjects_of(source, wanted.subject, read.column(wanted.subject))
        raw_keys = as_text(source, wanted.key, read.column(wanted.key))
        rejections.reject(
            repeated_header(subjects.written, wanted.subject, raw_keys, wanted.key), rejection.REPEATED_HEADER
        )
        rejections.reject(subjects.empty, rejection.EMPTY_SUBJECT)
        rejections.reject(subjects.bad, rejection.BAD_SUBJECT)
        keys, faults = identifier.normalise(wanted.match_key, raw_keys, wanted.content)
        rejections.explain(faults)
        self._reject(faults, rejection.EMPTY_MATCH_KEY, rejection.BAD_MATCH_KEY)
        segments = None
        if wanted.segment is not None:
            segments, empty, unfit = segment.parse(as_text(source, wanted.segment, read.column(wanted.segment)))
            rejections.reject(empty, rejection.EMPTY_SEGMENT)
            rejections.reject(unfit, rejection.BAD_SEGMENT)
        parsed = [
            (column, value.parse(source, name, read.column(name), column, clip=wanted.clip))
            for column, name in wanted.values
            if name is not None
        ]
        bad, clipped = np.zeros(read.num_rows, np.bool_), np.zeros(read.num_rows, np.int64)
        for _, one in parsed:
            bad |= one.bad
            clipped += one.clipped
        rejections.reject(bad, rejection.BAD_VALUE)

        usable = rejections.usable
        self._clipped += int(clipped[usable].sum())
        kept = None if usable.all() else pa.array(usable)

        def left(column: pa.Array[Any]) -> Any:
            return column if kept is None else column.filter(kept)

        found = {column.name: one.values for column, one in parsed}
        carried = {
            column.name: left(found.get(column.name, pa.nulls(read.num_rows, column_type(column))))
            for column, _ in wanted.values
        }
        return SourceBatch(
            rows=rejections.rows,
            subjects=left(subjects.named),
            keys=left(keys),
            columns=pa.table(carried) if carried else None,
            segments=None if segments is None else left(segments),
        )

    def _reject(self, faults: pa.DictionaryArray[Any, Any], empty: str, bad: str) -> None:
        if faults.null_count == len(faults):
            return
        reasons = faults.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        named = faults.dictionary.to_pylist()
        self._rejections.reject(reasons == named.index(RejectReason.EMPTY), empty)
        self._rejections.reject(reasons >= 0, bad)


def repeated_header(subjects: pa.StringArray, subject: str, keys: pa.StringArray, key: str) -> npt.NDArray[np.bool_]:
    """Return which rows repeat the line of column names, as files do that were joined with theirs."""
    found = _called(subjects, subject)
    if found.any():
        found = found & _called(keys, key)
    return found


def _called(values: pa.StringArray, column: str) -> npt.NDArray[np.bool_]:
    # The first name of a file may stand behind the file's byte order mark, which keeps its quotes from being such.
    names = pa.array([column, f"\ufeff{column}", f'\ufeff"{column}"'])
    return np.asarray(pc.fill_null(pc.is_in(values, value_set=names), pa.scalar(False)))


def subject_pieces(origin: Origin, column: str, rows: int) -> Generator[pa.StringArray, None, None]:
    """Yield the usable subjects of a source, trimmed, in its order; one may come again.

    Args:
        origin: where the rows come from.
        column: of the subjects.
        rows: most rows of a piece.

    Raises:
        SourceError: as `Scan.batches`.
    """
    with closing(raw(origin, (column,), rows)) as batches:
        for one in batches:
            found = subjects_of(origin.source, column, one.column(column))
            subjects = found.named.filter(pa.array(~found.bad)) if found.bad.any() else found.named
            yield subjects.drop_null() if subjects.null_count else subjects


def raw(origin: Origin, columns: tuple[str, ...], rows: int) -> Generator[pa.RecordBatch, None, None]:
    """Yield columns as the source has them, from one state of it, read ahead by a thread.

    Raises:
        SourceError: EMPTY for a source without rows; what the origin raises.
    """
    none = True
    with closing(batch.ahead(batch.even(origin.batches(columns), rows))) as batches:
        for one in batches:
            none = False
            yield one
    if none:
        origin.source.refuse("EMPTY", "has column names but no rows; export the file again")
