"""The cohort: the rows of a data set that consent lets into one computation.

Nothing is tokenised that was not judged here first. The sealed cohort file lets a
restarted gateway go on with exactly the people it had committed to.
"""

from __future__ import annotations

import hmac
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc

from consent.registry import Registry
from gateway import kernel
from gateway.errors import SourceError, StateError
from gateway.flow.gate import as_texts, judge, judge_all
from gateway.flow.ports import House, Transaction
from gateway.flow.registry import load_registry
from gateway.flow.segment import missing_values, number_segments
from gateway.flow.threads import in_thread
from gateway.psi.arrow import fixed, whole
from gateway.psi.attributes import column_type
from gateway.route.agreement import Column
from gateway.route.canonical import canonical_bytes, parse_time_text, time_text
from gateway.route.cohort import ConsentedCohort, SourceRows
from gateway.route.job import AuthorizedJob, Side

Bytes = npt.NDArray[np.uint8]
COHORT_FILE = "cohort"


@dataclass(frozen=True, slots=True, repr=False)
class CohortSalts:
    """Per-run secrets of the cohort: the local order and the commitment."""

    tag_key: bytes
    run_salt: bytes

    def __repr__(self) -> str:
        """Show no value."""
        return "CohortSalts(...)"


@dataclass(frozen=True, slots=True)
class Judged:
    """A cohort with what was read for it, for the job's report."""

    cohort: ConsentedCohort
    report: Mapping[str, object]


async def build(house: House, job: AuthorizedJob, salts: CohortSalts, columns: tuple[Column, ...]) -> Judged:
    """Read the bound data set, judge consent, order by keyed tag, and seal the cohort file.

    Args:
        house: ports.
        job: authorized by the agreement.
        salts: this run's secrets.
        columns: agreed columns to carry (sender of ENRICH and AGGREGATE), else empty.

    Raises:
        SourceError: the data set cannot be read, or has more segments than the agreement allows.
    """
    rows = await _read(house, job, columns)
    refs = await in_thread(
        kernel.subject_refs, house.custody.subject_key(), job.binding.subject_type, rows.subjects, house.limits.threads
    )
    at = house.clock.now()
    async with house.store.read() as tx:
        registry = await load_registry(tx, house)
        verdict = await judge_all(tx, registry, job.gates, refs, at)
        cohort = await in_thread(_select, house, job, salts, rows, refs, verdict.allowed, verdict.consent_ids, at)
        # Columns are asked for those only whom the gate let in.
        covered = await _covered(tx, registry, job, cohort, at)
    cohort = replace(cohort, left_out=dict(verdict.denied) | dict(cohort.left_out))
    if columns:
        carried = await in_thread(_carry, rows, refs, cohort, columns)
        cohort = replace(cohort, columns=uncovered_blanked(carried, covered))
    report: dict[str, object] = {
        "rows_read": rows.rows_read,
        "folded": rows.folded,
        "rejected": {
            reason: {"count": found.count, "first_rows": list(found.first_rows)}
            for reason, found in rows.rejected.items()
        },
        "left_out": dict(cohort.left_out),
        "consented": len(cohort.subject_refs),
        "records": cohort.rows,
    }
    if job.operation.grouped:
        report |= {"segments": len(cohort.segments)} if job.side is Side.RECEIVER else {"clipped": rows.clipped}
    await in_thread(_seal, house, job, cohort, report)
    return Judged(cohort, report)


async def _read(house: House, job: AuthorizedJob, columns: tuple[Column, ...]) -> SourceRows:
    grouped = job.operation.grouped
    return await house.datasets.read(
        job.binding,
        job.agreement.match_keys[0],
        columns,
        segments=grouped and job.side is Side.RECEIVER,
        clip=grouped and job.side is Side.SENDER,
    )


