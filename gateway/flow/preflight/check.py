"""A look at a data set as runs would read it: once, in bounded memory, in counts, never a value.

Rows become keyed hashes under a key that is drawn for the look and forgotten with it; sorts that outgrow memory spill
sealed, as those of runs do.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway import kernel
from gateway.flow.access import require
from gateway.flow.identity import link_type
from gateway.flow.linking import gather
from gateway.flow.pipeline import ahead, each, in_turn
from gateway.flow.ports import DatasetPart, House, Sorter, SourceSurvey
from gateway.flow.preflight.asked import Asked, asked_of
from gateway.flow.preflight.finding import findings_of
from gateway.flow.preflight.found import CheckedColumn, CheckedKey, CheckedPart, DatasetCheck
from gateway.flow.preflight.tally import People, Values, added_up
from gateway.flow.registry import load_registry
from gateway.flow.threads import in_thread
from gateway.flow.united import numbered
from gateway.psi.fields import Fields
from gateway.route.caller import Caller, Role
from gateway.route.cohort import RejectedRows
from gateway.route.subject_ref import REF_BYTES

Bytes = npt.NDArray[np.uint8]

TAG_BYTES = 16
LOOK_S = 0.5
"""Seconds between two words of progress."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a check is."""

    step: str
    rows_read: int
    check: DatasetCheck | None = None


async def check_dataset(
    house: House, caller: Caller, dataset: str, agreement_id: str = ""
) -> AsyncGenerator[Progress, None]:
    """Read a data set once; yield progress, and at last what was found.

    Args:
        house: ports.
        caller: who prepares a run, or answers for the data.
        dataset: its name.
        agreement_id: whose match keys, columns and consents are looked at; "" for what the data set declares.

    Raises:
        SourceError: the data set cannot be read; the message names the row.
        StateError: NOT_FOUND.
    """
    require(caller, Role.ADMINISTRATOR, Role.COMPLIANCE_OFFICER, Role.CDP_JOB)
    parts = await house.datasets.parts(dataset)
    asked = await asked_of(house, dataset, agreement_id)
    folder = f"check-{secrets.token_hex(8)}"
    try:
        with house.memory.lend() as memory, ExitStack() as stack:
            look = _Look(house, dataset, asked, parts, folder, memory, stack)
            async for step in look.steps():
                yield step
        found = look.found(agreement_id)
        yield Progress("done", found.rows, replace(found, findings=findings_of(found, asked)))
    finally:
        await in_thread(house.spool.drop, folder)


