"""What a data set holds before a run, as the gateway counted it; never a value."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from gateway.client.job import Count
from gateway.client.record import bare, required_time
from gateway.v1 import check_pb2, job_pb2


@dataclass(frozen=True, slots=True)
class CheckedPart:
    """One source of a data set.

    Attributes:
        encoding: of its text; "" for formats that have no choice.
        rejected: rows that no run can use, by their first reason.
    """

    name: str
    format: str
    encoding: str
    rows: int
    rejected: tuple[Count, ...]


@dataclass(frozen=True, slots=True)
class CheckedKey:
    """One match key, or a declared column of identifiers.

    Attributes:
        match_key: "" where no agreement was named.
        usable: rows with a usable value.
        values: different ones among them.
        shared_values: those that several customers have; sharing_subjects: these customers.
        forms: what values look like as they stand, "plain" or digests such as "md5 lower".
        faults: rows without a usable value, by reason.
    """

    match_key: str
    column: str
    usable: int
    values: int
    shared_values: int
    sharing_subjects: int
    forms: tuple[Count, ...]
    faults: tuple[Count, ...]


@dataclass(frozen=True, slots=True)
class CheckedColumn:
    """One agreed column, or the segment column: empty values, and those that do not fit."""

    name: str
    column: str
    empty: int
    faults: tuple[Count, ...]


@dataclass(frozen=True, slots=True)
class CheckedUse:
    """How far consent reaches among the customers for one kind of run."""

    operation: str
    side: str
    purpose: str
    eligible: int
    denied: tuple[Count, ...]


@dataclass(frozen=True, slots=True)
class DatasetCheck:
    """What a data set holds.

    Attributes:
        agreement: id of the agreement asked about; "" for none.
        subjects: customers.
        repeated_rows: rows that come again for one of them.
        conflicting_subjects: those whose rows say different match keys.
        findings: (code, sentence) of what to look at, the gravest first.
    """

    dataset: str
    agreement: str
    at: datetime
    parts: tuple[CheckedPart, ...]
    rows: int
    subjects: int
    repeated_rows: int
    conflicting_subjects: int
    keys: tuple[CheckedKey, ...]
    columns: tuple[CheckedColumn, ...]
    uses: tuple[CheckedUse, ...]
    findings: tuple[tuple[str, str], ...]


CheckProgress = Callable[[str, int], None]
"""Is told what is being done ("reading", "judging", "sorting"), and how many rows were read."""


def check_from_proto(found: check_pb2.DatasetCheck) -> DatasetCheck:
    """Read what was found."""
    return DatasetCheck(
        dataset=bare(found.dataset),
        agreement=bare(found.agreement),
        at=required_time(found, "check_time"),
        parts=tuple(
            CheckedPart(part.name, part.format, part.encoding, part.rows, _counts(part.rejected))
            for part in found.parts
        ),
        rows=found.rows,
        subjects=found.subjects,
        repeated_rows=found.repeated_rows,
        conflicting_subjects=found.conflicting_subjects,
        keys=tuple(
            CheckedKey(
                match_key=key.match_key,
                column=key.column,
                usable=key.usable,
                values=key.values,
                shared_values=key.shared_values,
                sharing_subjects=key.sharing_subjects,
                forms=_counts(key.forms),
                faults=_counts(key.faults),
            )
            for key in found.keys
        ),
        columns=tuple(
            CheckedColumn(column.name, column.column, column.empty, _counts(column.faults)) for column in found.columns
        ),
        uses=tuple(
            CheckedUse(
                operation=job_pb2.Operation.Name(use.operation).removeprefix("OPERATION_"),
                side=job_pb2.Side.Name(use.side).removeprefix("SIDE_"),
                purpose=bare(use.purpose),
                eligible=use.eligible,
                denied=_counts(use.denied),
            )
            for use in found.uses
        ),
        findings=tuple((finding.code, finding.text) for finding in found.findings),
    )


def _counts(counts: Iterable[job_pb2.Count]) -> tuple[Count, ...]:
    return tuple(Count(count.group, count.reason, count.count, tuple(count.first_rows)) for count in counts)
