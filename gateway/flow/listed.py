"""Who stands behind each row of the list that a sender of statistics served: sealed, while the run lasts."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc

from gateway.errors import StateError
from gateway.flow.lease import Lease
from gateway.flow.ports import House
from gateway.flow.sent import keep_batches
from gateway.flow.threads import in_thread
from gateway.psi.arrow import fixed
from gateway.route.cohort import CohortRecords

Places = npt.NDArray[np.int64]
LISTED_FILE = "listed"


@dataclass(frozen=True, slots=True, repr=False)
class Listed:
    """The list's rows in wire order: {subject_ref, record}, null and -1 for rows of nobody."""

    table: pa.Table

    def __repr__(self) -> str:
        """Show no row: it names people."""
        return f"Listed({self.table.num_rows} rows)"

    @classmethod
    def of(cls, records: CohortRecords, source: Places) -> Listed:
        """Name the customer behind each row.

        Args:
            records: the sender's.
            source: (n,) record behind each row, -1 for rows of nobody.
        """
        real, record = source >= 0, np.maximum(source, 0)
        refs = fixed(records.subject_refs).cast(pa.binary()).cast(pa.string())
        named = refs.take(pa.array(record, mask=~real)) if len(refs) else pa.nulls(len(source), pa.string())
        return cls(pa.table({"subject_ref": named, "record": pa.array(source)}))

    @property
    def source(self) -> Places:
        """Record behind each row, -1 for rows of nobody."""
        return np.asarray(self.table.column("record").to_numpy(), dtype=np.int64)

    def dropped_rows(self, lost: Places) -> Places:
        """Return the rows, ascending, whose consent went since the list was built.

        Args:
            lost: records that may not be used any more.
        """
        return np.flatnonzero(np.isin(self.source, lost))


def save_listed(house: House, job_id: str, listed: Listed) -> None:
    """Seal the rows. Blocks."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, listed.table.schema) as writer:
        writer.write_table(listed.table)
    house.spool.write_sealed(job_id, LISTED_FILE, sink.getvalue())


def load_listed(house: House, job_id: str) -> Listed:
    """Read the sealed rows back. Blocks.

    Raises:
        StateError: LOG_INCONSISTENT when they are gone.
    """
    stored = house.spool.read_sealed(job_id, LISTED_FILE)
    if stored is None:
        raise StateError("LOG_INCONSISTENT", "the sealed list of sent rows is gone; cancel the job and run it again")
    return Listed(pa.ipc.open_stream(stored).read_all().combine_chunks())


async def keep_listed(lease: Lease) -> None:
    """Keep {subject_ref} of those who stood in the list: rows of it have no token that lasts."""
    table = (await in_thread(load_listed, lease.house, lease.job.job_id)).table
    named = table.filter(pc.is_valid(table.column("subject_ref"))).select(["subject_ref"]).sort_by("subject_ref")

    async def batches() -> AsyncIterator[pa.RecordBatch]:
        for batch in named.combine_chunks().to_batches(max_chunksize=65_536):
            yield batch

    await keep_batches(lease, named.schema, batches())
