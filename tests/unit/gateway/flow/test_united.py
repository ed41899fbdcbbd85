"""Rows of one person in several sources against a naive reading of them."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.flow.united import MATCH_KEY, SEGMENT, United, numbered
from gateway.psi.fields import Fields
from gateway.route.agreement import Column, ColumnType
from gateway.route.cohort import RejectedRows
from gateway.route.subject_ref import REF_BYTES, Bytes

COLUMNS = tuple(Column(name, "x", ColumnType.BAND, None, None, 0, 1) for name in ("tier", "band"))
FIELDS = Fields(ref=REF_BYTES, row=8, tag=16, segment=4, plain=8)
PARTS = 3
Row = tuple[int, int, int, int, int, int]  # part, person, match key, segment, two values, 0 = none


def rows_of(rows: list[tuple[int, Row]]) -> Bytes:
    refs = b"".join(f"subject{row[1]:019}".encode() for _, row in rows)
    tags = b"".join(bytes(15) + bytes([row[2]]) for _, row in rows)
    slots = [
        [0, 6, *(byte for value in row[4:] for byte in ((1, 1, value) if value else (0, 0, 0)))] for _, row in rows
    ]
    return FIELDS.join(
        len(rows),
        ref=np.frombuffer(refs, np.uint8).reshape(-1, REF_BYTES),
        row=np.concatenate([np.empty(0, np.int64), *(numbered(np.array([number]), row[0]) for number, row in rows)]),
        tag=np.frombuffer(tags, np.uint8).reshape(-1, 16),
        segment=np.array([row[3] for _, row in rows], np.int64),
        plain=np.array(slots, np.uint8).reshape(-1, 8),
    )


few = st.sampled_from([1, 1, 1, 2])
drawn = st.tuples(
    st.integers(0, PARTS - 1), st.integers(0, 6), few, few, st.sampled_from([0, 1, 2]), st.sampled_from([0, 1])
)


@settings(max_examples=200)
@given(st.lists(drawn, max_size=40), st.integers(1, 4), st.integers(0, 3))
def test_the_first_source_that_has_a_value_settles(source: list[Row], people: int, named: int) -> None:
    of: dict[int, dict[int, list[tuple[int, Row]]]] = defaultdict(lambda: defaultdict(list))
    for number, row in enumerate(source, 1):
        of[row[1]][row[0]].append((number, row))
    conflicts: dict[int, list[int]] = defaultdict(list)
    expected: list[tuple[int, Row]] = []
    settled: Counter[str] = Counter()
    for _, parts in sorted(of.items()):
        voices = []
        for part, rows in sorted(parts.items()):
            if len({row for _, row in rows}) == 1:
                voices.append(rows[0])
            else:
                conflicts[part] += [number for number, _ in rows]
        if not voices:
            continue
        first, said = voices[0], list(voices[0][1])
        for place, name in ((2, MATCH_KEY), (3, SEGMENT), (4, "tier"), (5, "band")):
            known = [row[place] for _, row in voices if row[place]]
            said[place] = known[0] if known else 0
            settled[name] += len(set(known)) > 1
        expected.append((first[0], tuple(said)))  # type: ignore[arg-type]

    united = United(FIELDS, named, COLUMNS, PARTS)
    everybody = [[row for rows in parts.values() for row in rows] for _, parts in sorted(of.items())]
    pieces = [everybody[start : start + people] for start in range(0, len(everybody), people)]
    left = [united.fold(rows_of([row for rows in piece for row in rows])) for piece in pieces]

    assert b"".join(piece.tobytes() for piece in left) == rows_of(expected).tobytes()
    assert united.settled == +settled
    for part in range(PARTS):
        rows = sorted(conflicts[part])
        found = {"CONFLICTING_ROWS": RejectedRows(len(rows), tuple(rows[:named]))} if rows else {}
        assert united.rejected(part) == found
    assert len(expected) + united.folded + sum(map(len, conflicts.values())) == len(source)


@settings(max_examples=150)
@given(st.lists(drawn, max_size=40), st.integers(1, 3), st.sets(st.integers(0, 6)), st.sampled_from([1, PARTS]))
def test_people_who_come_in_several_pieces_fold_as_others(
    source: list[Row], piece_rows: int, crowds: set[int], parts: int
) -> None:
    """A crowd has pieces of its own; what is left and counted is what one call over everybody leaves and counts."""
    rows = sorted(
        ((number, (row[0] % parts, *row[1:])) for number, row in enumerate(source, 1)), key=lambda row: row[1][1]
    )
    everybody = rows_of(rows)  # type: ignore[arg-type]
    expected = United(FIELDS, 3, COLUMNS, parts)
    left = expected.fold(everybody)

    pieces, joined = list[Bytes](), list[Bytes]()
    for person in range(7):
        own = everybody[[row[1][1] == person for row in rows]]
        if person in crowds:
            pieces += [np.concatenate(joined)] if joined else []
            pieces += [own[at : at + piece_rows] for at in range(0, len(own), piece_rows)]
            joined = []
        elif len(own):
            joined.append(own)
    united = United(FIELDS, 3, COLUMNS, parts)
    found = list(united.people(iter([*pieces, np.concatenate(joined)] if joined else pieces)))
    assert b"".join(piece.tobytes() for piece in found) == left.tobytes()
    assert (united.folded, united.settled) == (expected.folded, expected.settled)
    assert [united.rejected(part) for part in range(parts)] == [expected.rejected(part) for part in range(parts)]


KEYS = 2
KeyRow = tuple[int, int, tuple[int, ...], int, int, int]  # part, person, match keys (0 = none), segment, two values

of_keys = st.tuples(
    st.integers(0, PARTS - 1),
    st.integers(0, 4),
    st.tuples(*[st.sampled_from([0, 1, 1, 2])] * KEYS).filter(any),
    few,
    st.sampled_from([0, 1, 2]),
    st.sampled_from([0, 1]),
)


def in_lists(rows: list[tuple[int, KeyRow]]) -> Bytes:
    """Return a row for each key of each row; the first byte of a tag is the number of its key."""
    lists = [
        (key, number, (part, person, keys[key], *rest))
        for number, (part, person, keys, *rest) in rows
        for key in range(KEYS)
        if keys[key]
    ]
    made = rows_of([(number, row) for _, number, row in lists])  # type: ignore[misc]
    made[:, FIELDS["tag"].start] = [key for key, _, _ in lists]
    return made


@settings(max_examples=200)
@given(st.lists(of_keys, max_size=30), st.integers(0, 3), st.sampled_from([1, PARTS]), st.booleans())
def test_of_each_match_key_the_first_source_that_has_it_settles(
    source: list[KeyRow], named: int, parts: int, crowds: bool
) -> None:
    numbered_rows = [(number, (row[0] % parts, *row[1:])) for number, row in enumerate(source, 1)]
    of: dict[int, dict[int, list[tuple[int, KeyRow]]]] = defaultdict(lambda: defaultdict(list))
    for number, row in numbered_rows:
        of[row[1]][row[0]].append((number, row))
    conflicts: dict[int, list[int]] = defaultdict(list)
    expected: dict[tuple[int, int], tuple[int, int, int, int]] = {}
    settled: Counter[str] = Counter()
    for person, told in sorted(of.items()):
        voices: list[KeyRow] = []
        for part, rows in sorted(told.items()):
            known = [{row[2][key] for _, row in rows} - {0} for key in range(KEYS)]
            if all(len(values) < 2 for values in known) and len({row[3:] for _, row in rows}) == 1:
                keys = tuple(max(values, default=0) for values in known)
                voices.append((part, person, keys, *rows[0][1][3:]))
            else:
                conflicts[part] += [number for number, _ in rows]
        if not voices:
            continue
        said = [next((voice[place] for voice in voices if voice[place]), 0) for place in (3, 4, 5)]
        for place, name in ((3, SEGMENT), (4, "tier"), (5, "band")):
            settled[name] += len({voice[place] for voice in voices} - {0}) > 1
        of_key = [[voice[2][key] for voice in voices if voice[2][key]] for key in range(KEYS)]
        settled[MATCH_KEY] += any(len(set(values)) > 1 for values in of_key)
        for key, values in enumerate(of_key):
            if values:
                expected[person, key] = (values[0], said[0], said[1], said[2])

    united = United(FIELDS, named, COLUMNS, parts, lists=True)
    by_person = [[row for rows in told.values() for row in rows] for _, told in sorted(of.items())]
    if crowds:  # everybody in pieces of two rows
        rows = [in_lists(rows) for rows in by_person]
        left = list(united.people(iter(one[at : at + 2] for one in rows for at in range(0, len(one), 2))))
    else:
        left = [united.fold(in_lists([row for rows in by_person for row in rows]))] if by_person else []
    found = np.concatenate([np.empty((0, FIELDS.width), np.uint8), *left])
    values = found[:, FIELDS["plain"]]
    assert {
        (int(bytes(row[:REF_BYTES])[7:]), int(tag[0])): (int(tag[15]), int(segment), int(plain[4]), int(plain[7]))
        for row, tag, segment, plain in zip(
            found, found[:, FIELDS["tag"]], FIELDS.number(found, "segment"), values, strict=True
        )
    } == expected
    assert len(found) == len(expected)
    people = [bytes(row[:REF_BYTES]) for row in found]
    assert people == sorted(people)
    assert united.settled == +settled
    for part in range(parts):
        rows_of_part = sorted(conflicts[part])
        rejected = {"CONFLICTING_ROWS": RejectedRows(len(rows_of_part), tuple(rows_of_part[:named]))}
        assert united.rejected(part) == (rejected if rows_of_part else {})
