"""OPRF inputs of a cohort's records, read again from the source: identifiers are in memory only, a range at a time.

Each pass over the source picks the values of one range of records by their keyed tags, never by position. What the
source does not hold any more is SOURCE_CHANGED.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway import kernel
from gateway.errors import SourceError
from gateway.flow.lists import by_list, in_tuples
from gateway.flow.match_key import keys_of_parts
from gateway.flow.members import Members, somebody
from gateway.flow.padding import with_padding
from gateway.flow.pipeline import each
from gateway.flow.ports import House
from gateway.flow.source import TAG_BYTES, tags_of
from gateway.flow.source_state import SourceState
from gateway.flow.threads import in_thread
from gateway.flow.tuples import ascending_tags
from gateway.route.cohort import ConsentedCohort, SourceBatch
from gateway.route.job import AuthorizedJob

Bytes = npt.NDArray[np.uint8]
LENGTH_BYTES = 2
PLACE_BYTES = 8


class Inputs:
    """The inputs of all records, by number; of tuples those of all their values, in the order of `ascending_tags`."""

    def __init__(
        self,
        house: House,
        job: AuthorizedJob,
        cohort: ConsentedCohort,
        members: Members,
        tag_key: bytes,
        memory: int,
    ) -> None:
        """Read nothing yet.

        Args:
            house: ports.
            job: authorized.
            cohort: as judged.
            members: its file.
            tag_key: of the run.
            memory: bytes that may be held.
        """
        self._house, self._job, self._cohort, self._members = house, job, cohort, members
        self._tag_key = tag_key
        self._state = SourceState(job.binding.dataset, tag_key, cohort.source)
        # Of records that stand for nobody place and tag are kept.
        nobody = TAG_BYTES + PLACE_BYTES if cohort.padding else 0
        self._capacity = max(1, memory // (TAG_BYTES + cohort.key_bytes + LENGTH_BYTES + 1 + nobody))
        self._first = 0
        self._values: Bytes = np.empty((0, 0), dtype=np.uint8)
        self._lengths: npt.NDArray[np.uint16] = np.empty(0, dtype=np.uint16)
        # Places of the loaded range that stand for nobody, and their tags.
        self._nobody, self._nobody_tags = np.empty(0, dtype=np.int64), np.empty((0, TAG_BYTES), dtype=np.uint8)

    async def of(self, first: int, count: int) -> pa.LargeBinaryArray:
        """Return the inputs of records first, first + 1, ... (count of them).

        Raises:
            SourceError: SOURCE_CHANGED when the source is not as it was, or a record's value is gone; as the data
                set's otherwise.
        """
        if not self._first <= first or first + count > self._first + len(self._lengths):
            await self._load(first, max(count, self._capacity))
        return await in_thread(self._inputs, first - self._first, count)

    def _inputs(self, at: int, count: int) -> pa.LargeBinaryArray:
        lists = by_list(self._first + at, count, self._cohort.list_rows)
        framed = [
            self._framed(number, self._values[at + begin : at + end], self._lengths[at + begin : at + end])
            for number, begin, end in lists
        ]
        inputs = framed[0] if len(framed) == 1 else pa.concat_arrays(framed or [self._framed(0, *self._nothing())])
        begin, end = np.searchsorted(self._nobody, (at, at + count))
        nobody, tags = self._nobody[begin:end] - at, self._nobody_tags[begin:end]
        return with_padding(inputs, nobody, tags, self._tag_key, self._threads)

    def _nothing(self) -> tuple[Bytes, npt.NDArray[np.uint16]]:
        return self._values[:0], self._lengths[:0]

    def _framed(self, number: int, values: Bytes, lengths: npt.NDArray[np.uint16]) -> pa.LargeBinaryArray:
        offsets = np.zeros(len(lengths) + 1, dtype=np.int32)
        np.cumsum(lengths, out=offsets[1:])
        if len(lengths) and (lengths == values.shape[1]).all():
            content = values
        else:
            content = values[np.arange(values.shape[1])[None, :] < lengths[:, None]]
        keys = pa.BinaryArray.from_buffers(
            pa.binary(), len(lengths), [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(content))]
        )
        return kernel.oprf_inputs(self._job.agreement.match_keys[number], keys)

    async def _load(self, first: int, capacity: int) -> None:
        """Pass over the source once and keep the values of one range of records."""
        self._values, self._lengths = np.empty((0, 0), np.uint8), np.empty(0, np.uint16)  # given back first
        self._nobody, self._nobody_tags = np.empty(0, dtype=np.int64), np.empty((0, TAG_BYTES), dtype=np.uint8)
        count = min(capacity, sum(self._cohort.list_rows) - first)
        tags, people = await in_thread(self._tags, first, count)
        values = np.zeros((count, self._cohort.key_bytes), dtype=np.uint8)
        lengths = np.zeros(count, dtype=np.uint16)

        def take(batch: SourceBatch, number: int) -> None:
            if len(batch.rows):
                asked = tags_of(self._house, self._job, self._tag_key, batch, number)
                place = kernel.find_rows(tags, asked, self._threads)
                found = np.flatnonzero(place >= 0)
                _put(values, lengths, place[found], batch.keys.take(pa.array(found)))

        datasets, binding = self._house.datasets, self._job.binding
        parts = await datasets.parts(binding.dataset)
        keys = keys_of_parts(self._job.agreement, binding, parts)
        for number, _, _ in by_list(first, count, self._cohort.list_rows):
            for part in (part for part, has in enumerate(keys) if number in has):
                scan = datasets.scan(binding, self._job.agreement.match_keys[number], (), part=part)
                await each(scan.batches(), partial(take, number=number))
                self._state.see(part, scan)
        missing = int(((lengths == 0) & people).sum())
        if missing:
            raise changed(missing)
        self._first, self._values, self._lengths = first, values, lengths
        self._nobody = np.flatnonzero(~people)
        self._nobody_tags = tags[self._nobody]

    def _tags(self, first: int, count: int) -> tuple[Bytes, npt.NDArray[np.bool_]]:
        """Return the tags of a range of records, and which of them stand for people. Blocks."""
        if in_tuples(self._job):
            tags = ascending_tags(self._members.pieces(), self._members.fields)[first : first + count]
            return tags, np.ones(len(tags), dtype=bool)
        tags, filled = np.empty((count, TAG_BYTES), dtype=np.uint8), 0
        people = np.ones(count, dtype=bool)
        for _, rows, numbers in self._members.records():
            begins = np.flatnonzero(np.diff(numbers, prepend=-1))
            # A household that began in the piece before is there already.
            inside = begins[(numbers[begins] >= first + filled) & (numbers[begins] < first + count)]
            tags[filled : filled + len(inside)] = rows[inside, self._members.fields["tag"]]
            people[filled : filled + len(inside)] = somebody(rows[inside, self._members.fields["ref"]])
            filled += len(inside)
            if filled == count:
                break
        return tags, people

    @property
    def _threads(self) -> int:
        return self._house.limits.threads


def _put(values: Bytes, lengths: npt.NDArray[np.uint16], place: npt.NDArray[np.int64], keys: pa.StringArray) -> None:
    """Lay texts into fixed-width rows at their places."""
    if not len(keys):
        return
    _, offsets, content = keys.buffers()
    bounds = np.frombuffer(offsets, dtype=np.int32)[keys.offset : keys.offset + len(keys) + 1]
    sizes = np.diff(bounds)
    data = np.frombuffer(content, dtype=np.uint8)[bounds[0] : bounds[-1]]
    # A longer value than any at the judgement belongs to nobody of the cohort.
    width = values.shape[1]
    rows = np.zeros((len(keys), max(int(sizes.max()), width)), dtype=np.uint8)
    if (sizes == rows.shape[1]).all():
        rows = data.reshape(len(keys), -1)
    else:
        rows[np.arange(rows.shape[1])[None, :] < sizes[:, None]] = data
    values[place] = rows[:, :width]
    lengths[place] = sizes


def changed(count: int) -> SourceError:
    """Return the error for customers of the run who are no longer in the source."""
    return SourceError(
        "SOURCE_CHANGED",
        f"{count} customers of this run are no longer in the data set as they were when the run began; "
        "cancel the job and start a new one",
    )
