"""Records that stand for nobody: they hide how long a list of MATCH or ENRICH is, within a factor of two.

A receiver's are OPRF inputs that match nothing. Tag and value follow from the run's tag key, so that a restarted run
has the same ones, and they lie among the real records in keyed-tag order. In the cohort file they have no reference.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway import kernel
from gateway.errors import HostileInput
from gateway.flow.members import RowWriter
from gateway.flow.ports import StageFile
from gateway.flow.source import TAG_BYTES
from gateway.psi.arrow import fixed
from gateway.psi.check import OVER
from gateway.psi.fields import Fields
from gateway.psi.fillers import Fillers
from gateway.psi.suite import DUMMY_KEY, padded
from gateway.route.agreement import Padding
from gateway.route.job import AuthorizedJob, Side

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]

PREFIX = b"assent padding"
WITHDRAWN_OR_PADDING = b"\x01"
"""First byte of a dummy's value that stands for a record of the receiver."""
BATCH_ROWS = 65_536


def is_padded(job: AuthorizedJob) -> bool:
    """Return whether the lists of a job are filled up."""
    return not job.operation.grouped and job.agreement.padding is Padding.POWER_OF_TWO


def list_rows(job: AuthorizedJob, side: Side, rows: int) -> int:
    """Return how long a side's list is on the wire.

    Args:
        job: authorized.
        side: whose list.
        rows: its records that stand for people.
    """
    caps = job.agreement.caps
    cap = caps.rows_receiver if side is Side.RECEIVER else caps.rows_sender
    return padded(rows, cap) if is_padded(job) else rows


def check_padded(job: AuthorizedJob, side: Side, rows: int) -> None:
    """Refuse a partner's list that is not filled up as agreed.

    Raises:
        HostileInput: BAD_SHAPE.
    """
    if list_rows(job, side, rows) != rows:
        raise HostileInput(
            "BAD_SHAPE", f"stage 0 OPENING: the {side.value.lower()}'s list is not filled up as agreed; {OVER}"
        )


def padding_tags(tag_key: bytes, count: int, threads: int) -> Iterator[Bytes]:
    """Yield the keyed tags of records that stand for nobody, (n, 16) each, in any order. Blocks."""
    for first in range(0, count, BATCH_ROWS):
        numbers = np.arange(first, min(first + BATCH_ROWS, count)).astype(">u8").view(np.uint8).reshape(-1, 8)
        yield np.ascontiguousarray(_derived(tag_key, numbers, threads)[:, :TAG_BYTES])


def with_padding(
    inputs: pa.LargeBinaryArray, places: Places, tags: Bytes, tag_key: bytes, threads: int
) -> pa.LargeBinaryArray:
    """Put inputs that match nobody where records have no person. Blocks.

    Args:
        inputs: of some records.
        places: (k,) those without a person.
        tags: (k, 16) their keyed tags.
        tag_key: of the run.
        threads: native threads.
    """
    if not len(places):
        return inputs
    values = np.empty((len(places), 33), dtype=np.uint8)
    values[:, 0] = WITHDRAWN_OR_PADDING[0]
    values[:, 1:] = _derived(tag_key, tags, threads)
    dummies = kernel.oprf_inputs(DUMMY_KEY, fixed(values).cast(pa.binary()))
    order = np.arange(len(inputs))
    order[places] = len(inputs) + np.arange(len(places))
    return pa.concat_arrays([inputs, dummies]).take(pa.array(order))


def _derived(tag_key: bytes, rows: Bytes, threads: int) -> Bytes:
    """Return HMAC-SHA256(tag key, "assent padding" || row): numbers (8 bytes) make tags, tags (16) make values."""
    head = np.broadcast_to(np.frombuffer(PREFIX, dtype=np.uint8), (len(rows), len(PREFIX)))
    derived: Bytes = kernel.hmac_sha256(tag_key, np.ascontiguousarray(np.concatenate([head, rows], axis=1)), threads)
    return derived


class PaddedWriter(RowWriter):
    """Writes the cohort file with records that stand for nobody among the others, in keyed-tag order."""

    def __init__(self, file: StageFile, fields: Fields, tags: Iterator[Bytes]) -> None:
        """Write to a file that holds nothing yet.

        Args:
            file: the cohort file.
            fields: of its rows.
            tags: (n, 16) of records that stand for nobody, ascending over all pieces.
        """
        super().__init__(file)
        self._fields, self._fillers = fields, Fillers(tags, TAG_BYTES)

    def add(self, rows: Bytes) -> None:
        """Take rows, ascending by tag over all calls, with what stands for nobody before the last of them."""
        if not len(rows):
            return
        tags = self._fillers.through(rows[-1, self._fields["tag"]])
        if tags is not None:
            both = np.concatenate([rows, self._nobody(tags)])
            rows = kernel.take_rows(both, kernel.order_rows(both, TAG_BYTES))
        super().add(rows)

    def finish(self) -> None:
        """Write the rest, as the last chunk."""
        for tags in self._fillers.rest():
            super().add(self._nobody(tags))
        super().finish()

    def _nobody(self, tags: Bytes) -> Bytes:
        return self._fields.join(len(tags), tag=tags)
