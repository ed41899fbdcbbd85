"""Repeated rows of a person: equal ones fold into one, and people whose rows differ are left out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gateway.psi.fields import Fields
from gateway.route.cohort import RejectedRows
from gateway.route.subject_ref import as_keys

Bytes = npt.NDArray[np.uint8]


class Repeats:
    """What was found of them so far.

    Attributes:
        folded: rows that only repeated another one of their person.
        conflicting: rows of people whose rows differ.
    """

    __slots__ = ("_fields", "_first", "_named", "conflicting", "folded")

    def __init__(self, fields: Fields, named: int) -> None:
        """Begin before the first person.

        Args:
            fields: of a row: `ref`, `row`, and what rows of one person must agree in from `tag` on.
            named: how many numbers of conflicting rows are kept.
        """
        self._fields = fields
        self._named = named
        self._first = np.empty(0, np.int64)
        self.folded = 0
        self.conflicting = 0

    def fold(self, rows: Bytes) -> Bytes:
        """Leave one row per person, the first. Blocks.

        Args:
            rows: (n, width), ascending by reference; all rows of a person are in one call.

        Returns:
            (m, width), ascending.
        """
        refs = as_keys(self._fields.of(rows, "ref"))
        begins = np.ones(len(rows), dtype=bool)
        begins[1:] = refs[1:] != refs[:-1]
        if begins.all():
            return rows
        starts, person = np.flatnonzero(begins), np.cumsum(begins) - 1
        content = rows[:, self._fields["tag"].start :]
        differs = (content != content[starts][person]).any(axis=1)
        conflict = np.zeros(len(starts), dtype=bool)
        conflict[person[differs]] = True
        conflicting = conflict[person]
        self.conflicting += int(conflicting.sum())
        self.folded += len(rows) - len(starts) - int(conflicting.sum()) + int(conflict.sum())
        numbers = np.concatenate([self._first, self._fields.number(rows[conflicting], "row")])
        self._first = np.sort(numbers)[: self._named]
        return np.ascontiguousarray(rows[starts[~conflict]])

    @property
    def rejected(self) -> dict[str, RejectedRows]:
        """The conflicting rows and their first numbers, ascending; empty where there are none."""
        first = tuple(int(row) for row in self._first)
        return {"CONFLICTING_ROWS": RejectedRows(self.conflicting, first)} if self.conflicting else {}
