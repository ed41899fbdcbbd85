"""Rows per customer and key become customers with all their keys; a value of several customers is nobody's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from gateway.flow.source import TAG_BYTES
from gateway.flow.tuples import Bytes, Tuples, ascending_tags, beside, having, without_key
from gateway.psi.fields import Fields
from gateway.route.subject_ref import REF_BYTES

KEYS = 3
BY_KEY = Fields(tag=TAG_BYTES, ref=REF_BYTES, segment=4, plain=2)
MEMBER = Fields(tag=TAG_BYTES * KEYS, ref=REF_BYTES, segment=4, plain=2)


class Sorted:
    """A sort in memory, whose pieces end where a key does."""

    def __init__(self, key_bytes: int, most: int) -> None:
        self._key_bytes, self._most = key_bytes, most
        self._rows: list[Bytes] = []
        self.rows = 0

    def add(self, rows: Bytes) -> None:
        self._rows += list(rows)
        self.rows += len(rows)

    def pieces(self) -> Iterator[Bytes]:
        piece: list[Bytes] = []
        for row in sorted(self._rows, key=lambda row: bytes(row[: self._key_bytes])):
            ends = bool(piece) and bytes(piece[-1][: self._key_bytes]) != bytes(row[: self._key_bytes])
            if ends and len(piece) >= self._most:
                yield np.stack(piece)
                piece = []
            piece.append(row)
        if piece:
            yield np.stack(piece)

    def close(self) -> None:
        self._rows = []


def ref(person: int) -> bytes:
    return str(person).zfill(REF_BYTES).encode()


def tag(key: int, value: int) -> bytes:
    return bytes([key]) + bytes([value + 1]) * (TAG_BYTES - 1)


def as_array(*rows: bytes, width: int) -> Bytes:
    return np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(-1, width)


# Of each person a value per key, or none; segment and value follow from the person, who is let in or not.
people = st.lists(st.tuples(*[st.none() | st.integers(0, 9)] * KEYS, st.booleans()), max_size=12)


@given(people, st.integers(1, 4))
def test_a_customer_has_the_keys_that_are_its_own(table: list[tuple[int | None, ...]], most: int) -> None:
    by_key = Sorted(TAG_BYTES, most)
    for person, (*values, allowed) in enumerate(table):
        for key, value in enumerate(values):
            if value is not None:
                parts = tag(key, value), ref(person), bytes([0, 0, 0, person % 2, person, 7, bool(allowed)])
                by_key.add(as_array(*parts, width=BY_KEY.width + 1))
    made = Tuples(BY_KEY, MEMBER, Sorted(REF_BYTES, most))
    assert Tuples.width(BY_KEY) == REF_BYTES + BY_KEY.width + 1
    for piece in by_key.pieces():
        made.add(piece)

    times = Counter((key, value) for *values, _ in table for key, value in enumerate(values))
    own = [[value if times[key, value] == 1 else None for key, value in enumerate(values)] for *values, _ in table]
    assert made.shared.tolist() == [
        sum(bool(row[-1]) and row[key] is not None and times[key, row[key]] > 1 for row in table) for key in range(KEYS)
    ]
    expected = [
        (
            b"".join(bytes(TAG_BYTES) if value is None else tag(key, value) for key, value in enumerate(own[person])),
            ref(person),
            bytes([0, 0, 0, person % 2, person, 7, bool(row[-1])]),
        )
        for person, row in enumerate(table)
        if any(value is not None for value in row[:-1])
    ]
    for _ in range(2):
        found = [np.empty((0, MEMBER.width + 1), np.uint8), *made.pieces()]
        assert [bytes(row) for row in np.concatenate(found)] == [b"".join(parts) for parts in expected]
    rows = np.concatenate(found)
    known = [[value is not None for value in own[int(parts[1])]] for parts in expected]
    assert having(MEMBER.of(rows, "tag")).tolist() == known
    assert without_key(rows, MEMBER).tolist() == [not any(row) for row in known]

    # What is read again by the tags of all values comes back beside its customer, null where there is none.
    tags = ascending_tags(iter(found), MEMBER)
    assert [bytes(row) for row in tags] == sorted(bytes(row) for row in tags)
    values = pa.array([bytes(row) for row in tags], pa.large_binary())
    columns = beside(MEMBER.of(rows, "tag"), values)
    told = [[value for value in column.to_pylist()] for column in columns]
    assert told == [
        [None if own[int(parts[1])][key] is None else tag(key, own[int(parts[1])][key]) for parts in expected]  # type: ignore[arg-type]
        for key in range(KEYS)
    ]
