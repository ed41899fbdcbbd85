"""Checks of data sets, to messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.flow.preflight.check import Progress
from gateway.flow.preflight.found import CheckedColumn, CheckedKey, CheckedPart, DatasetCheck
from gateway.flow.preflight.tally import CheckedUse
from gateway.route.cohort import RejectedRows
from gateway.rpc.convert.field import time_to_proto
from gateway.rpc.convert.job import OPERATION_NUMBERS, SIDES
from gateway.rpc.convert.name import name_of
from gateway.v1 import check_pb2, job_pb2


def progress_to_proto(progress: Progress) -> check_pb2.CheckDatasetResponse:
    """Write a word of progress, the last one with what was found."""
    return check_pb2.CheckDatasetResponse(
        rows_read=progress.rows_read,
        step=progress.step,
        check=None if progress.check is None else _check(progress.check),
    )


def _check(found: DatasetCheck) -> check_pb2.DatasetCheck:
    return check_pb2.DatasetCheck(
        dataset=name_of("datasets", found.dataset),
        agreement=name_of("agreements", found.agreement_id),
        check_time=time_to_proto(found.at),
        parts=[_part(part) for part in found.parts],
        rows=found.rows,
        subjects=found.subjects,
        repeated_rows=found.repeated_rows,
        conflicting_subjects=found.conflicting_subjects,
        keys=[_key(key) for key in found.keys],
        columns=[_column(column) for column in found.columns],
        uses=[_use(use) for use in found.uses],
        findings=[check_pb2.CheckFinding(code=one.code, text=one.text) for one in found.findings],
    )


def _part(part: CheckedPart) -> check_pb2.CheckedPart:
    return check_pb2.CheckedPart(
        name=part.name, format=part.format, encoding=part.encoding, rows=part.rows, rejected=_rows(part.rejected)
    )


def _key(key: CheckedKey) -> check_pb2.CheckedKey:
    return check_pb2.CheckedKey(
        match_key=key.match_key,
        column=key.column,
        usable=key.usable,
        values=key.values.different,
        shared_values=key.values.shared,
        sharing_subjects=key.values.sharing,
        forms=_counts(key.shapes),
        faults=_rows(key.faults),
    )


def _column(column: CheckedColumn) -> check_pb2.CheckedColumn:
    return check_pb2.CheckedColumn(
        name=column.name, column=column.column, empty=column.empty, faults=_rows(column.faults)
    )


def _use(use: CheckedUse) -> check_pb2.CheckedUse:
    return check_pb2.CheckedUse(
        operation=OPERATION_NUMBERS[use.operation],
        side=SIDES[use.side],
        purpose=name_of("purposes", use.purpose),
        eligible=use.eligible,
        denied=_counts(use.denied),
    )


def _rows(rejected: Mapping[str, RejectedRows]) -> Iterator[job_pb2.Count]:
    for reason, rows in rejected.items():
        yield job_pb2.Count(reason=reason, count=rows.count, first_rows=rows.first_rows)


def _counts(counts: Mapping[str, int]) -> Iterator[job_pb2.Count]:
    for reason, count in counts.items():
        yield job_pb2.Count(reason=reason, count=count)
