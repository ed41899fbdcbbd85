"""Rows of a data set under another system's ids, made rows of people by the identity map, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gateway.flow.identity import people_of
from gateway.flow.pipeline import ahead, in_turn
from gateway.flow.ports import House, Sorter
from gateway.flow.threads import in_thread
from gateway.psi.fields import Fields
from gateway.route.cohort import RejectedRows

UNLINKED = "UNLINKED"
"""Why a row is left out whose id is nobody's."""


@dataclass(slots=True)
class Linking:
    """One translation, and what it could not translate.

    Attributes:
        house: ports.
        system: whose ids they are.
        unlinked: rows left out so far.
    """

    house: House
    system: str
    unlinked: int = 0
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
        self.unlinked += len(rows)
        if "row" in fields:
            numbers = np.concatenate([self._first, fields.number(rows, "row")])
            self._first = np.sort(numbers)[: self.house.limits.rejected_rows_named]

    @property
    def rejected(self) -> dict[str, RejectedRows]:
        """The rows left out, by reason."""
        if not self.unlinked:
            return {}
        return {UNLINKED: RejectedRows(self.unlinked, tuple(int(number) for number in self._first))}