def _select(
    house: House,
    job: AuthorizedJob,
    salts: CohortSalts,
    rows: SourceRows,
    refs: Bytes,
    allowed: npt.NDArray[np.bool_],
    consent_ids: pa.StringArray,
    at: datetime,
) -> ConsentedCohort:
    """Fold equal keys into records and put them into keyed-tag order, segment after segment."""
    encoded = pc.dictionary_encode(rows.keys)
    codes = np.asarray(encoded.indices).astype(np.int64)
    # Sharing is judged on the whole data set, before consent gating.
    shared = np.bincount(codes, minlength=len(encoded.dictionary))[codes] > 1 if len(codes) else codes.astype(bool)
    left_out = {}
    if job.side is Side.SENDER or job.operation.grouped:
        left_out["SHARED_MATCH_KEY"] = int((allowed & shared).sum())
        allowed = allowed & ~shared
    if job.side is Side.SENDER and job.operation.grouped:
        missing = missing_values(job, rows, asked_columns(job))
        left_out["MISSING_VALUE"] = int((allowed & missing).sum())
        allowed = allowed & ~missing
    names: tuple[str, ...] = ()
    segment = np.zeros(len(codes), dtype=np.int64)
    if rows.segments is not None:
        names, segment = number_segments(job, rows.segments, allowed)
        left_out["SEGMENT_TOO_SMALL"] = int((allowed & (segment < 0)).sum())
        allowed = allowed & (segment >= 0)
    subjects = np.flatnonzero(allowed)
    used, first, record_of = np.unique(codes[subjects], return_index=True, return_inverse=True)
    inputs = kernel.oprf_inputs(job.agreement.match_keys[0], encoded.dictionary.take(pa.array(used)))
    tags = kernel.hmac_sha256(salts.tag_key, inputs, house.limits.threads)
    order = np.argsort(tags.view("V32").reshape(-1), kind="stable") if len(tags) else np.empty(0, dtype=np.int64)
    of_record = segment[subjects[first]]
    order = order[np.argsort(of_record[order], kind="stable")]
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return ConsentedCohort(
        side=job.side,
        inputs=inputs.take(pa.array(order)),
        subject_refs=np.ascontiguousarray(refs[subjects]),
        record_of=rank[record_of].astype(np.int64),
        consent_ids=consent_ids.take(pa.array(subjects)),
        columns=None,
        commitment=commitment(salts.run_salt, refs[subjects], house.limits.threads),
        left_out={reason: count for reason, count in left_out.items() if count},
        judged_at=at,
        segments=names,
        segment_rows=_segment_rows(of_record, len(names)),
    )


def _segment_rows(of_record: npt.NDArray[np.int64], segments: int) -> tuple[int, ...]:
    return tuple(int(count) for count in np.bincount(of_record, minlength=max(segments, 1)))


def commitment(run_salt: bytes, subject_refs: Bytes, threads: int) -> bytes:
    """Return the RFC 6962 root over sorted HMAC-SHA256(run salt, subject_ref), 32 bytes."""
    macs = kernel.hmac_sha256(run_salt, np.ascontiguousarray(subject_refs), threads)
    ordered = macs[np.argsort(macs.view("V32").reshape(-1))] if len(macs) else macs
    return kernel.merkle_root(np.ascontiguousarray(ordered))


def _carry(
    rows: SourceRows,
    refs: Bytes,
    cohort: ConsentedCohort,
    columns: tuple[Column, ...],
) -> pa.Table:
    """Bring the value columns into record order."""
    if rows.columns is None:
        raise SourceError("MISSING_COLUMN", "the data set has none of the agreed columns; bind them and run again")
    where = np.asarray(pc.index_in(as_texts(cohort.subject_refs), value_set=as_texts(refs)))
    # A sender's record has exactly one subject.
    source = np.empty(len(where), dtype=np.int64)
    source[cohort.record_of] = where
    arrays = []
    for column in columns:
        values = rows.columns.column(column.name).cast(column_type(column))
        arrays.append(whole(values.take(pa.array(source))))
    return pa.table(arrays, names=[column.name for column in columns])


def _key_macs(house: House, cohort: ConsentedCohort) -> Bytes:
    return kernel.hmac_sha256(house.custody.subject_key(), cohort.inputs, house.limits.threads)


def _seal(house: House, job: AuthorizedJob, cohort: ConsentedCohort, report: Mapping[str, object]) -> None:
    """Write {subject_ref, record, key MAC, consent id}: who is in, without any identifier."""
    macs = _key_macs(house, cohort)[cohort.record_of]
    table = pa.table(
        {
            "subject_ref": as_texts(cohort.subject_refs),
            "record": pa.array(cohort.record_of),
            "key_mac": fixed(macs),
            "consent_id": cohort.consent_ids,
        }
    ).replace_schema_metadata(
        {
            "judged_at": time_text(cohort.judged_at),
            "commitment": cohort.commitment.hex(),
            "report": canonical_bytes(report),
            "values": _values_mac(house, job, cohort),
            "segments": canonical_bytes(list(cohort.segments)),
            "segment_rows": canonical_bytes(list(cohort.segment_rows)),
        }
    )
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    house.spool.write_sealed(job.job_id, COHORT_FILE, sink.getvalue())


