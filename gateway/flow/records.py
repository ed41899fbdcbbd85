"""A whole cohort in memory, for statistics, and whom consent keeps out of its source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway import kernel
from gateway.flow.gate import judge_all
from gateway.flow.identity import label_of
from gateway.flow.inputs import Inputs
from gateway.flow.lease import Lease
from gateway.flow.linking import gather
from gateway.flow.match_key import keys_of_parts
from gateway.flow.members import Members
from gateway.flow.pipeline import ahead, in_turn
from gateway.flow.ports import DatasetPart, House, Sorter
from gateway.flow.registry import load_registry
from gateway.flow.source import TAG_BYTES
from gateway.flow.threads import in_thread
from gateway.flow.tuples import beside
from gateway.psi.attributes import decode
from gateway.psi.fields import Fields
from gateway.route.agreement import Column
from gateway.route.cohort import CohortRecords, ConsentedCohort
from gateway.route.job import AuthorizedJob
from gateway.route.subject_ref import REF_BYTES

Bytes = npt.NDArray[np.uint8]


async def records_of(
    lease: Lease,
    job: AuthorizedJob,
    cohort: ConsentedCohort,
    members: Members,
    columns: tuple[Column, ...],
    tag_key: bytes,
) -> CohortRecords:
    """Return all records of a cohort, segment after segment.

    Args:
        lease: of the run.
        job: of a grouped operation: a record has one customer.
        cohort: as judged.
        members: its file.
        columns: the columns that the file was built with.
        tag_key: of the run.

    Raises:
        SourceError: SOURCE_CHANGED when a record's value is gone from the source.
    """
    row_bytes, values = members.fields.width + cohort.key_bytes + REF_BYTES, sum(cohort.list_rows)
    inputs = Inputs(lease.house, job, cohort, members, tag_key, (values + 1) * row_bytes)
    return await in_thread(_records, members, columns, await inputs.of(0, values))


def _records(members: Members, columns: tuple[Column, ...], values: pa.LargeBinaryArray) -> CohortRecords:
    pieces = [np.empty((0, members.fields.width), dtype=np.uint8), *members.pieces()]
    rows, fields = np.concatenate(pieces), members.fields
    inputs = beside(fields.of(rows, "tag"), values) if fields["tag"].stop > TAG_BYTES else (values,)
    places = np.arange(len(rows))
    if "segment" in fields:
        places = np.argsort(fields.number(rows, "segment"), kind="stable")
        rows, inputs = rows[places], tuple(column.take(pa.array(places)) for column in inputs)
    plain = decode(fields.of(rows, "plain"), columns) if columns else None
    return CohortRecords(inputs, fields.of(rows, "ref"), places, plain)


async def kept_out(lease: Lease, job: AuthorizedJob, memory: int) -> Bytes:
    """Return the references of the source's people whom consent keeps out now, (m, 26) ascending."""
    house = lease.house
    people = house.spool.sorter(job.job_id, "kept-out", REF_BYTES, REF_BYTES, memory // 2)
    denied, last = [np.empty((0, REF_BYTES), dtype=np.uint8)], b""
    try:

        def ids() -> Sorter:
            return house.spool.sorter(job.job_id, "kept-out-ids", REF_BYTES, REF_BYTES, memory // 2)

        parts = await house.datasets.parts(job.binding.dataset)
        for number, (part, keys) in enumerate(
            zip(parts, keys_of_parts(job.agreement, job.binding, parts), strict=True)
        ):
            rows = _references(house, job, part, number, keys)
            await gather(house, part, ids, rows, Fields(ref=REF_BYTES), people)
        async with house.store.read() as tx:
            registry, at = await load_registry(tx, house), house.clock.now()
            async for piece in ahead(in_turn(people.pieces())):
                names = piece.view(f"S{REF_BYTES}").reshape(-1)
                # A person of very many rows goes on in the next piece.
                refs = np.ascontiguousarray(piece[np.append(names[0] != last, names[1:] != names[:-1])])
                last = names[-1]
                denied.append(refs[~(await judge_all(tx, registry, job.gates, refs, at)).allowed])
    finally:
        await in_thread(people.close)
    return np.concatenate(denied)


def _references(
    house: House, job: AuthorizedJob, part: DatasetPart, number: int, keys: Sequence[int]
) -> Iterator[Bytes]:
    """Hash the subject column of a part of the data set, of the rows of each match key that it has. Blocks."""
    key, threads = house.custody.subject_key(), house.limits.threads
    for match_key in keys:
        scan = house.datasets.scan(job.binding, job.agreement.match_keys[match_key], (), part=number)
        for batch in scan.batches():
            yield kernel.subject_refs(key, label_of(part, job.binding), batch.subjects, threads)
