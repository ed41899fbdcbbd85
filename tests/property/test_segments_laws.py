"""Laws of the grouped intersection: what R finds is what lies in both, whatever is hidden around it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import kernel
from gateway.errors import HostileInput
from gateway.flow.figures import read_counts, read_shared, write_counts, write_shared
from gateway.psi import segments as psi
from gateway.psi.stages import COUNT_BYTES, SUM_BYTES, Grouped, grouped_stages
from gateway.route.session import AggregateStage

SESSION = bytes(range(32))


def people(names: list[int]) -> pa.LargeBinaryArray:
    return kernel.oprf_inputs("phone.e164", pa.array([str(name) for name in names], pa.string()))


@st.composite
def arms_and_list(draw: st.DrawFn) -> tuple[list[list[int]], list[int], list[bool], int, list[int]]:
    """Disjoint segments, S's people, who of them stayed, t, and tau per segment."""
    persons = draw(st.lists(st.integers(0, 60), unique=True, max_size=24))
    groups = draw(st.integers(1, 4))
    arms: list[list[int]] = [[] for _ in range(groups)]
    for person in persons:
        arms[draw(st.integers(0, groups - 1))].append(person)
    theirs = draw(st.lists(st.integers(0, 60), unique=True, max_size=24))
    kept = draw(st.lists(st.booleans(), min_size=len(theirs), max_size=len(theirs)))
    t = draw(st.integers(0, 3))
    tau = draw(st.lists(st.integers(0, 2 * t), min_size=groups, max_size=groups))
    return arms, theirs, kept, t, tau


@settings(max_examples=40)
@given(arms_and_list(), st.data())
def test_the_count_of_a_segment_is_who_lies_in_both_and_the_dummies_that_match(
    case: tuple[list[list[int]], list[int], list[bool], int, list[int]], data: st.DataObject
) -> None:
    arms, theirs, kept, t, tau = case
    dummies = [psi.dummy_inputs(SESSION, segment, t) for segment in range(len(arms))]
    rows, a, k = [len(arm) for arm in arms], kernel.Scalar.random(), kernel.Scalar.random()
    lengths = [count + 2 * t for count in rows]
    blinded = psi.blinded(people([one for arm in arms for one in arm]), rows, dummies, a, 1)
    psi.check_lists(AggregateStage.BLINDED, blinded, lengths)
    psi.check_repeats(AggregateStage.BLINDED, blinded)
    evaluated = psi.evaluated(blinded, lengths, k, 1)
    psi.check_lists(AggregateStage.EVALUATED, evaluated, lengths)
    psi.check_repeats(AggregateStage.EVALUATED, evaluated)
    listed = psi.sender_list(kernel.blind(people(theirs), k, 1), np.array(kept, dtype=bool), dummies, tau, k, 1)
    # As long, and as clean, whatever was kept or hidden.
    assert len(listed.elements) == len(theirs) + 2 * t * len(arms)
    psi.check_lists(AggregateStage.SENDER_ELEMENTS, listed.elements, [len(listed.elements)])
    psi.check_elements(AggregateStage.SENDER_ELEMENTS, listed.elements, 1)
    drops = (
        data.draw(st.lists(st.sampled_from(range(len(listed.elements))), unique=True)) if len(listed.elements) else []
    )
    dropped = np.array(drops, dtype=np.int64)
    matched = psi.matched(rows, lengths, evaluated, a.inverse(), listed.elements, dropped, 1)

    lost = {int(listed.source[place]) for place in drops} - {-1}
    stayed = {person for at, person in enumerate(theirs) if kept[at] and at not in lost}
    found = psi.found(matched)
    # Dummies that a late drop named by accident are gone too: rows of nobody are not told apart.
    hidden = sum(1 for place in drops if listed.source[place] < 0)
    exact = [len(stayed & set(arm)) for arm in arms]
    assert all(one <= real + more for one, real, more in zip(found, exact, tau, strict=True))
    assert sum(found) >= sum(exact) + sum(tau) - hidden
    if not drops:
        assert found == [real + more for real, more in zip(exact, tau, strict=True)]
    for place in np.flatnonzero(matched.segment_of >= 0):
        if listed.source[place] >= 0:
            assert theirs[int(listed.source[place])] in arms[int(matched.segment_of[place])]


counts = st.integers(-(2**40), 2**40)


@given(st.lists(st.tuples(counts, st.booleans()), max_size=12), st.integers(0, 600))
def test_counts_come_back_and_padding_is_zeros(entries: list[tuple[int, bool]], padding: int) -> None:
    told, withheld = [count for count, _ in entries], [hidden for _, hidden in entries]
    encoded = write_counts(told, withheld)
    assert len(encoded) == COUNT_BYTES * len(entries)
    assert read_counts(encoded + bytes(padding), len(entries)) == (told, withheld)


@given(
    st.lists(
        st.tuples(counts, st.none() | st.lists(st.integers(-(2**127), 2**127 - 1), min_size=3, max_size=3)),
        min_size=1,
        max_size=6,
    )
)
def test_shared_sums_come_back_and_a_withheld_segment_is_all_zeros(entries: list[tuple[int, list[int] | None]]) -> None:
    encoded = write_shared([count for count, _ in entries], [sums for _, sums in entries], 3)
    width = COUNT_BYTES + 3 * SUM_BYTES
    assert len(encoded) == width * len(entries)
    for place, (count, sums) in enumerate(entries):
        record = encoded[place * width : (place + 1) * width]
        assert read_shared(record, 3) == ((0, None) if sums is None else (count, tuple(sums)))
        if sums is None:
            assert not any(record[1:])


@given(
    st.lists(st.integers(0, 1000), min_size=1, max_size=20),
    st.integers(0, 1000),
    st.integers(0, 120),
    st.tuples(st.booleans(), st.booleans()).filter(any),
    st.integers(0, 8),
    st.integers(0, 3),
)
def test_sizes_tell_nothing_but_the_opening_record(
    rows: list[int], sender: int, t: int, told: tuple[bool, bool], lanes: int, ciphertexts: int
) -> None:
    made = Grouped(t, "LAPLACE", "LAPLACE", *told, "s", "l", lanes, ciphertexts, 512, 2304 if ciphertexts else 0)
    sizes = {size.stage: size for size in grouped_stages(tuple(rows), sender, made)}
    assert sizes[AggregateStage.BLINDED].rows == sum(rows) + 2 * t * len(rows)
    assert sizes[AggregateStage.SENDER_ELEMENTS].rows == sender + 2 * t * len(rows)
    assert all(size.record_size > 0 for size in sizes.values())
    if ciphertexts:
        assert sizes[AggregateStage.CIPHERTEXTS].rows == made.key_rows + sizes[AggregateStage.SENDER_ELEMENTS].rows
        assert made.key_rows * made.row_bytes >= made.key_bytes > (made.key_rows - 1) * made.row_bytes
        head = made.count_rows(len(rows))
        assert head * made.row_bytes >= COUNT_BYTES * len(rows) > (head - 1) * made.row_bytes


@given(st.binary(max_size=200), st.integers(0, 4))
def test_whatever_is_read_as_counts_is_what_was_written(raw: bytes, segments: int) -> None:
    try:
        told, withheld = read_counts(raw, segments)
    except HostileInput as error:
        assert error.reason == "BAD_SHAPE"
        return
    assert write_counts(told, withheld) == raw[: COUNT_BYTES * segments]
