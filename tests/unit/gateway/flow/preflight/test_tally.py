"""People and values whose rows fill several pieces of a sort are counted as if they came in one."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.flow.preflight.tally import People, Values
from gateway.flow.united import numbered
from gateway.psi.fields import Fields
from gateway.route.subject_ref import REF_BYTES, Bytes

TAG, KEYS = 4, 2
FIELDS = Fields(ref=REF_BYTES, row=8, tags=TAG * KEYS)
Row = tuple[int, int, int, int]  # person, part, two match keys, 0 = none


def rows_of(rows: list[Row]) -> Bytes:
    refs = b"".join(f"subject{person:019}".encode() for person, *_ in rows)
    tags = [[0, 0, 0, key] for _, _, *keys in rows for key in keys]
    return FIELDS.join(
        len(rows),
        ref=np.frombuffer(refs, np.uint8).reshape(-1, REF_BYTES),
        row=np.concatenate([numbered(np.array([number]), row[1]) for number, row in enumerate(rows, 1)]),
        tags=np.array(tags, np.uint8).reshape(-1, TAG * KEYS),
    )


few = st.sampled_from([0, 1, 1, 1, 2])


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1), few, few), min_size=1, max_size=30),
    st.integers(2, 4),
    st.sets(st.integers(0, 4)),
)
def test_a_person_in_several_pieces_counts_as_one_in_one(source: list[Row], cut: int, crowds: set[int]) -> None:
    rows = sorted(source, key=lambda row: row[:2])  # part by part, as they are added
    whole = People(FIELDS, KEYS, TAG, ())
    refs, tags = whole.count(rows_of(rows))

    pieces = list[Bytes]()
    for person in range(5):
        own = rows_of(rows)[[row[0] == person for row in rows]]
        size = cut if person in crowds else max(len(own), 1)
        pieces += [own[at : at + size] for at in range(0, len(own), size)]
    people = People(FIELDS, KEYS, TAG, ())
    counted = [people.count(piece) for piece in people.together(iter(pieces))]
    assert b"".join(found.tobytes() for found, _ in counted) == refs.tobytes()
    for key in range(KEYS):
        assert b"".join(found[key].tobytes() for _, found in counted) == tags[key].tobytes()
    assert (people.subjects, people.repeated, people.conflicting) == (
        whole.subjects,
        whole.repeated,
        whole.conflicting,
    )


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(2, 4))
def test_a_value_in_several_pieces_counts_as_one_in_one(customers: list[int], cut: int) -> None:
    tags = [np.full((count, TAG), value, np.uint8) for value, count in enumerate(customers)]
    whole, parted = Values(), Values()
    whole.count(np.concatenate(tags))
    for own in tags:
        # No piece of a divided value has a single row.
        ends = [*range(cut, len(own) - 1, cut), len(own)]
        for begin, end in zip([0, *ends], ends, strict=False):
            parted.count(own[begin:end])
    assert parted == whole
