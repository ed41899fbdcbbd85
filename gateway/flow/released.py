"""The matched customers of a run, ascending by reference, judged for the last time piece by piece."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.disclosure import release_rows
from gateway.flow.cohort import asked_columns, seen_links
from gateway.flow.gate import judge_all
from gateway.flow.lease import Lease
from gateway.flow.linking import unlinked_since
from gateway.flow.lists import list_count
from gateway.flow.lost import among
from gateway.flow.pipeline import ahead, each, in_turn
from gateway.flow.registry import load_registry
from gateway.flow.threads import in_thread
from gateway.psi.fields import Fields
from gateway.psi.matched import matched_of
from gateway.route.canonical import time_text
from gateway.route.job import AuthorizedJob
from gateway.route.matched import Matched
from gateway.route.subject_ref import REF_BYTES, once

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


class Customers:
    """The matched customers of one run.

    Attributes:
        gate_ns: CPU time of the process while consent was judged.
        found: how many there were before the judgement.
        by_key: per match key, (2, keys): customers whom it found, and whom it found first in the agreed order.
    """

    def __init__(self, lease: Lease, job: AuthorizedJob, fields: Fields, at: datetime) -> None:
        """Judge at one time.

        Args:
            lease: of the run.
            job: authorized.
            fields: of a row, see `matched_fields`.
            at: time of the judgement.
        """
        self._lease, self._job, self._fields, self._at = lease, job, fields, at
        # What a sender learns has no columns.
        self._columns = asked_columns(job) if "plain" in fields else ()
        self.gate_ns = 0
        self.found = 0
        self.by_key = np.zeros((2, list_count(job)), dtype=np.int64)

    def nobody(self) -> Matched:
        """Return no customer, in the shape of the others."""
        empty = np.empty((0, self._fields.width), dtype=np.uint8)
        return self._matched(empty, pa.array([], pa.string()))

    async def judged(self, rows: Iterator[Bytes], memory: int) -> AsyncGenerator[tuple[Matched, Mask], None]:
        """Yield the customers ascending by reference, with who of them is still allowed.

        Args:
            rows: pieces of rows in any order.
            memory: bytes that may be held.
        """
        house = self._lease.house
        customers = house.spool.sorter(self._job.job_id, "by-customer", self._fields.width, REF_BYTES, memory // 2)
        try:
            await each(rows, customers.add)
            seen = await seen_links(self._lease)
            async with house.store.read() as tx:
                registry = await load_registry(tx, house)
                unlinked = await unlinked_since(tx, seen)
                async for piece in ahead(in_turn(customers.pieces())):
                    piece = await in_thread(self._first, piece)
                    self.found += len(piece)
                    began = time.process_time_ns()
                    refs = self._fields.of(piece, "ref")
                    verdict = await judge_all(tx, registry, self._job.gates, refs, self._at, ids=True)
                    self.gate_ns += time.process_time_ns() - began
                    allowed = verdict.allowed & ~among(unlinked, refs, house.limits.threads)
                    yield await in_thread(self._matched, piece, verdict.consent_ids), allowed
        finally:
            await in_thread(customers.close)

    def _first(self, rows: Bytes) -> Bytes:
        """Leave one row per customer: the one by the first match key that found it."""
        people = once(self._fields.of(rows, "ref"))[1]
        if "list" not in self._fields:
            return rows[np.append(True, people[1:] != people[:-1])] if len(rows) else rows
        lists = rows[:, self._fields["list"].start]
        order = np.lexsort((lists, people))
        rows, lists = rows[order], lists[order]
        begins = np.append(True, people[1:] != people[:-1])[: len(rows)]
        # Two customers of the partner may be found for one of ours by one key: it counts once.
        distinct = begins | np.append(True, lists[1:] != lists[:-1])[: len(rows)]
        for place, those in enumerate((distinct, begins)):
            self.by_key[place] += np.bincount(lists[those], minlength=self.by_key.shape[1])
        return np.ascontiguousarray(rows[begins])

    def _matched(self, rows: Bytes, consent_ids: pa.StringArray) -> Matched:
        return matched_of(rows, self._fields, self._columns, consent_ids)


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of the matched customers.

    Attributes:
        matched: customers who were matched.
        released: those who may be kept.
        obtained_at: time of their judgement.
        expires_at: when the agreed retention ends.
        gate_ns: CPU time of the process while consent was judged.
        matched_by: customers whom each match key found; empty where there is one.
        waterfall: customers whom each match key found first, in the agreed order.
    """

    matched: int
    released: int
    obtained_at: datetime
    expires_at: datetime
    gate_ns: int
    matched_by: Mapping[str, int]
    waterfall: Mapping[str, int]

    def report(self, before: Mapping[str, object]) -> dict[str, object]:
        """Return what the job's report says of it.

        Args:
            before: the report so far.
        """
        several = {"matched_by": dict(self.matched_by), "waterfall": dict(self.waterfall)} if self.matched_by else {}
        return {
            "matched": self.matched,
            **several,
            "withdrawn_before_release": self.matched - self.released,
            "released": self.released,
            "obtained_at": time_text(self.obtained_at),
            "expires_at": time_text(self.expires_at),
            "gate_cpu_ms": int(str(before.get("gate_cpu_ms", 0))) + self.gate_ns // 1_000_000,
        }


async def store_customers(
    lease: Lease, job: AuthorizedJob, fields: Fields, rows: Iterator[Bytes], memory: int
) -> Stored:
    """Judge the matched customers for the last time, and store those who may be kept as the job's result.

    Args:
        lease: of the run.
        job: authorized.
        fields: of a row, see `matched_fields`.
        rows: pieces of rows in any order.
        memory: bytes that may be held.
    """
    at, session_id = lease.house.clock.now(), lease.job.session_id
    customers = Customers(lease, job, fields, at)
    head = release_rows(job, session_id, customers.nobody(), np.zeros(0, dtype=bool), at, {})

    async def batches() -> AsyncIterator[pa.RecordBatch]:
        async with aclosing(customers.judged(rows, memory)) as pieces:
            async for matched, allowed in pieces:
                release = await in_thread(release_rows, job, session_id, matched, allowed, at, {})
                for batch in release.table.to_batches():
                    yield batch

    released = await lease.house.results.store(head, batches())
    matched_by, waterfall = (
        dict(zip(job.agreement.match_keys, counts, strict=True)) if "list" in fields else {}
        for counts in customers.by_key.tolist()
    )
    return Stored(
        customers.found, released, head.obtained_at, head.expires_at, customers.gate_ns, matched_by, waterfall
    )
