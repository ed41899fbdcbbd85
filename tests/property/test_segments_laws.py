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
    blinded = psi.blinded([people([one for arm in arms for one in arm])], rows, dummies, a, 1)
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


Row = tuple[int | None, ...]


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[list[Row]], list[Row], list[bool]]:
    """Segments of R's people and S's people, each with up to three keys that nobody else of its side has."""
    keys = draw(st.integers(1, 3))

    def side(most: int) -> list[Row]:
        columns = []
        for _ in range(keys):
            values = st.permutations(range(8)).map(lambda order: order[:most])
            columns.append([value if draw(st.booleans()) else None for value in draw(values)])
        return [row for row in zip(*columns, strict=True) if any(value is not None for value in row)]

    ours = side(draw(st.integers(0, 8)))
    groups = draw(st.integers(1, 3))
    arms: list[list[Row]] = [[] for _ in range(groups)]
    for row in ours:
        arms[draw(st.integers(0, groups - 1))].append(row)
    theirs = side(draw(st.integers(0, 8)))
    return arms, theirs, draw(st.lists(st.booleans(), min_size=len(theirs), max_size=len(theirs)))


def inputs_of(rows: list[Row], keys: int) -> list[pa.LargeBinaryArray]:
    columns = []
    for key in range(keys):
        known = [row[key] for row in rows if row[key] is not None]
        framed, place = kernel.oprf_inputs(f"key{key}", pa.array(map(str, known), pa.string())), iter(range(len(rows)))
        columns.append(framed.take(pa.array([None if row[key] is None else next(place) for row in rows], pa.int64())))
    return columns


def plainly(arms: list[list[Row]], theirs: list[Row], left: list[int], keys: int) -> dict[int, int]:
    """Return the segment of each row of S's that is found, in clear: key after key, each person at most once."""
    free, found = [(arm, row) for arm, rows in enumerate(arms) for row in rows], dict[int, int]()
    for key in range(keys):
        for place in left:
            hit = next((one for one in free if one[1][key] is not None and one[1][key] == theirs[place][key]), None)
            if place not in found and hit is not None:
                found[place] = hit[0]
                free.remove(hit)
    return found


@settings(max_examples=60)
@given(tables(), st.data())
def test_of_several_keys_each_row_and_each_tuple_is_found_at_most_once(
    case: tuple[list[list[Row]], list[Row], list[bool]], data: st.DataObject
) -> None:
    arms, theirs, kept = case
    people = [row for arm in arms for row in arm]
    keys = len((people or theirs or [(0,)])[0])
    rows, none = [len(arm) for arm in arms], [psi.dummy_inputs(SESSION, segment, 0) for segment in range(len(arms))]
    a, k, width = kernel.Scalar.random(), kernel.Scalar.random(), 32 * keys
    blinded = psi.blinded(inputs_of(people, keys), rows, none, a, 1)
    evaluated = psi.evaluated(blinded, rows, k, 1)
    own = psi.tuples(inputs_of(theirs, keys), keys, k, 1)
    listed = psi.sender_list(own, np.array(kept, dtype=bool), none, [0] * len(arms), k, 1)
    for stage, elements, lengths in (
        (AggregateStage.BLINDED, blinded, rows),
        (AggregateStage.EVALUATED, evaluated, rows),
        (AggregateStage.SENDER_ELEMENTS, listed.elements, [len(theirs)]),
    ):
        assert elements.shape == (sum(lengths), width)
        psi.check_lists(stage, elements, lengths)
        psi.check_repeats(stage, elements)
        psi.check_elements(stage, elements, 1)
    # Tuples stay whole: each of stage 2 is k times one of its segment in stage 1, element by element.
    products = kernel.evaluate(blinded.reshape(-1, 32), k, 1).reshape(-1, width)
    start = 0
    for count in rows:
        assert {bytes(row) for row in products[start : start + count]} == {
            bytes(row) for row in evaluated[start : start + count]
        }
        start += count
    drops = sorted(data.draw(st.lists(st.sampled_from(range(len(theirs))), unique=True))) if theirs else []
    matched = psi.matched(rows, rows, evaluated, a.inverse(), listed.elements, np.array(drops, dtype=np.int64), 1)

    lost = {int(listed.source[place]) for place in drops}
    left = [place for place in range(len(theirs)) if kept[place] and place not in lost]
    found = {
        int(listed.source[place]): int(matched.segment_of[place])
        for place in np.flatnonzero(matched.segment_of >= 0).tolist()
    }
    assert found == plainly(arms, theirs, left, keys)


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
