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

    __slots__ = ("_fields", "_first", "_lists", "_named", "conflicting", "folded")

    def __init__(self, fields: Fields, named: int, lists: bool = False) -> None:
        """Begin before the first person.

        Args:
            fields: of a row: `ref`, `row`, and what rows of one person must agree in from `tag` on.
            named: how many numbers of conflicting rows are kept.
            lists: rows of one person may stand in several lists, told by the first byte of the tag; they must agree
                in the tag within a list, in all else over all of them.
        """
        self._lists = lists
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
            (m, width), ascending; with lists one row per person and list.
        """
        refs = as_keys(self._fields.of(rows, "ref"))
        begins = np.ones(len(rows), dtype=bool)
        begins[1:] = refs[1:] != refs[:-1]
        if begins.all():
            return rows
        starts, person = np.flatnonzero(begins), np.cumsum(begins) - 1
        if self._lists:
            return self._fold_lists(rows, starts, person)
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

    def _fold_lists(self, rows: Bytes, people: npt.NDArray[np.int64], person: npt.NDArray[np.int64]) -> Bytes:
        """Leave one row per person and list."""
        tag = self._fields["tag"]
        order = np.lexsort((rows[:, tag.start], person))
        rows, numbers = rows[order], rows[order, tag.start]
        begins = np.ones(len(rows), dtype=bool)
        begins[1:] = (person[1:] != person[:-1]) | (numbers[1:] != numbers[:-1])
        starts, group = np.flatnonzero(begins), np.cumsum(begins) - 1
        differs = (rows[:, tag] != rows[starts][group][:, tag]).any(axis=1)
        rest = rows[:, tag.stop :]
        differs |= (rest != rest[people][person]).any(axis=1)
        conflict = np.zeros(len(people), dtype=bool)
        conflict[person[differs]] = True
        conflicting = conflict[person]
        sources = np.unique(self._fields.number(rows[conflicting], "row"))
        self.conflicting += len(sources)
        self.folded += int((~begins & ~conflicting).sum())
        self._first = np.sort(np.concatenate([self._first, sources]))[: self._named]
        return np.ascontiguousarray(rows[starts[~conflict[person[starts]]]])

    @property
    def rejected(self) -> dict[str, RejectedRows]:
        """The conflicting rows and their first numbers, ascending; empty where there are none."""
        first = tuple(int(row) for row in self._first)
        return {"CONFLICTING_ROWS": RejectedRows(self.conflicting, first)} if self.conflicting else {}