class _Look:
    """One look: its sorts, and what was counted so far."""

    def __init__(
        self,
        house: House,
        dataset: str,
        asked: Asked,
        parts: tuple[DatasetPart, ...],
        folder: str,
        memory: int,
        stack: ExitStack,
    ) -> None:
        self._house, self._dataset, self._asked, self._parts = house, dataset, asked, parts
        self._folder, self._memory, self._stack = folder, memory, stack
        self._key = secrets.token_bytes(32)
        self._fields = Fields(ref=REF_BYTES, row=8, tags=TAG_BYTES * len(asked.keys))
        self._surveys: list[SourceSurvey] = []
        self._unlinked: list[dict[str, RejectedRows]] = []
        self._people = People(self._fields, len(asked.keys), TAG_BYTES, asked.uses)
        self._values: list[Values] = []
        self._at = house.clock.now()

    async def steps(self) -> AsyncGenerator[Progress, None]:
        """Read, sort and judge; yield progress."""
        by_person = self._sorter("by-person", self._fields.width, REF_BYTES, 2)
        for number, part in enumerate(self._parts):
            survey = self._house.datasets.survey(self._dataset, self._asked.keys, self._asked.columns, number)
            self._surveys.append(survey)
            rows = self._rows(survey, part, number)
            reading = asyncio.ensure_future(gather(self._house, part, self._by_link, rows, self._fields, by_person))
            try:
                while not reading.done():
                    await asyncio.wait({reading}, timeout=LOOK_S)
                    yield Progress("reading", self._read)
                self._unlinked.append((await reading).rejected)
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
        by_value = [self._sorter(f"by-value-{one}", TAG_BYTES, TAG_BYTES, 8) for one in range(len(self._asked.keys))]
        yield Progress("judging", self._read)
        async with self._house.store.read() as tx:
            registry = await load_registry(tx, self._house)
            async for piece in ahead(in_turn(self._people.together(by_person.pieces()))):
                refs, tags = await in_thread(self._people.count, piece)
                for sorter, of_key in zip(by_value, tags, strict=True):
                    await in_thread(sorter.add, of_key)
                await self._people.judge(tx, registry, refs, self._at)
        await in_thread(by_person.close)
        yield Progress("sorting", self._read)
        for sorter in by_value:
            values = Values()
            await each(sorter.pieces(), values.count)
            self._values.append(values)

    def found(self, agreement_id: str) -> DatasetCheck:
        """Return everything that was counted."""
        people, surveys = self._people, self._surveys
        return DatasetCheck(
            dataset=self._dataset,
            agreement_id=agreement_id,
            at=self._at,
            parts=tuple(
                CheckedPart(part.name, part.format, survey.encoding, survey.rows_read, {**survey.rejected, **unlinked})
                for part, survey, unlinked in zip(self._parts, surveys, self._unlinked, strict=True)
            ),
            subjects=people.subjects,
            repeated_rows=people.repeated,
            conflicting_subjects=people.conflicting,
            keys=tuple(
                CheckedKey(
                    match_key=name,
                    column=key.column,
                    usable=sum(survey.usable[number] for survey in surveys),
                    values=values,
                    shapes=dict(added_up([survey.key_shapes[number] for survey in surveys])),
                    unlike=dict(added_up([survey.key_unlike[number] for survey in surveys])),
                    faults=_all([survey.key_faults[number] for survey in surveys]),
                )
                for number, (name, key, values) in enumerate(
                    zip(self._asked.names, self._asked.keys, self._values, strict=True)
                )
            ),
            columns=tuple(
                CheckedColumn(
                    column.agreed.name if column.agreed else column.column,
                    column.column,
                    sum(survey.column_faults[number][0] for survey in surveys),
                    _all([survey.column_faults[number][1] for survey in surveys]),
                )
                for number, column in enumerate(self._asked.columns)
            ),
            uses=people.uses,
        )

    @property
    def _read(self) -> int:
        return sum(survey.rows_read for survey in self._surveys)

    def _sorter(self, name: str, width: int, key: int, share: int) -> Sorter:
        made = self._house.spool.sorter(self._folder, name, width, key, self._memory // share)
        self._stack.callback(made.close)
        return made

    def _by_link(self) -> Sorter:
        return self._sorter("by-link", self._fields.width, REF_BYTES, 4)

    def _rows(self, survey: SourceSurvey, part: DatasetPart, number: int) -> Iterator[Bytes]:
        """Yield the usable rows of a part as hashes. Blocks."""
        custody, threads = self._house.custody, self._house.limits.threads
        label = link_type(part.subject_source) if part.subject_source else self._asked.subject_type
        for batch in survey.batches():
            count = len(batch.rows)
            if not count:
                continue
            tags = [self._tags(key, values) for key, values in enumerate(batch.keys)]
            yield self._fields.join(
                count,
                ref=kernel.subject_refs(custody.subject_key(), label, batch.subjects, threads),
                row=numbered(batch.rows, number),
                **({"tags": np.concatenate(tags, axis=1)} if tags else {}),
            )

    def _tags(self, number: int, values: pa.StringArray) -> Bytes:
        """Return the keyed tags of a match key's values, zeros where there is none."""
        key = self._asked.keys[number].key.name
        present = np.asarray(values.is_valid())
        inputs = kernel.oprf_inputs(key, values if present.all() else values.drop_null())
        tags = np.zeros((len(present), TAG_BYTES), dtype=np.uint8)
        tags[present] = kernel.hmac_sha256(self._key, inputs, self._house.limits.threads)[:, :TAG_BYTES]
        return tags


def _all(parts: Sequence[Mapping[str, RejectedRows]]) -> dict[str, RejectedRows]:
    """Add rows of several sources up; numbers are of the first source that has such rows."""
    found: dict[str, RejectedRows] = {}
    for part in parts:
        for reason, rows in part.items():
            known = found.get(reason)
            found[reason] = rows if known is None else replace(known, count=known.count + rows.count)
    return found
