"""One pass over the bound data set as rows of MACs: who, under which match key, with which values.

No identifier is among them, so they may be sorted outside memory; the values of agreed
columns are spooled sealed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from gateway import kernel
from gateway.errors import SourceError
from gateway.flow.identity import label_of
from gateway.flow.lists import several_keys
from gateway.flow.match_key import keys_of_parts
from gateway.flow.ports import DatasetPart, House
from gateway.flow.source_state import SourceState
from gateway.flow.united import numbered
from gateway.psi.attributes import encode, plaintext_bytes
from gateway.psi.fields import Fields
from gateway.route.agreement import Column
from gateway.route.cohort import SourceBatch
from gateway.route.job import AuthorizedJob, Side
from gateway.route.subject_ref import REF_BYTES

Bytes = npt.NDArray[np.uint8]

TAG_BYTES = 16
"""Of a keyed tag: HMAC-SHA256 under the run's tag key, its first half; two keys of a source share one by 2^-82."""

MOST_SEGMENTS = 100_000
"""Names that are told apart while the source is read; an agreement allows far fewer."""


class TaggedSource:
    """A pass over all parts of a data set, whose rows are `ref || row number || tag || segment || plaintext`.

    Attributes:
        parts: of the data set, in order.
        scans: of the parts, with the counts of the pass; per part one for each match key that it has, by its number.
        fields: of a row; `segment` only for the receiver of statistics, `plain` only with columns.
        state: what the passes have read.
        segments: names met so far; a row's segment is a place in it.
        key_bytes: of the longest match-key value so far.
    """

    def __init__(
        self,
        house: House,
        job: AuthorizedJob,
        tag_key: bytes,
        columns: tuple[Column, ...],
        parts: Sequence[DatasetPart],
    ) -> None:
        """Begin a pass; nothing is read before `rows` is iterated.

        Args:
            house: ports.
            job: authorized; its binding says where the rows are.
            tag_key: of the run.
            columns: agreed columns to carry; empty for none.
            parts: of the data set. Where the subject column of one holds the ids of another system, `ref` is the
                reference of the id, which the identity map turns into the person's.
        """
        self.parts = parts
        self._house, self._job, self._tag_key, self._columns = house, job, tag_key, columns
        grouped = job.operation.grouped
        self._segmented = grouped and job.side is Side.RECEIVER
        self.scans = [
            {
                number: house.datasets.scan(
                    job.binding,
                    job.agreement.match_keys[number],
                    columns,
                    segments=self._segmented,
                    clip=grouped and job.side is Side.SENDER,
                    part=part,
                )
                for number in numbers
            }
            for part, numbers in enumerate(keys_of_parts(job.agreement, job.binding, parts))
        ]
        self.fields = Fields(
            ref=REF_BYTES,
            row=8,
            tag=TAG_BYTES,
            segment=4 if self._segmented else 0,
            plain=plaintext_bytes(columns),
        )
        self.state = SourceState(job.binding.dataset, tag_key)
        self.segments: list[str] = []
        self._numbers: dict[str, int] = {}
        self.key_bytes = 0

    def rows(self, part: int) -> Iterator[Bytes]:
        """Yield the usable rows of a part, in the order of the source. Blocks."""
        custody, threads = self._house.custody, self._house.limits.threads
        label = label_of(self.parts[part], self._job.binding)
        for number, batch in self._batches(part):
            count = len(batch.rows)
            if not count:
                continue
            refs = kernel.subject_refs(custody.subject_key(), label, batch.subjects, threads)
            fields: dict[str, Bytes | npt.NDArray[np.int64]] = {
                "ref": refs,
                "row": numbered(batch.rows, part),
                "tag": self._tags(batch, number),
            }
            if batch.segments is not None:
                fields["segment"] = self._numbered(batch)
            if batch.columns is not None:
                fields["plain"] = encode(batch.columns, self._columns)
            yield self.fields.join(count, **fields)

    def _batches(self, part: int) -> Iterator[tuple[int, SourceBatch]]:
        """Yield the batches of all match keys with the number of each; a row has one number in all of them."""
        for number, scan in self.scans[part].items():
            for batch in scan.batches():
                yield number, batch
            self.state.see(part, scan)

    def _tags(self, batch: SourceBatch, number: int) -> Bytes:
        self.key_bytes = max(self.key_bytes, pc.max(pc.binary_length(batch.keys)).as_py())
        return tags_of(self._house, self._job, self._tag_key, batch, number)

    def _numbered(self, batch: SourceBatch) -> npt.NDArray[np.int64]:
        """Number segments by name, in the order in which they are met."""
        encoded = pc.dictionary_encode(batch.segments)
        places = np.empty(len(encoded.dictionary), dtype=np.int64)
        for place, name in enumerate(encoded.dictionary.to_pylist()):
            known = self._numbers.get(name)
            if known is None:
                known = self._numbers[name] = len(self.segments)
                self.segments.append(name)
            places[place] = known
        if len(self.segments) > MOST_SEGMENTS:
            raise SourceError(
                "BAD_ROW", f"the segment column has more than {MOST_SEGMENTS} names; bind a coarser column"
            )
        numbers: npt.NDArray[np.int64] = places[np.asarray(encoded.indices)]
        return numbers


def tags_of(house: House, job: AuthorizedJob, tag_key: bytes, batch: SourceBatch, number: int = 0) -> Bytes:
    """Return the keyed tags of a batch's match keys, (n, 16); of several keys each begins with its number. Blocks."""
    inputs = kernel.oprf_inputs(job.agreement.match_keys[number], batch.keys)
    tags = np.ascontiguousarray(kernel.hmac_sha256(tag_key, inputs, house.limits.threads)[:, :TAG_BYTES])
    if several_keys(job):
        tags[:, 0] = number
    return tags
