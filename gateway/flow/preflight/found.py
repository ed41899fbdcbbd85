"""What a look at a data set found, in counts; the fields are those of check.proto."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.flow.preflight.tally import CheckedUse, Values
from gateway.route.cohort import RejectedRows


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a person should look at: a stable code, and one sentence."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class CheckedPart:
    """One source: its rows, and those that no run can use."""

    name: str
    format: str
    encoding: str
    rows: int
    rejected: Mapping[str, RejectedRows]


@dataclass(frozen=True, slots=True)
class CheckedKey:
    """One match key, see `CheckedKey` of check.proto."""

    match_key: str
    column: str
    usable: int
    values: Values
    shapes: Mapping[str, int]
    unlike: Mapping[str, int]
    faults: Mapping[str, RejectedRows]


@dataclass(frozen=True, slots=True)
class CheckedColumn:
    """One agreed column, or the segment column."""

    name: str
    column: str
    empty: int
    faults: Mapping[str, RejectedRows]


@dataclass(frozen=True, slots=True)
class DatasetCheck:
    """What a data set holds, see `DatasetCheck` of check.proto."""

    dataset: str
    agreement_id: str
    at: datetime
    parts: tuple[CheckedPart, ...]
    subjects: int
    repeated_rows: int
    conflicting_subjects: int
    keys: tuple[CheckedKey, ...]
    columns: tuple[CheckedColumn, ...]
    uses: tuple[CheckedUse, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def rows(self) -> int:
        """Rows of all sources."""
        return sum(part.rows for part in self.parts)