def _values_mac(house: House, job: AuthorizedJob, cohort: ConsentedCohort) -> str:
    """Name the values of an AGGREGATE under our key: rows of two versions of a data set are never mixed in a sum."""
    if not job.operation.grouped or cohort.columns is None:
        return ""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, cohort.columns.schema) as writer:
        writer.write_table(cohort.columns.combine_chunks())
    return hmac.digest(house.custody.subject_key(), b"assent values v1\n" + sink.getvalue(), "sha256").hex()


async def restore(house: House, job: AuthorizedJob, columns: tuple[Column, ...]) -> Judged | None:
    """Rebuild the cohort of a job that had judged before: same people, same order.

    Returns:
        The cohort with the report of its judgement, or None when none was sealed yet.

    Raises:
        SourceError: SOURCE_CHANGED when the data set no longer holds those rows as they were.
    """
    sealed = await in_thread(house.spool.read_sealed, job.job_id, COHORT_FILE)
    if sealed is None:
        return None
    rows = await _read(house, job, columns)
    refs = await in_thread(
        kernel.subject_refs, house.custody.subject_key(), job.binding.subject_type, rows.subjects, house.limits.threads
    )
    judged = await in_thread(_rebuild, house, job, rows, refs, sealed)
    if not columns:
        return judged
    if job.operation.grouped:
        cohort = replace(judged.cohort, columns=await in_thread(_carry, rows, refs, judged.cohort, columns))
        stored = (pa.ipc.open_stream(sealed).schema.metadata or {})[b"values"].decode()
        if await in_thread(_values_mac, house, job, cohort) != stored:
            _changed(cohort.rows)
        return replace(judged, cohort=cohort)
    again = await judge_again(house, job, judged.cohort)
    carried = await in_thread(_carry, rows, refs, judged.cohort, columns)
    return replace(judged, cohort=replace(judged.cohort, columns=uncovered_blanked(carried, again.covered)))


def _rebuild(house: House, job: AuthorizedJob, rows: SourceRows, refs: Bytes, sealed: bytes) -> Judged:
    """Join the sealed cohort file to the source; every row must be there, unchanged."""
    table = pa.ipc.open_stream(sealed).read_all().combine_chunks()
    meta = {name.decode(): value.decode() for name, value in (table.schema.metadata or {}).items()}
    if set(meta) != {"judged_at", "commitment", "report", "segments", "segment_rows", "values"}:
        raise StateError("LOG_INCONSISTENT", "the sealed cohort file lacks its fields; cancel the job and start anew")
    where = pc.index_in(whole(table.column("subject_ref")), value_set=as_texts(refs))
    if where.null_count:
        _changed(where.null_count)
    match_key, keys = job.agreement.match_keys[0], rows.keys.take(where)
    stored = np.frombuffer(whole(table.column("key_mac")).buffers()[1] or b"", dtype=np.uint8).reshape(-1, 32)
    macs = kernel.hmac_sha256(house.custody.subject_key(), kernel.oprf_inputs(match_key, keys), house.limits.threads)
    if (macs != stored[: len(macs)]).any():
        _changed(int((macs != stored[: len(macs)]).any(axis=1).sum()))
    records = np.asarray(whole(table.column("record"))).astype(np.int64)
    first = np.full(int(records.max()) + 1 if len(records) else 0, -1, dtype=np.int64)
    first[records[::-1]] = np.arange(len(records))[::-1]
    report, segments = json.loads(meta["report"]), tuple(json.loads(meta["segments"]))
    segment_rows = tuple(json.loads(meta["segment_rows"]))
    if rows.segments is not None:
        borders = np.repeat(np.arange(len(segment_rows)), segment_rows)[records]
        names = pa.array(segments, pa.string()).take(pa.array(borders))
        moved = np.asarray(pc.fill_null(pc.not_equal(rows.segments.take(where), names), True))
        if moved.any():
            _changed(int(moved.sum()))
    cohort = ConsentedCohort(
        side=job.side,
        inputs=kernel.oprf_inputs(match_key, keys.take(pa.array(first))),
        subject_refs=np.ascontiguousarray(refs[np.asarray(where)]),
        record_of=records,
        consent_ids=whole(table.column("consent_id")),
        columns=None,
        commitment=bytes.fromhex(meta["commitment"]),
        left_out=report["left_out"],
        judged_at=parse_time_text(meta["judged_at"]),
        segments=segments,
        segment_rows=segment_rows,
    )
    return Judged(cohort, report)


