"""Rows of a data set under another system's ids, made rows of people by the identity map, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gateway.flow.identity import people_of
from gateway.flow.pipeline import ahead, in_turn
from gateway.flow.ports import DatasetPart, House, Sorter, Transaction
from gateway.flow.repeats import Rows
from gateway.flow.threads import in_thread
from gateway.flow.united import in_part
from gateway.psi.fields import Fields
from gateway.route.cohort import RejectedRows
from gateway.route.subject_ref import REF_BYTES

Bytes = npt.NDArray[np.uint8]

UNLINKED = "UNLINKED"
"""Why a row is left out whose id is nobody's."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What of the identity map rows of a data set rest on.

    Attributes:
        version: of the map.
        systems: whose ids they are.
    """

    version: int
    systems: tuple[str, ...]


NO_LINKS = Seen(0, ())


async def seen_by(house: House, parts: Sequence[DatasetPart]) -> Seen:
    """Return what of the map is seen by whoever reads a data set from now on."""
    systems = tuple(sorted({part.subject_source for part in parts if part.subject_source}))
    if not systems:
        return NO_LINKS
    async with house.store.read() as tx:
        return Seen(await tx.identity.version(), systems)


async def unlinked_since(tx: Transaction, seen: Seen) -> Bytes:
    """Return whose links of these systems ended since, (m, 26) ascending: rows may have been theirs by those alone."""
    if not seen.systems or await tx.identity.version() == seen.version:
        return np.empty((0, REF_BYTES), dtype=np.uint8)
    return await tx.identity.ended(seen.systems, seen.version)


@dataclass(slots=True)
class Linking:
    """The translation of one part of a data set, and what it could not translate.

    Attributes:
        house: ports.
        system: whose ids they are.
    """

    house: House
    system: str
    _unlinked: Rows = field(default_factory=Rows)
    _first: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    async def translate(self, ids: Sorter, fields: Fields, people: Sorter) -> None:
        """Move rows from one sort to another, with the person's reference in the place of the id's.

        Args:
            ids: rows that begin with the `ref` of an id, and are sorted by it: the map is read range by range.
            fields: of a row; where it has a `row`, the first unlinked ones are named.
            people: takes the rows of ids that are somebody's.
        """
        threads = self.house.limits.threads
        async with self.house.store.read() as tx:
            async for rows in ahead(in_turn(ids.pieces())):
                found, linked = await people_of(tx, self.system, fields.of(rows, "ref"), threads)
                if not linked.all():
                    self._leave_out(rows[~linked], fields)
                kept = np.ascontiguousarray(rows[linked])
                kept[:, fields["ref"]] = found[linked]
                await in_thread(people.add, kept)

    def _leave_out(self, rows: npt.NDArray[np.uint8], fields: Fields) -> None:
        if "row" in fields:
            # Of several match keys a row comes once for each.
            numbers = in_part(fields.number(rows, "row"))
            self._unlinked.add(numbers)
            self._first = np.unique(np.concatenate([self._first, numbers]))[: self.house.limits.rejected_rows_named]

    @property
    def rejected(self) -> dict[str, RejectedRows]:
        """The rows left out, by reason."""
        if not len(self._unlinked):
            return {}
        return {UNLINKED: RejectedRows(len(self._unlinked), tuple(int(number) for number in self._first))}


async def gather(
    house: House, part: DatasetPart, sorter: Callable[[], Sorter], rows: Iterator[Bytes], fields: Fields, people: Sorter
) -> Linking:
    """Move the rows of a part of a data set to a sort by person.

    Args:
        house: ports.
        part: whose.
        sorter: makes a sort of such rows by their `ref`; used where they are another system's ids, and closed.
        rows: of the part, in pieces.
        fields: of a row; `row`, where there is one, numbers rows within the data set.
        people: takes the rows of people.
    """
    linking = Linking(house, part.subject_source)
    if not part.subject_source:
        async for piece in ahead(in_turn(rows)):
            await in_thread(people.add, piece)
        return linking
    # Another system's ids are looked up in ranges of the map, hence in order.
    ids = sorter()
    try:
        async for piece in ahead(in_turn(rows)):
            await in_thread(ids.add, piece)
        await linking.translate(ids, fields, people)
    finally:
        await in_thread(ids.close)
    return linking
