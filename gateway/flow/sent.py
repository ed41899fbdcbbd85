"""Who stands behind each row that a sender's table holds: sealed, kept until retention ends."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.errors import StateError
from gateway.flow import cohort as cohorts
from gateway.flow.lease import Lease
from gateway.flow.lost import Lost, among
from gateway.flow.members import RowWriter, stage_pieces
from gateway.flow.pipeline import each, in_turn
from gateway.flow.ports import StageFile
from gateway.flow.runstate import load_state
from gateway.flow.threads import in_thread
from gateway.psi.arrow import fixed
from gateway.psi.fields import Fields
from gateway.route.canonical import canonical_bytes
from gateway.route.job import AuthorizedJob
from gateway.route.notice import ReleasedRun
from gateway.route.subject_ref import REF_BYTES, once

Bytes = npt.NDArray[np.uint8]
SENT_FILE = "sent"
SENT_STAGE = 102


class Sent:
    """The table's rows in wire order: row token, customer (zeros behind a replaced row), covered columns."""

    def __init__(self, lease: Lease, tag_bytes: int, gates: int) -> None:
        """Look at the file of a run; `begin` and `of` know its widths."""
        self.fields = Fields(token=tag_bytes, ref=REF_BYTES, covered=gates)
        self._writer: RowWriter | None = None
        self._lease = lease

    @classmethod
    def begin(cls, lease: Lease, tag_bytes: int, gates: int) -> Sent:
        """Begin the file anew. Blocks."""
        spool, job_id = lease.house.spool, lease.job.job_id
        spool.discard_stage(job_id, SENT_STAGE)
        spool.write_sealed(job_id, SENT_FILE, canonical_bytes({"tag_bytes": tag_bytes, "gates": gates}))
        return cls(lease, tag_bytes, gates)

    @classmethod
    def of(cls, lease: Lease) -> Sent:
        """Open the file of a table that is whole. Blocks.

        Raises:
            StateError: LOG_INCONSISTENT when it is gone.
        """
        about = lease.house.spool.read_sealed(lease.job.job_id, SENT_FILE)
        if about is None:
            raise StateError("LOG_INCONSISTENT", "the sealed list of sent rows is gone; cancel the job, run it again")
        found = json.loads(about)
        return cls(lease, found["tag_bytes"], found["gates"])

    def add(self, rows: Bytes, places: npt.NDArray[np.int64], fields: Fields, records: Bytes) -> None:
        """Note the next rows of the table. Blocks.

        Args:
            rows: (n, row_bytes) in wire order.
            places: (n,) the record behind each row, -1 for a replaced one.
            fields: of the records.
            records: what `places` points into.
        """
        if self._writer is None:
            self._writer = RowWriter(self._file())
        noted = self.fields.join(len(rows), token=np.ascontiguousarray(rows[:, self.fields["token"]]))
        real = places >= 0
        for name in ("ref", "covered"):
            if name in self.fields:
                noted[real, self.fields[name]] = records[places[real], fields[name]]
        self._writer.add(noted)

    def finish(self) -> None:
        """Make the file whole. Blocks."""
        if self._writer is not None:
            self._writer.finish()

    def dropped(self, job: AuthorizedJob, lost: Lost, threads: int) -> Iterator[Bytes]:
        """Yield the tokens, ascending, of rows whose consent went since the table was built. Blocks."""
        if not len(lost.refs) and not any(len(refs) for refs in lost.uncovered.values()):
            return
        for rows in self.pieces():
            refs = self.fields.of(rows, "ref")
            gone = among(lost.refs, refs, threads)
            for number, (name, _) in enumerate(job.column_gates):
                disclosed = rows[:, self.fields["covered"].start + number] == 1
                gone |= disclosed & among(lost.uncovered[name], refs, threads)
            yield self.fields.of(rows[gone], "token")

    def pieces(self) -> Iterator[Bytes]:
        """Yield the rows in wire order. Blocks."""
        return stage_pieces(self._file())

    def _file(self) -> StageFile:
        lease = self._lease
        return lease.house.spool.stage(
            lease.job.job_id, lease.job.session_id, SENT_STAGE, self.fields.width, sealed=True
        )


async def keep_sent(lease: Lease) -> None:
    """Move {subject_ref, row_token} of what left to the results, where it stays until retention ends."""
    sent = await in_thread(Sent.of, lease)
    keys = await _lists(lease)
    schema = pa.schema([("subject_ref", pa.string()), ("row_token", pa.binary(keys * sent.fields["token"].stop))])
    named = Fields(ref=REF_BYTES, token=sent.fields["token"].stop)
    with lease.house.memory.lend() as memory:
        share = memory // 2
        by_customer = lease.house.spool.sorter(lease.job.job_id, "sent-by-customer", named.width, REF_BYTES, share)

        def add(rows: Bytes) -> None:
            real = rows[rows[:, sent.fields["ref"].start] != 0]
            parts = {name: sent.fields.of(real, name) for name in ("ref", "token")}
            by_customer.add(named.join(len(real), **parts))

        async def batches() -> AsyncIterator[pa.RecordBatch]:
            async for rows in in_turn(by_customer.pieces()):
                people, person = once(named.of(rows, "ref"))
                tokens = _beside(named.of(rows, "token"), person, len(people), keys)
                yield pa.record_batch([fixed(people).cast(pa.binary()).cast(pa.string()), fixed(tokens)], schema=schema)

        try:
            await each(sent.pieces(), add)
            await keep_batches(lease, schema, batches())
        finally:
            await in_thread(by_customer.close)


async def _lists(lease: Lease) -> int:
    """Return how many rows of its table a run may have of one customer: one per match key."""
    async with lease.house.store.read() as tx:
        agreement = (await tx.agreements.get(lease.job.request.agreement_id)).agreement
    return 1 if lease.job.request.operation.grouped else len(agreement.match_keys)


def _beside(tokens: Bytes, person: npt.NDArray[np.int64], people: int, keys: int) -> Bytes:
    """Lay the tokens of each person side by side, zeros behind them: (people, keys * width)."""
    if keys == 1:
        return tokens
    width = tokens.shape[1]
    first = np.searchsorted(person, np.arange(people))
    made = np.zeros((people, keys, width), dtype=np.uint8)
    made[person, np.arange(len(person)) - first[person]] = tokens
    return made.reshape(people, keys * width)


async def keep_batches(lease: Lease, schema: pa.Schema, batches: AsyncIterator[pa.RecordBatch]) -> None:
    """Store whom a run disclosed something of, ascending by reference, for as long as the agreement says."""
    house, job = lease.house, lease.job
    rows = await house.results.store_tokens(job.job_id, schema, batches)
    now, cut_at = house.clock.now(), (await load_state(lease)).cut_at
    links = await cohorts.seen_links(lease)
    async with house.store.begin() as tx:
        agreement = (await tx.agreements.get(job.request.agreement_id)).agreement
        run = ReleasedRun(
            job_id=job.job_id,
            session_id=job.session_id,
            agreement_id=agreement.agreement_id,
            partner=job.partner,
            side=job.side,
            judged_at=now if cut_at is None else cut_at,
            released_at=now,
            expires_at=now + timedelta(days=agreement.retention_days),
            rows=rows,
            # Who lost consent after the cohort was judged is looked for again: a row that left is told even if dropped.
            changes=await cohorts.judged_changes(lease),
            systems=links.systems,
            map_version=links.version,
        )
        await tx.runs.put(run)
