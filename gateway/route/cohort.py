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
class SourceBatch:
    """Usable rows of one pass over a data set, in the order of the source; in memory only.

    Attributes:
        rows: (n,) row numbers, 1 = first row of values.
        subjects: n trimmed raw subject values; a subject may come again, in this batch or a later one.
        keys: n normalised match-key values, never null.
        columns: the value columns in agreed names and `psi.attributes.column_type`s, null where empty; None when none
            were asked.
        segments: n segment names, None when not asked.
    """

    rows: npt.NDArray[np.int64]
    subjects: pa.StringArray
    keys: pa.StringArray
    columns: pa.Table | None = None
    segments: pa.StringArray | None = None

    def __repr__(self) -> str:
        """Show no value: the rows are raw identifiers."""
        return f"SourceBatch({len(self.subjects)} rows)"


@dataclass(frozen=True, slots=True)
class ConsentedCohort:
    """Customers whom consent lets into one computation. Made by flow/cohort only.

    Who they are lies in the run's sealed cohort file, a row per customer and value in keyed-tag order; here stands what
    the route needs to know of it. Records are distinct match-key values: a MATCH receiver's record may belong to
    several customers of a household, any other to one. Of statistics over several keys a record, and a row, is a
    customer with all its values.

    Attributes:
        rows: records to tokenise, as the cohort file holds them.
        members: customers, at least `rows` where there is one match key.
        commitment: RFC 6962 root over sorted HMAC-SHA256(run salt, subject_ref).
        left_out: customers per reason (consent codes, SHARED_MATCH_KEY).
        judged_at: the one time of judgement (UTC).
        mark: number of the last consent change and of the last registry change that the judgement knew.
        key_bytes: of the longest match-key value of the source.
        segments: names of the segments in number order (receiver of AGGREGATE), else empty.
        segment_rows: records of each segment; (n,) without segments.
        lists: where there are several match keys, values of each: records of its list, or of statistics, whose records
            have all keys of a customer, those that have it; else empty.
        source: per part of the data set, under the run's key, digests of what was read.
        padding: how many of the records stand for nobody (receiver of a padded MATCH or ENRICH). A sender's padding is
            drawn with its table and stands in no cohort.
    """

    side: Side
    rows: int
    members: int
    commitment: bytes
    left_out: Mapping[str, int]
    judged_at: datetime
    mark: tuple[int, int]
    key_bytes: int
    segments: tuple[str, ...] = ()
    segment_rows: tuple[int, ...] = ()
    padding: int = 0
    lists: tuple[int, ...] = ()
    source: tuple[Mapping[str, str], ...] = ()

    @property
    def list_rows(self) -> tuple[int, ...]:
        """Values of each match key."""
        return self.lists or (self.rows,)


@dataclass(frozen=True, slots=True, repr=False)
class CohortRecords:
    """A whole cohort in memory, for AGGREGATE and OVERLAP: segment after segment, each as in the cohort file.

    Attributes:
        inputs: per match key n OPRF inputs, null where a record lacks it: raw identifiers, in memory only.
        subject_refs: (n, 26) ASCII; a record has one customer.
        places: (n,) row of each record in the cohort file.
        columns: n rows of agreed columns (sender), else None.
    """

    inputs: tuple[pa.LargeBinaryArray, ...]
    subject_refs: npt.NDArray[np.uint8]
    places: npt.NDArray[np.int64]
    columns: pa.Table | None

    def __repr__(self) -> str:
        """Show no value: the inputs are raw identifiers."""
        return f"CohortRecords({len(self.places)} records)"
