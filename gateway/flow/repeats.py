"""Repeated rows of a person: equal ones fold into one, and people whose rows differ are left out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gateway.psi.fields import Fields
from gateway.route.cohort import RejectedRows
from gateway.route.subject_ref import as_keys

Bytes = npt.NDArray[np.uint8]

ROW_BITS = 40
"""Of the number of a row within its part; before them stands the part's number."""


class Rows:
    """Which rows of a part were met, a bit for each number of one: those of several lists are the same ones."""

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        """Begin before the first row."""
        self._seen = np.zeros(0, np.uint8)

    def add(self, numbers: npt.NDArray[np.int64]) -> None:
        """Take numbers of rows, within the part or the data set. Blocks."""
        places = numbers & ((1 << ROW_BITS) - 1)
        need = int(places.max(initial=0)) // 8 + 1
        if need > len(self._seen):
            self._seen = np.concatenate([self._seen, np.zeros(need - len(self._seen), np.uint8)])
        np.bitwise_or.at(self._seen, places >> 3, np.left_shift(1, places & 7).astype(np.uint8))

    def __len__(self) -> int:
        """How many they are."""
        return int(np.bitwise_count(self._seen).sum())


class Crowd:
    """Rows of one person of one source, more than fit the memory: what is kept of them is one row per list.

    Attributes:
        first: the first row of each list, by the list's number; of the only list by 0.
        rows: how many there are.
        differs: whether any contradicts another.
        named: their first numbers, ascending.
    """

    __slots__ = ("_fields", "_lists", "_named", "_seen", "differs", "first", "named", "rows")

    def __init__(self, fields: Fields, named: int, lists: bool) -> None:
        """Begin before the first row; arguments as those of `Repeats`."""
        self._fields, self._named, self._lists = fields, named, lists
        self._seen = Rows()
        self.first: dict[int, Bytes] = {}
        self.rows, self.differs = 0, False
        self.named = np.empty(0, np.int64)

    def add(self, rows: Bytes) -> None:
        """Take more rows of the person, (n, width). Blocks."""
        tag = self._fields["tag"]
        numbers = rows[:, tag.start] if self._lists else np.zeros(len(rows), np.uint8)
        for number in np.unique(numbers).tolist():
            of_list = rows[numbers == number]
            first = self.first.setdefault(number, of_list[0].copy())
            self.differs |= bool((of_list[:, tag] != first[tag]).any())
        anyone = next(iter(self.first.values()))
        self.differs |= bool((rows[:, tag.stop :] != anyone[tag.stop :]).any())
        self.rows += len(rows)
        places = self._fields.number(rows, "row")
        self.named = np.unique(np.concatenate([self.named, places]))[: self._named]
        if self._lists:
            self._seen.add(places)

    @property
    def sources(self) -> int:
        """How many rows of the source they come from."""
        return len(self._seen) if self._lists else self.rows


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

    def crowd(self) -> Crowd:
        """Return the place for the rows of a person that do not come in one call."""
        return Crowd(self._fields, self._named, self._lists)

    def fold_crowd(self, crowd: Crowd) -> Bytes:
        """Leave one row, (1, width); with lists one for each; none where they contradict each other.

        Args:
            crowd: all rows of a person.
        """
        if crowd.differs or not crowd.rows:
            self.conflicting += crowd.sources
            self._first = np.sort(np.concatenate([self._first, crowd.named]))[: self._named]
            return np.empty((0, self._fields.width), np.uint8)
        self.folded += crowd.rows - len(crowd.first)
        return np.stack([crowd.first[number] for number in sorted(crowd.first)])

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