@dataclass(frozen=True, slots=True)
class Again:
    """A later judgement of a cohort, all at one time.

    Attributes:
        allowed: (m,) whether each subject is still allowed.
        kept: (n,) whether each record still has an allowed subject.
        covered: per asked column, (n,) whether consent covers the record's value (sender).
        at: the time of the judgement.
    """

    allowed: npt.NDArray[np.bool_]
    kept: npt.NDArray[np.bool_]
    covered: Mapping[str, npt.NDArray[np.bool_]]
    at: datetime


async def judge_again(house: House, job: AuthorizedJob, cohort: ConsentedCohort) -> Again:
    """Judge a cohort once more, as at the cut and for late drops."""
    at = house.clock.now()
    async with house.store.read() as tx:
        registry = await load_registry(tx, house)
        allowed = (await judge_all(tx, registry, job.gates, cohort.subject_refs, at)).allowed
        covered = await _covered(tx, registry, job, cohort, at)
    kept = np.zeros(cohort.rows, dtype=bool)
    kept[cohort.record_of[allowed]] = True
    return Again(allowed, kept, covered, at)


async def kept_out(house: House, job: AuthorizedJob) -> Bytes:
    """Return the subject refs of the source's people whom consent keeps out now, (m, 26) ASCII."""
    rows = await _read(house, job, ())
    refs = await in_thread(
        kernel.subject_refs, house.custody.subject_key(), job.binding.subject_type, rows.subjects, house.limits.threads
    )
    async with house.store.read() as tx:
        verdict = await judge_all(tx, await load_registry(tx, house), job.gates, refs, house.clock.now())
    return np.ascontiguousarray(refs[~verdict.allowed])


async def _covered(
    tx: Transaction, registry: Registry, job: AuthorizedJob, cohort: ConsentedCohort, at: datetime
) -> dict[str, npt.NDArray[np.bool_]]:
    """Judge each column for a sender's records: (n,) per column."""
    by_record = np.empty(cohort.rows, dtype=np.int64)
    by_record[cohort.record_of] = np.arange(len(cohort.record_of))
    return {
        name: (await judge(tx, registry, use, cohort.subject_refs, at)).allowed[by_record]
        for name, use in job.column_gates
    }


async def still_allowed(
    house: House, job: AuthorizedJob, subject_refs: Bytes
) -> tuple[npt.NDArray[np.bool_], datetime]:
    """Judge some subjects once more, as before release.

    Returns:
        (m,) whether each subject is still allowed, and the time of the judgement.
    """
    at = house.clock.now()
    async with house.store.read() as tx:
        verdict = await judge_all(tx, await load_registry(tx, house), job.gates, subject_refs, at)
    return verdict.allowed, at


def uncovered_blanked(columns: pa.Table, covered: Mapping[str, npt.NDArray[np.bool_]]) -> pa.Table:
    """Blank the values that consent does not cover; such a value looks like one the source lacks."""
    for name, mask in covered.items():
        values = columns.column(name)
        blanked = pc.if_else(pa.array(mask), values, pa.scalar(None, values.type))
        columns = columns.set_column(columns.column_names.index(name), name, blanked)
    return columns


def asked_columns(job: AuthorizedJob) -> tuple[Column, ...]:
    """Return the asked columns in the order of the request."""
    by_name = {column.name: column for column in job.agreement.columns}
    return tuple(by_name[name] for name in job.columns)


def _changed(count: int) -> None:
    raise SourceError(
        "SOURCE_CHANGED",
        f"up to {count} customers of this run are no longer in the data set as they were when the run began; "
        "cancel the job and start a new one",
    )
