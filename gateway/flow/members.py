"""The cohort file: a sealed row per customer of the run, in keyed-tag order. It is the run's membership."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import numpy as np
import numpy.typing as npt

from gateway import kernel
from gateway.flow.lease import Lease
from gateway.flow.lists import in_tuples
from gateway.flow.ports import House, StageFile
from gateway.flow.source import TAG_BYTES
from gateway.psi.attributes import plaintext_bytes
from gateway.psi.check import as_keys, as_rows
from gateway.psi.fields import Fields
from gateway.route.agreement import Column
from gateway.route.job import AuthorizedJob, Side
from gateway.route.subject_ref import REF_BYTES

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]
COHORT_STAGE = 100
CHUNKS_TOGETHER = 16
"""Made durable with one sync."""


class RowWriter:
    """Writes rows to a stage file in chunks of its size. Blocks."""

    def __init__(self, file: StageFile) -> None:
        """Write to a file that holds nothing yet."""
        self._file = file
        self._waiting: list[Bytes] = []
        self._count = 0
        self._next = 0
        self.rows = 0

    def add(self, rows: Bytes) -> None:
        """Take rows; whole chunks go to the disk."""
        if not len(rows):
            return
        self._waiting.append(rows)
        self._count += len(rows)
        self.rows += len(rows)
        if self._count >= CHUNKS_TOGETHER * self._file.rows_per_chunk:
            self._store(self._count - self._count % self._file.rows_per_chunk)

    def finish(self) -> None:
        """Write the rest, as the last chunk."""
        self._store(self._count)

    def _store(self, count: int) -> None:
        if not count:
            return
        rows, step = np.concatenate(self._waiting), self._file.rows_per_chunk
        pieces = (rows[start : min(start + step, count)].tobytes() for start in range(0, count, step))
        self._next = self._file.extend(pieces, self._next)
        self._waiting, self._count = [rows[count:]], len(rows) - count


def stage_pieces(file: StageFile) -> Generator[Bytes, None, None]:
    """Yield a stage file chunk by chunk, (n, record size). Blocks."""
    for seq in range(file.chunks()):
        yield as_rows(file.read(seq), file.record_size)


def somebody(refs: Bytes) -> npt.NDArray[np.bool_]:
    """Return which references, (n, 26), name a person: a record that stands for nobody has zeros."""
    named: npt.NDArray[np.bool_] = refs[:, 0] != 0
    return named


def member_fields(job: AuthorizedJob, columns: tuple[Column, ...], tags: int | None = None) -> Fields:
    """Return the fields of the cohort file: who, and what of it may leave.

    Args:
        job: authorized.
        columns: that are carried.
        tags: keyed tags of a row; None for those of the file: one, or of tuples one for each match key.

    `covered` has a byte per asked column that consent decides on: 1 where the value was covered at the judgement;
    in `plain` the values that were not are blank.
    """
    segmented = job.operation.grouped and job.side is Side.RECEIVER
    if tags is None:
        tags = len(job.agreement.match_keys) if in_tuples(job) else 1
    return Fields(
        tag=TAG_BYTES * tags,
        ref=REF_BYTES,
        segment=4 if segmented else 0,
        covered=len(job.column_gates),
        plain=plaintext_bytes(columns),
    )


class Members:
    """The cohort file of a run, read from its beginning as often as needed."""

    def __init__(self, lease: Lease, job: AuthorizedJob, columns: tuple[Column, ...]) -> None:
        """Read the file of this run.

        Args:
            lease: of the run.
            job: authorized.
            columns: the columns that the file was built with.
        """
        self.fields = member_fields(job, columns)
        self._house: House = lease.house
        self._job_id, self._session_id = job.job_id, lease.job.session_id

    def discard(self) -> None:
        """Remove what an unfinished judgement left. Blocks."""
        self._house.spool.discard_stage(self._job_id, COHORT_STAGE)

    def file(self) -> StageFile:
        """Open the file, creating it when absent. Blocks."""
        return self._house.spool.stage(self._job_id, self._session_id, COHORT_STAGE, self.fields.width, sealed=True)

    def pieces(self) -> Generator[Bytes, None, None]:
        """Yield the rows in order. Blocks."""
        return stage_pieces(self.file())

    def records(self) -> Iterator[tuple[int, Bytes, Places]]:
        """Yield the rows with the number of each one's record. Blocks.

        Yields:
            The place of the piece's first row, the rows, and (n,) record numbers.
        """
        place, record, last = 0, -1, b""
        for rows in self.pieces():
            tags = as_keys(self.fields.of(rows, "tag"))
            begins = np.empty(len(rows), dtype=bool)
            begins[0] = tags[0].tobytes() != last
            begins[1:] = tags[1:] != tags[:-1]
            numbers = record + np.cumsum(begins)
            yield place, rows, numbers
            place, record, last = place + len(rows), int(numbers[-1]), tags[-1].tobytes()

    def of_records(self, step: int) -> Generator[tuple[Bytes, Places], None, None]:
        """Yield the people of `step` records at a time: (k, 26) references, and (k,) places among those records.

        Blocks.
        """
        first, waiting = 0, list[tuple[Bytes, Places]]()
        for _, rows, numbers in self.records():
            refs = self.fields.of(rows, "ref")
            while len(numbers) and numbers[-1] >= first + step:
                cut = int(np.searchsorted(numbers, first + step))
                waiting.append((refs[:cut], numbers[:cut]))
                yield _together(waiting, first)
                first, waiting, refs, numbers = first + step, [], refs[cut:], numbers[cut:]
            waiting.append((refs, numbers))
        if waiting:
            yield _together(waiting, first)

    def places_of(self, refs: Bytes) -> Iterator[tuple[Places, Bytes]]:
        """Find people among the members.

        Args:
            refs: (k, 26) ascending.

        Yields:
            Places and rows of those who are in, piece by piece. Blocks.
        """
        if not len(refs):
            return
        place = 0
        for rows in self.pieces():
            found = np.flatnonzero(kernel.find_rows(refs, self.fields.of(rows, "ref"), self._house.limits.threads) >= 0)
            if len(found):
                yield place + found, rows[found]
            place += len(rows)


def _together(waiting: list[tuple[Bytes, Places]], first: int) -> tuple[Bytes, Places]:
    return np.concatenate([refs for refs, _ in waiting]), np.concatenate([numbers for _, numbers in waiting]) - first
