"""Rows as they come from a data set, and the cohort that consent lets through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.route.job import Side


@dataclass(frozen=True, slots=True)
class RejectedRows:
    """Rows that cannot be used: a count and the first row numbers (1 = first row of values)."""

    count: int
    first_rows: tuple[int, ...]


@dataclass(frozen=True, slots=True, repr=False)
class SourceRows:
    """A data set as read for one agreement: columns, in memory only.

    Attributes:
        subjects: n raw subject values (string), unique.
        keys: n normalised match-key values (string), never null.
        columns: the value columns in agreed names (n rows; sender), else None.
        segments: n segment names (receiver of AGGREGATE), else None; a row without one was rejected.
        clipped: values brought back into the agreed bounds (AGGREGATE).
        rows_read: rows of the source, before rejects and folding.
        rejected: per reason (BAD_MATCH_KEY, EMPTY_SUBJECT, CONFLICTING_ROWS,
            BAD_VALUE...), never by value.
        folded: rows that repeated a subject with equal values.
    """

    subjects: pa.StringArray
    keys: pa.StringArray
    columns: pa.Table | None
    rows_read: int
    rejected: Mapping[str, RejectedRows]
    folded: int
    segments: pa.StringArray | None = None
    clipped: int = 0

    def __repr__(self) -> str:
        """Show no value: the rows are raw identifiers."""
        return f"SourceRows({len(self.subjects)} rows)"


@dataclass(frozen=True, slots=True, repr=False)
class ConsentedCohort:
    """Customers whom consent lets into one computation. Made by flow/cohort only.

    Records are distinct match-key values in keyed-tag order, of AGGREGATE's receiver by segment first;
    a MATCH receiver's record may belong to several subjects of a household, any other to one.

    Attributes:
        inputs: n OPRF inputs, raw identifiers, in memory only.
        subject_refs: (m, 26) ASCII, m >= n.
        record_of: (m,) index into inputs for each subject.
        consent_ids: m ids of the consent that let the subject in.
        columns: n rows of agreed columns (sender): uncovered values null in ENRICH, none in AGGREGATE.
        segments: names of the segments in number order (receiver of AGGREGATE), else empty.
        segment_rows: records of each segment, in the order of `inputs`; (n,) without segments.
        commitment: RFC 6962 root over sorted HMAC-SHA256(run salt, subject_ref).
        left_out: subjects per reason (consent codes, SHARED_MATCH_KEY).
        judged_at: the one time of judgement (UTC).
    """

    side: Side
    inputs: pa.LargeBinaryArray
    subject_refs: npt.NDArray[np.uint8]
    record_of: npt.NDArray[np.int64]
    consent_ids: pa.StringArray
    columns: pa.Table | None
    commitment: bytes
    left_out: Mapping[str, int]
    judged_at: datetime
    segments: tuple[str, ...] = ()
    segment_rows: tuple[int, ...] = ()

    @property
    def rows(self) -> int:
        """Records to tokenise."""
        return len(self.inputs)

    def __repr__(self) -> str:
        """Show no value: the inputs are raw identifiers."""
        return f"ConsentedCohort({self.side.value}, {self.rows} records)"
