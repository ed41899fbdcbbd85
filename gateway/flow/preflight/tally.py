"""What is counted of people and of match-key values while a data set is looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from consent.evaluate import Use
from consent.registry import Registry
from gateway.flow.gate import judge_all
from gateway.flow.ports import Transaction
from gateway.flow.preflight.asked import AskedUse
from gateway.flow.repeats import ROW_BITS
from gateway.psi.fields import Fields
from gateway.route.agreement import Operation
from gateway.route.job import Side
from gateway.route.subject_ref import REF_BYTES, as_keys

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class CheckedUse:
    """How far consent reaches among the customers of a data set, for one kind of run."""

    operation: Operation
    side: Side
    purpose: str
    eligible: int
    denied: Mapping[str, int]


@dataclass(slots=True)
class Values:
    """Values of one match key, by how many customers have each.

    Attributes:
        different: values.
        shared: of them, those that several customers have.
        sharing: customers who have one of those.
        most: customers who have the commonest one.
    """

    different: int = 0
    shared: int = 0
    sharing: int = 0
    most: int = 0
    _last: bytes = field(default=b"", repr=False, compare=False)
    _of_last: int = field(default=0, repr=False, compare=False)

    def count(self, tags: Bytes) -> None:
        """Count a piece of a sort.

        Args:
            tags: (n, width) ascending, one per customer and value; equal ones come in one piece, or alone in several
                of two rows at least.
        """
        if not len(tags):
            return
        begins = np.flatnonzero(np.append(True, (tags[1:] != tags[:-1]).any(axis=1)))
        customers = np.diff(np.append(begins, len(tags)))
        before = self._of_last if tags[0].tobytes() == self._last else 0
        self.different += len(begins) - bool(before)
        self.shared += int((customers > 1).sum()) - bool(before)
        self.sharing += int(customers[customers > 1].sum())
        customers[0] += before
        self.most = max(self.most, int(customers.max()))
        self._last, self._of_last = tags[-1].tobytes(), int(customers[-1])


@dataclass(slots=True)
class _Judged:
    eligible: int = 0
    denied: Counter[str] = field(default_factory=Counter)


class People:
    """People of a data set, as their rows come together.

    Attributes:
        subjects: different people.
        repeated: rows beyond the first of each.
        conflicting: people whose rows of one source say different things.
    """

    def __init__(self, fields: Fields, keys: int, tag_bytes: int, uses: Sequence[AskedUse]) -> None:
        """Begin before the first person.

        Args:
            fields: of a row: `ref`, `row`, and `tags` of all match keys.
            keys: how many.
            tag_bytes: of one tag; zeros where a row has no such key.
            uses: what is asked about everybody.
        """
        self._fields, self._keys, self._tag_bytes, self._asked = fields, keys, tag_bytes, uses
        # Several kinds of run may ask the same: it is judged once.
        self._judged: dict[tuple[Use, ...], _Judged] = {use.gates: _Judged() for use in uses}
        self.subjects = self.repeated = self.conflicting = 0

    def together(self, pieces: Iterator[Bytes]) -> Iterator[Bytes]:
        """Yield pieces of a sort by reference in which all rows of a person are together. Blocks.

        Args:
            pieces: all rows of a person in one, or alone in several; of such a person those rows are left that tell
                the first value of each key and source, and the first that differs from it.
        """
        crowd: Bytes | None = None
        for rows in pieces:
            if crowd is not None and (crowd[0, :REF_BYTES] != rows[0, :REF_BYTES]).any():
                yield crowd
                crowd = None
            if (rows[0, :REF_BYTES] != rows[-1, :REF_BYTES]).any():
                yield rows
                continue
            own = rows if crowd is None else np.concatenate([crowd, rows])
            crowd = np.ascontiguousarray(own[self._telling(own)])
            self.repeated += len(own) - len(crowd)
        if crowd is not None:
            yield crowd

    def _telling(self, rows: Bytes) -> list[int]:
        """Return the places of rows of one person without which `count` would find something else."""
        told, parts = {0}, self._fields.number(rows, "row") >> ROW_BITS
        for number in range(self._keys):
            tags = self._tags(rows, number)
            for part in np.unique(parts):
                has = np.flatnonzero(tags.any(axis=1) & (parts == part))
                told.update(has[:1].tolist())
                told.update(has[(tags[has] != tags[has[:1]]).any(axis=1)][:1].tolist())
        return sorted(told)

    def count(self, rows: Bytes) -> tuple[Bytes, list[Bytes]]:
        """Count a piece. Blocks.

        Args:
            rows: (n, width), ascending by reference; all rows of a person are in one piece, those of a source together.

        Returns:
            The (m, 26) references of those whose rows agree, ascending, each once; and per match key the tags of
            everybody, each person's value once.
        """
        refs = as_keys(self._fields.of(rows, "ref"))
        begins = np.append(True, refs[1:] != refs[:-1])[: len(rows)]
        person = np.cumsum(begins) - 1
        people = int(begins.sum())
        self.subjects += people
        self.repeated += len(rows) - people
        part = self._fields.number(rows, "row") >> ROW_BITS
        conflict = np.zeros(people, dtype=bool)
        tags = []
        for number in range(self._keys):
            own = self._tags(rows, number)
            has = np.flatnonzero(own.any(axis=1))
            of, mine = person[has], own[has]
            # Rows of a person come part by part, as they were added.
            group = np.append(True, (of[1:] != of[:-1]) | (part[has][1:] != part[has][:-1]))[: len(has)]
            first = np.flatnonzero(group)[np.cumsum(group) - 1] if len(has) else has
            conflict[of[(mine != mine[first]).any(axis=1)]] = True
            # Of several sources the first that has a value counts.
            tags.append(np.ascontiguousarray(mine[np.append(True, of[1:] != of[:-1])[: len(has)]]))
        self.conflicting += int(conflict.sum())
        return np.ascontiguousarray(self._fields.of(rows, "ref")[begins][~conflict]), tags

    async def judge(self, tx: Transaction, registry: Registry, refs: Bytes, at: datetime) -> None:
        """Ask about consent of a piece of people, by the gate that runs ask."""
        for gates, judged in self._judged.items():
            verdict = await judge_all(tx, registry, gates, refs, at)
            judged.eligible += int(verdict.allowed.sum())
            judged.denied.update(verdict.denied)

    @property
    def uses(self) -> tuple[CheckedUse, ...]:
        """What was asked about everybody, answered."""
        return tuple(
            CheckedUse(
                use.operation,
                use.side,
                use.purpose,
                self._judged[use.gates].eligible,
                dict(self._judged[use.gates].denied.most_common()),
            )
            for use in self._asked
        )

    def _tags(self, rows: Bytes, number: int) -> Bytes:
        begin = self._fields["tags"].start + number * self._tag_bytes
        return np.ascontiguousarray(rows[:, begin : begin + self._tag_bytes])


def added_up(counts: Sequence[Mapping[str, int]]) -> list[tuple[str, int]]:
    """Add counts of several sources up, the commonest first."""
    return sum((Counter(one) for one in counts), Counter[str]()).most_common()
