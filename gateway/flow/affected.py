"""Who was in the affected runs: what a breach notice needs (PIPL 57), joined in memory with the bound data set."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway import kernel
from gateway.errors import StateError
from gateway.flow.access import require
from gateway.flow.gate import judge_all
from gateway.flow.identity import label_of, links_to, people_of
from gateway.flow.membership.condense import Bits
from gateway.flow.pipeline import ahead, in_turn
from gateway.flow.ports import House, StoredRows
from gateway.flow.reach import members_of, terms_of_run
from gateway.flow.registry import load_registry
from gateway.flow.threads import in_thread
from gateway.flow.trace import released_run
from gateway.route.agreement import AgreementBinding
from gateway.route.audit import AuditEvent
from gateway.route.caller import Caller, Role
from gateway.route.job import Side
from gateway.route.notice import ReleasedRun
from gateway.route.subject_ref import REF_BYTES, as_keys, from_keys, from_texts
from gateway.tlog.leaf import LeafType

Bytes = npt.NDArray[np.uint8]
REMOVALS_TOGETHER = 1000

AFFECTED_SCHEMA = pa.schema([(name, pa.string()) for name in ("customer", "job", "run", "partner", "evidence")])


async def read_affected(house: House, caller: Caller, job_ids: Sequence[str]) -> AsyncIterator[pa.RecordBatch]:
    """Stream the customers of runs with their raw values; every read is on record, with its counts.

    Args:
        house: ports.
        caller: a compliance officer.
        job_ids: of runs that released something.

    Yields:
        Batches of `AFFECTED_SCHEMA`. Evidence is HELD, REMOVED or, of a receiver and of a run whose rows were destroyed
        in their time, INPUT: who was in the run's cohort, or, while that is not numbered and once it is destroyed, whom
        the rule allowed at the run's judgement, both among the customers of today's data set. Who of the others left
        the data set since is counted as absent.

    Raises:
        StateError: NOT_FOUND when a job released nothing or its agreement is bound no more.
    """
    require(caller, Role.COMPLIANCE_OFFICER)
    for job_id in job_ids:
        counts = {"HELD": 0, "REMOVED": 0, "INPUT": 0, "absent": 0}
        async with house.store.read() as tx:
            run = await released_run(tx, job_id)
            binding = await tx.agreements.binding(run.agreement_id)
        if binding is None:
            raise StateError("NOT_FOUND", f"the agreement of job {job_id} is bound to no data set; bind it again")
        stored = await members_of(house, job_id, run.side)
        parts = [("REMOVED", _removed(house, job_id))]
        if stored is not None:
            parts.append(("HELD", in_turn(_held(stored))))
        for evidence, people in parts:
            async with aclosing(people):
                async for refs in people:
                    seen = np.zeros(len(refs), dtype=bool)
                    async for customers in _joined(house, binding, refs, seen):
                        counts[evidence] += len(customers)
                        yield _batch(run, evidence, customers)
                    counts["absent"] += int((~seen).sum())
        if run.side is Side.RECEIVER or stored is None:
            async with aclosing(_input(house, binding, run)) as pieces:
                async for customers in pieces:
                    counts["INPUT"] += len(customers)
                    yield _batch(run, "INPUT", customers)
        payload = {"job": job_id, "by": caller.subject, **{name.lower(): count for name, count in counts.items()}}
        await house.store.append([AuditEvent(LeafType.INCIDENT_READ, house.clock.now(), "", payload)])
        house.bells.ring("audit")


def _batch(run: ReleasedRun, evidence: str, customers: pa.Array) -> pa.RecordBatch:
    said = (pa.repeat(text, len(customers)) for text in (run.job_id, run.session_id, run.partner, evidence))
    return pa.record_batch([customers, *said], schema=AFFECTED_SCHEMA)


def _held(stored: StoredRows) -> Iterator[Bytes]:
    """Yield the people of sealed rows, ascending, in bounded pieces. Blocks."""
    held, rows = list[Bytes](), 0
    for batch in stored.batches():
        held.append(from_texts(batch.column("subject_ref")))
        rows += len(batch)
        if rows >= 1 << 20:  # 27 MB; the data set is passed over once for each
            yield np.concatenate(held)
            held, rows = [], 0
    if rows:
        yield np.concatenate(held)


async def _removed(house: House, job_id: str) -> AsyncGenerator[Bytes, None]:
    after = ""
    while True:
        async with house.store.read() as tx:
            page = await tx.removals.of_job(job_id, after, REMOVALS_TOGETHER)
        if not page:
            return
        after = page[-1].subject_ref
        yield from_texts(pa.array([removal.subject_ref for removal in page], pa.string()))


async def _joined(
    house: House, binding: AgreementBinding, refs: Bytes, seen: npt.NDArray[np.bool_]
) -> AsyncIterator[pa.Array]:
    """Yield the raw values of people, ascending by reference, as the data set knows them; each once, see `seen`."""
    key, threads = house.custody.subject_key(), house.limits.threads

    def found(subjects: pa.StringArray, label: str, named: Bytes, owners: npt.NDArray[np.int64]) -> pa.Array:
        places = kernel.find_rows(named, kernel.subject_refs(key, label, subjects, threads), threads)
        if len(named):
            places = np.where(places >= 0, owners[places], places)
        rows = np.flatnonzero(places >= 0)
        rows = rows[~seen[places[rows]]]
        rows = rows[np.sort(np.unique(places[rows], return_index=True)[1])]
        seen[places[rows]] = True
        return subjects.take(pa.array(rows))

    for number, part in enumerate(await house.datasets.parts(binding.dataset)):
        label, named, owners = label_of(part, binding), refs, np.arange(len(refs))
        if part.subject_source:
            async with house.store.read() as tx:
                named, owners = await links_to(tx, part.subject_source, refs, threads)
        async for subjects in ahead(in_turn(house.datasets.subject_pieces(binding, number))):
            customers = await in_thread(found, subjects, label, named, owners)
            if len(customers):
                yield customers


async def _input(house: House, binding: AgreementBinding, run: ReleasedRun) -> AsyncGenerator[pa.Array, None]:
    """Yield the customers of the data set who were in the run's cohort, or may have been; each once."""
    key, threads = house.custody.subject_key(), house.limits.threads
    parts = await house.datasets.parts(binding.dataset)
    told = np.empty(0, dtype=f"S{REF_BYTES}")
    async with house.store.read() as tx:
        terms = await terms_of_run(tx, house, await tx.jobs.get(run.job_id))
        registry = await load_registry(tx, house)
        cohort = await tx.memberships.get(run.session_id)
        bits = Bits(await tx.memberships.blocks(run.job_id)) if cohort is not None and cohort.numbered else None
        for number, part in enumerate(parts):
            label = label_of(part, binding)
            async for subjects in ahead(in_turn(house.datasets.subject_pieces(binding, number))):
                refs = await in_thread(kernel.subject_refs, key, label, subjects, threads)
                keys, rows = np.unique(as_keys(refs), return_index=True)
                if part.subject_source:
                    people, linked = await people_of(tx, part.subject_source, from_keys(keys), threads)
                    keys, first = np.unique(as_keys(people[linked]), return_index=True)
                    rows = rows[linked][first]
                new = ~np.isin(keys, told, assume_unique=True)
                keys, rows = keys[new], rows[new]
                told = np.union1d(told, keys)
                if bits is None:
                    there = (await judge_all(tx, registry, terms.gates, from_keys(keys), run.judged_at)).allowed
                else:
                    there = bits.of(await tx.memberships.numbers(from_keys(keys)))
                if there.any():
                    yield subjects.take(pa.array(np.sort(rows[there])))
