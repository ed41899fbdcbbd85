"""Who stands behind each row that a sender's table holds: sealed, kept until retention ends."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc

from gateway.errors import StateError
from gateway.flow.gate import as_texts
from gateway.flow.lease import Lease
from gateway.flow.ports import House
from gateway.flow.threads import in_thread
from gateway.psi.arrow import fixed
from gateway.psi.sender import Table
from gateway.route.cohort import ConsentedCohort

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
SENT_FILE = "sent"
_COVERED = "covered:"


@dataclass(frozen=True, slots=True, repr=False)
class SentRows:
    """The table's rows in wire order.

    Attributes:
        table: {row_token, subject_ref (null for a replaced row), record (-1 for a replaced row),
            covered:<column> (whether its value was disclosed)}.
    """

    table: pa.Table

    def __repr__(self) -> str:
        """Show no row: it names people."""
        return f"SentRows({self.table.num_rows} rows)"

    @classmethod
    def of(cls, cohort: ConsentedCohort, table: Table, covered: Mapping[str, Mask]) -> SentRows:
        """Name the subject behind each row; a sender's record has exactly one."""
        by_record = np.empty(cohort.rows, dtype=np.int64)
        by_record[cohort.record_of] = np.arange(len(cohort.record_of))
        real, record = table.source >= 0, np.maximum(table.source, 0)
        subject = pa.array(by_record[record] if cohort.rows else record, mask=~real)
        columns = {
            "row_token": fixed(table.rows[:, : table.tag_bytes]),
            "subject_ref": as_texts(cohort.subject_refs).take(subject),
            "record": pa.array(table.source),
        }
        for name, mask in covered.items():
            columns[_COVERED + name] = pa.array(mask[record] & real if cohort.rows else real)
        return cls(pa.table(columns))

    @classmethod
    def listed(cls, cohort: ConsentedCohort, source: npt.NDArray[np.int64]) -> SentRows:
        """Name the subject behind each row of an AGGREGATE's list; rows of nobody have none."""
        by_record = np.empty(cohort.rows, dtype=np.int64)
        by_record[cohort.record_of] = np.arange(len(cohort.record_of))
        real, record = source >= 0, np.maximum(source, 0)
        subject = pa.array(by_record[record] if cohort.rows else record, mask=~real)
        refs = as_texts(cohort.subject_refs).take(subject)
        return cls(pa.table({"subject_ref": refs, "record": pa.array(source)}))

    @property
    def source(self) -> npt.NDArray[np.int64]:
        """Record behind each row, -1 for rows of nobody."""
        return np.asarray(self.table.column("record").to_numpy(), dtype=np.int64)

    def dropped_rows(self, kept: Mask) -> npt.NDArray[np.int64]:
        """Return the rows, ascending, whose consent went since the list was built.

        Args:
            kept: (n,) per record, consent as judged now.
        """
        source = self.source
        return np.flatnonzero((source >= 0) & ~kept[np.maximum(source, 0)]) if len(kept) else np.empty(0, np.int64)

    def dropped_tags(self, kept: Mask, covered: Mapping[str, Mask]) -> Bytes:
        """Return the tags, ascending, of rows whose consent went since the table was built.

        Args:
            kept: (n,) per record, consent to the match as judged now.
            covered: per column, (n,) consent to the value as judged now.
        """
        tokens = self.table.column("row_token").combine_chunks()
        width = tokens.type.byte_width
        record = self.table.column("record").to_numpy()
        if len(record) == 0:
            return np.empty((0, width), dtype=np.uint8)
        place = np.maximum(record, 0)
        gone = ~kept[place]
        for name, mask in covered.items():
            gone |= self.table.column(_COVERED + name).to_numpy() & ~mask[place]
        picked = tokens.filter(pa.array(gone & (record >= 0)))
        return np.frombuffer(b"".join(picked.to_pylist()), dtype=np.uint8).reshape(-1, width)


def save_sent(house: House, job_id: str, sent: SentRows) -> None:
    """Seal the rows. Blocks."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, sent.table.schema) as writer:
        writer.write_table(sent.table)
    house.spool.write_sealed(job_id, SENT_FILE, sink.getvalue())


def load_sent(house: House, job_id: str) -> SentRows:
    """Read the sealed rows back. Blocks.

    Raises:
        StateError: LOG_INCONSISTENT when they are gone.
    """
    stored = house.spool.read_sealed(job_id, SENT_FILE)
    if stored is None:
        raise StateError("LOG_INCONSISTENT", "the sealed list of sent rows is gone; cancel the job and run it again")
    return SentRows(pa.ipc.open_stream(stored).read_all().combine_chunks())


async def keep_sent(lease: Lease) -> None:
    """Move {subject_ref, row_token} of what left to the results, where it stays until retention ends."""
    house, job_id = lease.house, lease.job.job_id
    table = (await in_thread(load_sent, house, job_id)).table
    named = table.filter(pc.is_valid(table.column("subject_ref"))).select(["subject_ref", "row_token"])
    await _keep(lease, named)


async def keep_members(lease: Lease) -> None:
    """Keep {subject_ref} of those who stood in a list of an AGGREGATE: rows of it have no token that lasts."""
    members = await in_thread(load_sent, lease.house, lease.job.job_id)
    named = members.table.filter(pc.is_valid(members.table.column("subject_ref"))).select(["subject_ref"])
    await _keep(lease, named)


async def _keep(lease: Lease, named: pa.Table) -> None:
    house, job_id = lease.house, lease.job.job_id
    await house.results.write_tokens(job_id, named.sort_by("subject_ref"))
    now = house.clock.now()
    async with house.store.begin() as tx:
        agreement = (await tx.agreements.get(lease.job.request.agreement_id)).agreement
        until = now + timedelta(days=agreement.retention_days)
        await tx.runs.put(job_id, lease.job.session_id, agreement.agreement_id, now, until, named.num_rows)
