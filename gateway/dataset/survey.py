"""One pass over a data set that looks at every match key and column at once, before any run does.

What it counts is what runs count, by the same rules of `identifier` and `value`; it differs in that a row is not
rejected as a whole for one key that another could replace.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gateway import identifier
from gateway.dataset import rejection, segment, value
from gateway.dataset.origin import Origin
from gateway.dataset.rejection import Rejections
from gateway.dataset.scan import raw, repeated_header
from gateway.dataset.subject import subjects_of
from gateway.dataset.text import as_text
from gateway.flow.ports.rows import SurveyBatch, SurveyColumn, SurveyKey
from gateway.route.cohort import RejectedRows


@dataclass(slots=True)
class _Key:
    faults: Rejections
    usable: int = 0
    shapes: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Column:
    faults: Rejections
    empty: int = 0


class Survey:
    """SourceSurvey over one source."""

    def __init__(
        self,
        origin: Origin,
        subject: str,
        keys: tuple[SurveyKey, ...],
        columns: tuple[SurveyColumn, ...],
        *,
        rows: int,
        named: int,
    ) -> None:
        """Prepare a pass; nothing is read yet.

        Args:
            origin: where the rows come from.
            subject: its column of subjects.
            keys: by its own names of columns; "" for one that the source is declared without.
            columns: likewise.
            rows: most rows of a batch.
            named: how many row numbers are kept per reason.
        """
        self._origin, self._rows = origin, rows
        self._subject, self._wanted_keys, self._wanted_columns = subject, keys, columns
        self._rejections = Rejections(named)
        self._keys = tuple(_Key(Rejections(named)) for _ in keys)
        self._columns = tuple(_Column(Rejections(named)) for _ in columns)

    @property
    def rows_read(self) -> int:
        """Rows of the source so far."""
        return self._rejections.rows_read

    @property
    def encoding(self) -> str:
        """How the text is encoded; "" for formats that have no choice."""
        return self._origin.encoding()

    @property
    def rejected(self) -> dict[str, RejectedRows]:
        """Rows so far whose subject cannot be used, or that have not one usable match key, per reason."""
        return self._rejections.by_reason

    @property
    def key_faults(self) -> tuple[dict[str, RejectedRows], ...]:
        """Per match key the rows so far without a usable value, per reason."""
        return tuple(key.faults.key_faults for key in self._keys)

    @property
    def key_shapes(self) -> tuple[dict[str, int], ...]:
        """Per match key what values so far look like, the commonest first."""
        return tuple(dict(key.shapes.most_common()) for key in self._keys)

    @property
    def key_unlike(self) -> tuple[dict[str, int], ...]:
        """Of those the ones that are not as the source declares its column."""
        return tuple(
            {shape: count for shape, count in shapes.items() if expected not in (None, shape)}
            for expected, shapes in zip(map(_expected, self._wanted_keys), self.key_shapes, strict=True)
        )

    @property
    def usable(self) -> tuple[int, ...]:
        """Per match key the rows so far with a usable value."""
        return tuple(key.usable for key in self._keys)

    @property
    def column_faults(self) -> tuple[tuple[int, dict[str, RejectedRows]], ...]:
        """Per column how many values so far are empty, and the bad ones per reason."""
        return tuple((column.empty, column.faults.by_reason) for column in self._columns)

    def batches(self) -> Generator[SurveyBatch, None, None]:
        """Yield the rows that a run could use.

        Raises:
            SourceError: as `Scan.batches`.
        """
        names = [self._subject, *(key.column for key in self._wanted_keys if key.column)]
        names += [column.column for column in self._wanted_columns if column.column]
        with closing(raw(self._origin, tuple(dict.fromkeys(names)), self._rows)) as batches:
            for read in batches:
                yield self._judged(read)

    def _judged(self, read: pa.RecordBatch) -> SurveyBatch:
        source, rejections = self._origin.source, self._rejections
        rejections.begin(read.num_rows)
        subjects = subjects_of(source, self._subject, read.column(self._subject))
        again = np.zeros(read.num_rows, np.bool_)
        texts = [
            as_text(source, key.column, read.column(key.column)) if key.column else None for key in self._wanted_keys
        ]
        for wanted, values in zip(self._wanted_keys, texts, strict=True):
            if values is None:
                continue
            again |= repeated_header(subjects.written, self._subject, values, wanted.column)
        rejections.reject(again, rejection.REPEATED_HEADER)
        rejections.reject(subjects.empty, rejection.EMPTY_SUBJECT)
        rejections.reject(subjects.bad, rejection.BAD_SUBJECT)
        keys, none = [], np.ones(read.num_rows, np.bool_)
        for wanted, key, values in zip(self._wanted_keys, self._keys, texts, strict=True):
            if values is None:
                keys.append(pa.nulls(read.num_rows, pa.string()))
                continue
            key.shapes += identifier.shapes(values)
            normalised, faults = identifier.normalise(wanted.key, values, wanted.content)
            key.faults.begin(read.num_rows)
            key.faults.reject(again, rejection.REPEATED_HEADER)
            key.faults.explain(faults)
            key.usable += len(normalised) - normalised.null_count
            none &= np.asarray(normalised.is_null())
            keys.append(normalised)
        if keys:
            rejections.reject(none, rejection.NO_MATCH_KEY)
        for asked, column in zip(self._wanted_columns, self._columns, strict=True):
            if asked.column:
                self._judge(read.column(asked.column), asked, column)
            else:
                column.empty += read.num_rows
        usable = rejections.usable
        kept = None if usable.all() else pa.array(usable)
        left = [column if kept is None else column.filter(kept) for column in (subjects.named, *keys)]
        return SurveyBatch(rejections.rows, left[0], tuple(left[1:]))

    def _judge(self, values: pa.Array, asked: SurveyColumn, column: _Column) -> None:
        column.faults.begin(len(values))
        if asked.agreed is None:
            _, empty, unfit = segment.parse(as_text(self._origin.source, asked.column, values))
            column.faults.reject(unfit, rejection.BAD_SEGMENT)
            column.empty += int(empty.sum())
            return
        parsed = value.parse(self._origin.source, asked.column, values, asked.agreed)
        column.faults.reject(parsed.bad, rejection.BAD_VALUE)
        column.empty += int(pc.sum(pc.is_null(parsed.values)).as_py() or 0) - int(parsed.bad.sum())


def _expected(wanted: SurveyKey) -> str | None:
    digests = wanted.content.digests is not None if wanted.content else bool(wanted.key.hash)
    return identifier.expected(wanted.key, digests)
