"""Rows of one person against a naive reading of them."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.flow.repeats import Repeats
from gateway.psi.fields import Fields
from gateway.route.cohort import RejectedRows
from gateway.route.subject_ref import REF_BYTES, Bytes

FIELDS = Fields(ref=REF_BYTES, row=8, tag=16, segment=4, plain=3)
Row = tuple[int, int, int, int]  # person, match key, segment, value


def rows_of(rows: list[tuple[int, Row]]) -> Bytes:
    """Numbered rows as they come from the sort."""
    refs = b"".join(f"subject{person:019}".encode() for _, (person, *_) in rows)
    tags = b"".join(bytes(15) + bytes([key]) for _, (_, key, *_) in rows)
    return FIELDS.join(
        len(rows),
        ref=np.frombuffer(refs, np.uint8).reshape(-1, REF_BYTES),
        row=np.array([number for number, _ in rows], np.int64),
        tag=np.frombuffer(tags, np.uint8).reshape(-1, 16),
        segment=np.array([row[2] for _, row in rows], np.int64),
        plain=np.array([[0, 0, row[3]] for _, row in rows], np.uint8).reshape(-1, 3),
    )


drawn = st.tuples(st.integers(0, 9), *[st.sampled_from([0, 0, 0, 1])] * 3)


@settings(max_examples=200)
@given(st.lists(drawn, max_size=40), st.integers(1, 4), st.integers(0, 5))
def test_folding_agrees_with_the_naive_reading(source: list[Row], people: int, named: int) -> None:
    of: dict[int, list[tuple[int, Row]]] = defaultdict(list)
    for number, row in enumerate(source, 1):
        of[row[0]].append((number, row))
    agreeing = [rows for _, rows in sorted(of.items()) if len({row for _, row in rows}) == 1]
    conflicts = sorted(number for rows in of.values() if rows not in agreeing for number, _ in rows)

    repeats = Repeats(FIELDS, named)
    everybody = [rows for _, rows in sorted(of.items())]
    pieces = [everybody[start : start + people] for start in range(0, len(everybody), people)]
    left = [repeats.fold(rows_of([row for rows in piece for row in rows])) for piece in pieces]

    expected = rows_of([rows[0] for rows in agreeing])
    assert b"".join(piece.tobytes() for piece in left) == expected.tobytes()
    assert all(piece.flags.c_contiguous for piece in left)
    assert repeats.folded == sum(len(rows) - 1 for rows in agreeing)
    found = {"CONFLICTING_ROWS": RejectedRows(len(conflicts), tuple(conflicts[:named]))} if conflicts else {}
    assert repeats.rejected == found
    assert sum(map(len, left)) + repeats.folded + repeats.conflicting == len(source)


def test_every_part_of_a_row_may_conflict() -> None:
    for other in ((1, 1, 0, 0), (1, 0, 1, 0), (1, 0, 0, 1)):
        repeats = Repeats(FIELDS, 9)
        left = repeats.fold(rows_of([(7, (0, 0, 0, 0)), (3, (1, 0, 0, 0)), (5, other), (6, (1, 0, 0, 0))]))
        assert left.tobytes() == rows_of([(7, (0, 0, 0, 0))]).tobytes()
        assert (repeats.folded, repeats.rejected) == (0, {"CONFLICTING_ROWS": RejectedRows(3, (3, 5, 6))})


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2), *[st.sampled_from([0, 0, 0, 1])] * 2), max_size=30))
def test_rows_in_several_lists_fold_in_each_and_conflict_over_all(source: list[Row]) -> None:
    """Here: person, list, match key, value. One row per person and list; a person in any conflict is in no list."""
    rows = [(number, (person, key, 0, value)) for number, (person, _, key, value) in enumerate(source, 1)]
    order = sorted(range(len(rows)), key=lambda at: source[at][0])  # the sort leaves equal references as they came
    made = rows_of([rows[at] for at in order])
    made[:, FIELDS["tag"].start] = [source[at][1] for at in order]
    repeats = Repeats(FIELDS, 9, lists=True)
    left = repeats.fold(made)

    clean = {
        person
        for person in {row[0] for row in source}
        if len({row[3] for row in source if row[0] == person}) == 1
        and all(len({row[2] for row in source if row[:2] == (person, number)}) <= 1 for number in range(3))
    }
    expected = sorted({row[:2] for row in source if row[0] in clean})
    people = [int(bytes(ref)[7:]) for ref in FIELDS.of(left, "ref")]
    assert list(zip(people, left[:, FIELDS["tag"].start].tolist(), strict=True)) == expected
    firsts = {row[:2]: number for number, row in reversed([*enumerate(source, 1)])}
    assert FIELDS.number(left, "row").tolist() == [firsts[found] for found in expected]
    conflicts = [number for number, row in enumerate(source, 1) if row[0] not in clean]
    assert repeats.conflicting == len(conflicts)
    assert repeats.rejected.get("CONFLICTING_ROWS", RejectedRows(0, ())).first_rows == tuple(conflicts[:9])
    assert len(left) + repeats.folded + repeats.conflicting == len(source)


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 2), *[st.sampled_from([0, 0, 0, 0, 0, 1])] * 2), min_size=1),
    st.integers(1, 5),
)
def test_a_crowd_in_several_lists_folds_as_in_one_call(source: list[tuple[int, int, int, int]], cut: int) -> None:
    """Here: number of the row, list, match key, value; one row of the source may stand in several lists."""
    made = rows_of([(number, (0, key, 0, value)) for number, _, key, value in source])
    made[:, FIELDS["tag"].start] = [number for _, number, _, _ in source]
    expected, repeats = Repeats(FIELDS, 4, lists=True), Repeats(FIELDS, 4, lists=True)
    left, crowd = expected.fold(made), repeats.crowd()
    for start in range(0, len(made), cut):
        crowd.add(made[start : start + cut])
    if len(made) > 1:  # one call leaves a single row without a look
        assert repeats.fold_crowd(crowd).tobytes() == left.tobytes()
        assert (repeats.folded, repeats.rejected) == (expected.folded, expected.rejected)
