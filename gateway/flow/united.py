"""People of a data set whose rows come from several sources: what they say of a person becomes one row.

Within a source equal rows fold and rows that differ are left out, as where there is one. Between sources their order
settles: of every match key, segment and every column the first source counts that has a value, and the people are
counted of whom a later one says otherwise. With several match keys a person has a row for each, alike but for the key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from gateway.flow.repeats import ROW_BITS, Crowd, Repeats
from gateway.psi.attributes import slots
from gateway.psi.fields import Fields
from gateway.route.agreement import Column
from gateway.route.cohort import RejectedRows
from gateway.route.subject_ref import REF_BYTES, as_keys

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]
Places = npt.NDArray[np.intp]

MATCH_KEY, SEGMENT = "match_key", "segment"


def numbered(rows: Numbers, part: int) -> Numbers:
    """Return numbers of rows in a data set from those within one of its parts."""
    return rows + (part << ROW_BITS)


def in_part(numbers: Numbers) -> Numbers:
    """Return numbers of rows within their parts."""
    return numbers & ((1 << ROW_BITS) - 1)


class United:
    """What was found so far of people with rows in one source or more.

    Attributes:
        settled: people of whom sources say different things, by `match_key` (any of several), `segment` and name of a
            column.
    """

    __slots__ = ("_columns", "_fields", "_joined", "_lists", "_repeats", "settled")

    def __init__(
        self, fields: Fields, named: int, columns: tuple[Column, ...], parts: int, lists: bool = False
    ) -> None:
        """Begin before the first person.

        Args:
            fields: of a row: `ref`, and behind it `row`; then `tag`, `segment` and `plain` as there are.
            named: how many numbers of rows are kept per part.
            columns: in `plain`.
            parts: sources of the data set.
            lists: rows of one person may stand in several lists, see `Repeats`.
        """
        self._fields, self._columns, self._lists = fields, columns, lists
        self._repeats = tuple(Repeats(fields, named, lists) for _ in range(parts))
        self._joined = 0
        self.settled: Counter[str] = Counter()

    def people(self, pieces: Iterator[Bytes]) -> Iterator[Bytes]:
        """Leave one row per person, and list where there are several, of a sort by reference. Blocks.

        Args:
            pieces: of a `Sorter`: all rows of a person in one, or in several that hold nothing else.

        Yields:
            (m, width), ascending over all of them.
        """
        crowds: tuple[Crowd, ...] | None = None
        of = b""
        for rows in pieces:
            first, last = (bytes(rows[row, :REF_BYTES]) for row in (0, -1))
            if crowds is not None and first != of:
                yield self._fold_crowds(crowds)
                crowds = None
            if first != last:
                yield self.fold(rows)
                continue
            of, crowds = first, crowds or tuple(one.crowd() for one in self._repeats)
            part = self._fields.number(rows, "row") >> ROW_BITS
            for number, crowd in enumerate(crowds):
                if len(of_part := rows[part == number]):
                    crowd.add(of_part)
        if crowds is not None:
            yield self._fold_crowds(crowds)

    def _fold_crowds(self, crowds: tuple[Crowd, ...]) -> Bytes:
        left = np.concatenate([one.fold_crowd(crowd) for one, crowd in zip(self._repeats, crowds, strict=True)])
        if len(crowds) == 1:
            return left
        one_each = self._one_each(left)
        self._joined += len(left) - len(one_each)
        return one_each

    def fold(self, rows: Bytes) -> Bytes:
        """Leave one row per person, and list where there are several. Blocks.

        Args:
            rows: (n, width), ascending by reference; all rows of a person are in one call.

        Returns:
            (m, width), ascending.
        """
        if len(self._repeats) == 1:
            return self._repeats[0].fold(rows)
        part = self._fields.number(rows, "row") >> ROW_BITS
        of_parts = np.concatenate([one.fold(rows[part == number]) for number, one in enumerate(self._repeats)])
        # Ascending by reference, and the parts of a person in order: the sort leaves equal ones as they are.
        left = self._one_each(of_parts[np.argsort(as_keys(of_parts[:, :REF_BYTES]), kind="stable")])
        self._joined += len(of_parts) - len(left)
        return left

    @property
    def folded(self) -> int:
        """Rows that became part of another one of their person."""
        return self._joined + sum(one.folded for one in self._repeats)

    def rejected(self, part: int) -> dict[str, RejectedRows]:
        """Return the rows of a part that contradict others of it, and their first numbers."""
        found = self._repeats[part].rejected
        return {
            reason: RejectedRows(rows.count, tuple(row - (part << ROW_BITS) for row in rows.first_rows))
            for reason, rows in found.items()
        }

    def _one_each(self, rows: Bytes) -> Bytes:
        """Make one row, or one per list, of those that sources have of a person.

        Args:
            rows: (n, width) ascending by reference and part; those of a person and part are alike but for their list.
        """
        begins = _begins(rows)
        starts = np.flatnonzero(begins)
        if len(starts) == len(rows):
            return rows
        person = np.cumsum(begins) - 1
        said, contested = self._settle(rows, starts, person), np.zeros(len(starts), dtype=bool)
        first = begins
        if self._lists:
            # Of a list the first part that stands in it counts: the sort leaves the parts of a list in order.
            lists = rows[:, self._fields["tag"].start]
            order = np.lexsort((lists, person))
            rows, person, lists = rows[order], person[order], lists[order]
            first = begins.copy()
            first[1:] |= lists[1:] != lists[:-1]
        tags = rows[:, self._fields["tag"]]
        contested[person[(tags != tags[first][np.cumsum(first) - 1]).any(axis=1)]] = True
        self._count(MATCH_KEY, contested)
        left = np.ascontiguousarray(rows[first])
        beside = slice(self._fields["tag"].stop, self._fields.width)
        left[:, beside] = said[person[first]][:, beside]
        return left

    def _settle(self, rows: Bytes, starts: Places, person: Places) -> Bytes:
        """Return the first row of each person, with what parts say beside the match key; count who is contested."""
        part = self._fields.number(rows, "row") >> ROW_BITS
        left = np.ascontiguousarray(rows[starts])
        # Rows of a person in one part say the same.
        tells = np.ones(len(rows), dtype=bool)
        tells[1:] = (person[1:] != person[:-1]) | (part[1:] != part[:-1])
        told, of = np.flatnonzero(tells), person[tells]
        rank = np.arange(len(told)) - np.searchsorted(of, of)
        differ = {name: np.zeros(len(left), dtype=bool) for name in self._said}
        for later in range(1, int(rank.max()) + 1):
            said = told[rank == later]
            who = person[said]
            for name, place in self._said.items():
                here, there = left[who, place], rows[said, place]
                # Of segments there is no absent one; a column's first byte says whether it has a value.
                known = here[:, 0] != 0 if name != SEGMENT else np.ones(len(who), dtype=bool)
                known_there = there[:, 0] != 0 if name != SEGMENT else known
                differ[name][who] |= known & known_there & (here != there).any(axis=1)
                new = ~known & known_there
                left[who[new], place] = there[new]
        for name, people in differ.items():
            self._count(name, people)
        return left

    def _count(self, name: str, people: npt.NDArray[np.bool_]) -> None:
        if people.any():
            self.settled[name] += int(people.sum())

    @property
    def _said(self) -> Mapping[str, slice]:
        """Where a row holds what sources may differ in beside its match key."""
        found = {SEGMENT: self._fields["segment"]} if "segment" in self._fields else {}
        if "plain" in self._fields:
            start = self._fields["plain"].start
            for name, place in slots(self._columns).items():
                found[name] = slice(start + place.start, start + place.stop)
        return found


def _begins(rows: Bytes) -> npt.NDArray[np.bool_]:
    refs = as_keys(np.ascontiguousarray(rows[:, :REF_BYTES]))
    begins = np.ones(len(rows), dtype=bool)
    begins[1:] = refs[1:] != refs[:-1]
    return begins


__all__ = ["MATCH_KEY", "SEGMENT", "United", "in_part", "numbered"]
