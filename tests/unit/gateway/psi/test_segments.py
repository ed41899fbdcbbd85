"""Lists per segment: what is blinded, hidden, evaluated, joined; and what a partner's lists must be like."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from gateway import kernel
from gateway.errors import HostileInput, Misuse
from gateway.psi import segments as psi
from gateway.psi.check import as_keys
from gateway.psi.suite import DUMMY_KEY
from gateway.route.aggregate import SegmentSums
from gateway.route.session import AggregateStage

SESSION = bytes(range(32))
T = 3


@contextmanager
def drawn() -> Iterator[kernel.Scalar]:
    key = kernel.Scalar.random()
    yield key
    key.destroy()


@contextmanager
def inverse_of(key: kernel.Scalar) -> Iterator[kernel.Scalar]:
    inverse = key.inverse()
    yield inverse
    inverse.destroy()


def people(names: Sequence[str]) -> pa.LargeBinaryArray:
    return kernel.oprf_inputs("phone.e164", pa.array(names, pa.string()))


def dummies(segments: int, t: int = T) -> list[pa.LargeBinaryArray]:
    return [psi.dummy_inputs(SESSION, segment, t) for segment in range(segments)]


def rows_of(block: np.ndarray) -> list[bytes]:
    return [bytes(row) for row in block]


def ascends(rows: list[bytes]) -> bool:
    return all(before < after for before, after in pairwise(rows))


def test_dummies_are_bound_to_session_segment_and_number_and_stand_for_nobody() -> None:
    values = [b"\x00" + SESSION + bytes([0, 0, 1, 2]) + bytes([0, 0, 0, i]) for i in range(2 * T)]
    assert psi.dummy_inputs(SESSION, 258, T).equals(kernel.oprf_inputs(DUMMY_KEY, pa.array(values, pa.binary())))
    seen = [item for segment in range(3) for item in psi.dummy_inputs(SESSION, segment, T).to_pylist()]
    other = [item for item in psi.dummy_inputs(bytes(32), 0, T).to_pylist()]
    assert len(set(seen) | set(other)) == 8 * T
    # A stand-in for a withdrawn person begins with 0x01, a dummy with 0x00: they can never be the same input.
    stand_in = kernel.oprf_inputs(DUMMY_KEY, pa.array([b"\x01" + SESSION], pa.binary())).to_pylist()
    assert not set(stand_in) & set(seen)
    assert len(psi.dummy_inputs(SESSION, 0, 0)) == 0


def test_blinded_is_each_segment_with_its_dummies_ascending() -> None:
    names, rows = ["a", "b", "c", "d", "e"], (2, 0, 3)
    with drawn() as key:
        made = psi.blinded([people(names)], rows, dummies(3), key, 1)
        apart = [rows_of(kernel.blind(one, key, 1)) for one in dummies(3)]
        own = rows_of(kernel.blind(people(names), key, 1))
    assert made.shape == (5 + 6 * T, 32)
    start, first = 0, 0
    for segment, count in enumerate(rows):
        piece = rows_of(made[start : start + count + 2 * T])
        assert ascends(piece)
        assert set(piece) == set(own[first : first + count]) | set(apart[segment])
        start, first = start + count + 2 * T, first + count


def test_evaluated_multiplies_and_carries_no_order_across() -> None:
    with drawn() as a, drawn() as k:
        blinded = psi.blinded([people(list("abcdefgh"))], (5, 3), dummies(2, 0), a, 1)
        made = psi.evaluated(blinded, (5, 3), k, 1)
        expected = kernel.evaluate(blinded, k, 1)
    for piece in (slice(0, 5), slice(5, 8)):
        assert set(rows_of(made[piece])) == set(rows_of(expected[piece]))
        assert ascends(rows_of(made[piece]))


@pytest.mark.parametrize(
    ("element", "reason"), [(bytes(32), "IDENTITY_ELEMENT"), (b"\xff" * 32, "NON_CANONICAL_ELEMENT")]
)
def test_what_is_no_element_is_named_with_its_place(element: bytes, reason: str) -> None:
    with drawn() as key:
        good = kernel.blind(people(["a", "b", "c"]), key, 1)
        bad = good.copy()
        bad[2] = np.frombuffer(element, dtype=np.uint8)
        with pytest.raises(HostileInput) as caught:
            psi.evaluated(bad, (3,), key, 1)
    assert caught.value.reason == reason
    assert "stage 1 BLINDED, chunk 0, offset 2" in str(caught.value)
    with pytest.raises(HostileInput) as caught:
        psi.check_elements(AggregateStage.SENDER_ELEMENTS, bad, 1)
    assert caught.value.reason == reason
    assert "stage 3 SENDER_ELEMENTS, chunk 0, offset 2" in str(caught.value)
    psi.check_elements(AggregateStage.SENDER_ELEMENTS, good, 1)


def made_rows(*values: int) -> np.ndarray:
    return np.array([[0] * 31 + [value] for value in values], dtype=np.uint8).reshape(-1, 32)


def test_lists_ascend_each_for_itself() -> None:
    psi.check_lists(AggregateStage.BLINDED, made_rows(4, 5, 1, 2, 3), (2, 3))
    psi.check_lists(AggregateStage.BLINDED, made_rows(), (0, 0))
    for rows, lengths, offset in (
        (made_rows(4, 5, 1, 3, 2), (2, 3), 4),
        (made_rows(5, 4, 1, 2, 3), (2, 3), 1),
        (made_rows(4, 4, 1, 2, 3), (2, 3), 1),
        (made_rows(1, 2, 3, 3), (2, 2), 3),
    ):
        with pytest.raises(HostileInput) as caught:
            psi.check_lists(AggregateStage.BLINDED, rows, lengths)
        assert caught.value.reason == "NOT_ASCENDING"
        assert f"offset {offset}:" in str(caught.value)


def test_one_element_in_two_segments_is_found() -> None:
    psi.check_repeats(AggregateStage.BLINDED, made_rows(4, 5, 1, 2, 3))
    psi.check_repeats(AggregateStage.BLINDED, made_rows())
    with pytest.raises(HostileInput) as caught:
        psi.check_repeats(AggregateStage.EVALUATED, made_rows(4, 5, 1, 4, 7))
    assert caught.value.reason == "REPEATED_ELEMENT"
    assert "stage 2 EVALUATED, chunk 0, offset 3" in str(caught.value)


def paired(*rows: tuple[int, int]) -> np.ndarray:
    return made_rows(*(value for row in rows for value in row)).reshape(-1, 64)


def test_of_tuples_the_first_elements_order_and_none_is_there_twice() -> None:
    sound = paired((4, 9), (5, 8), (1, 7), (2, 6))
    psi.check_lists(AggregateStage.BLINDED, sound, (2, 2))
    psi.check_repeats(AggregateStage.BLINDED, sound)
    for rows, place in (
        (paired((4, 9), (5, 8), (1, 7), (2, 9)), "offset 3, match key 2:"),
        (paired((4, 9), (5, 8), (1, 5), (2, 6)), "offset 2, match key 2:"),
        (paired((4, 9), (5, 8), (8, 7), (2, 6)), "offset 2, match key 1:"),
        (paired((4, 9), (5, 5), (1, 7), (2, 6)), "offset 1, match key 2:"),
    ):
        with pytest.raises(HostileInput) as caught:
            psi.check_repeats(AggregateStage.EVALUATED, rows)
        assert caught.value.reason == "REPEATED_ELEMENT"
        assert f"stage 2 EVALUATED, chunk 0, {place}" in str(caught.value)
    # The second elements are in no order.
    for rows, offset in ((paired((5, 8), (4, 9), (1, 7), (2, 6)), 1), (paired((4, 9), (5, 8), (2, 7), (2, 8)), 3)):
        with pytest.raises(HostileInput) as caught:
            psi.check_lists(AggregateStage.BLINDED, rows, (2, 2))
        assert caught.value.reason == "NOT_ASCENDING"
        assert f"offset {offset}:" in str(caught.value)


def test_a_bad_element_of_a_tuple_is_named_with_its_chunk_record_and_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psi, "rows_per_chunk", lambda size: {64: 2}[size])
    with drawn() as key:
        rows = psi.tuples([people(["a", "b", "c"])], 2, key, 1)
        rows[2, 32:] = 0
        with pytest.raises(HostileInput) as caught:
            psi.evaluated(rows, (3,), key, 1)
        assert caught.value.reason == "IDENTITY_ELEMENT"
        assert "stage 1 BLINDED, chunk 1, offset 0, match key 2:" in str(caught.value)
        rows[2, :32] = 255
        with pytest.raises(HostileInput) as caught:
            psi.check_elements(AggregateStage.SENDER_ELEMENTS, rows, 1)
        assert caught.value.reason == "NON_CANONICAL_ELEMENT"
        assert "stage 3 SENDER_ELEMENTS, chunk 1, offset 0, match key 1:" in str(caught.value)


def test_a_key_that_a_record_lacks_is_a_fresh_random_element() -> None:
    lacking = people(["a", "b"]).take(pa.array([0, None, 1], pa.int64()))
    with drawn() as key:
        known = rows_of(kernel.blind(people(["a", "b"]), key, 1))
        first, again = [psi.tuples([people(["x", "y", "z"]), lacking], 3, key, 1) for _ in range(2)]
        own = rows_of(kernel.blind(people(["x", "y", "z"]), key, 1))
    assert rows_of(first[:, :32]) == rows_of(again[:, :32]) == own
    assert [rows_of(first[:, 32:64])[place] for place in (0, 2)] == known
    assert [rows_of(again[:, 32:64])[place] for place in (0, 2)] == known
    fillers = [bytes(made[1, 32:64]) for made in (first, again)] + [
        row for made in (first, again) for row in rows_of(made[:, 64:])
    ]
    assert len(set(fillers)) == 8
    psi.check_elements(AggregateStage.BLINDED, first, 1)
    # Of one key without gaps it is the blinding as it ever was.
    with drawn() as key:
        alone = psi.tuples([people(["a", "b"])], 1, key, 1)
        assert rows_of(alone) == rows_of(kernel.blind(people(["a", "b"]), key, 1))


def listed(kept: list[bool], tau: tuple[int, ...]) -> tuple[psi.SenderList, np.ndarray, list[set[bytes]]]:
    """S's list of five people, its own elements, and the elements of each segment's dummies under the same key."""
    with drawn() as key:
        own = kernel.blind(people(list("abcde")), key, 1)
        apart = [set(rows_of(kernel.blind(one, key, 1))) for one in dummies(len(tau))]
        made = psi.sender_list(own, np.array(kept), dummies(len(tau)), tau, key, 1)
    return made, own, apart


@pytest.mark.parametrize("tau", [(0, 0), (6, 1), (3, 6)])
def test_the_senders_list_is_as_long_whatever_it_hides(tau: tuple[int, ...]) -> None:
    made, own, apart = listed([True] * 5, tau)
    rows = rows_of(made.elements)
    assert len(rows) == 5 + 2 * T * len(tau)
    assert ascends(rows)
    assert [len(set(rows) & one) for one in apart] == list(tau)
    assert {rows[place]: int(made.source[place]) for place in np.flatnonzero(made.source >= 0)} == {
        row: record for record, row in enumerate(rows_of(own))
    }
    psi.check_elements(AggregateStage.SENDER_ELEMENTS, made.elements, 1)


def test_a_withdrawn_row_of_the_list_is_a_random_element_of_nobody() -> None:
    made, own, _ = listed([True, False, True, True, False], (2,))
    rows = set(rows_of(made.elements))
    assert len(rows) == 5 + 2 * T
    assert rows_of(own)[1] not in rows
    assert rows_of(own)[4] not in rows
    assert sorted(made.source[made.source >= 0]) == [0, 2, 3]
    # The caller's own elements stay as they were.
    assert len(set(rows_of(own))) == 5


def test_an_empty_list_and_no_dummies_make_an_empty_stage() -> None:
    with drawn() as key:
        nobody = kernel.blind(people([]), key, 1)
        made = psi.sender_list(nobody, np.zeros(0, dtype=bool), dummies(2, 0), (0, 0), key, 1)
    assert made.elements.shape == (0, 32)
    assert made.source.tolist() == []


def test_the_same_input_twice_is_no_list() -> None:
    with drawn() as key, pytest.raises(Misuse):
        psi.blinded([people(["a", "a"])], (2,), dummies(1), key, 1)
    with drawn() as key, pytest.raises(Misuse):
        own = kernel.blind(people(["a", "a"]), key, 1)
        psi.sender_list(own, np.ones(2, dtype=bool), dummies(1), (0,), key, 1)


def run(tau: tuple[int, ...], dropped: Sequence[int] = ()) -> tuple[list[int], psi.SenderList, np.ndarray]:
    """Arms {a b c} and {d e f g}; S has c, d, e and strangers. Returns |J_g|, S's list, and R's segment per row."""
    theirs = ["c", "d", "e", "x", "y"]
    with drawn() as a, drawn() as k, inverse_of(a) as inverse:
        blinded = psi.blinded([people(list("abcdefg"))], (3, 4), dummies(2), a, 1)
        lengths = (3 + 2 * T, 4 + 2 * T)
        evaluated = psi.evaluated(blinded, lengths, k, 1)
        made = psi.sender_list(kernel.blind(people(theirs), k, 1), np.ones(5, dtype=bool), dummies(2), tau, k, 1)
        places = np.array(dropped, dtype=np.int64)
        matched = psi.matched((3, 4), lengths, evaluated, inverse, made.elements, places, 1)
    return psi.found(matched), made, matched.segment_of


def test_the_join_finds_each_row_in_its_segment_and_the_dummies_that_match() -> None:
    found, made, segment_of = run((0, 0))
    assert found == [1, 2]
    by_record = {int(made.source[row]): int(segment_of[row]) for row in np.flatnonzero(segment_of >= 0)}
    assert by_record == {0: 0, 1: 1, 2: 1}
    assert run((4, 1))[0] == [1 + 4, 2 + 1]


def test_a_late_drop_is_in_no_segment() -> None:
    _, made, _ = run((0, 0))
    for record, expected in ((0, [0, 2]), (1, [1, 1]), (3, [1, 2])):
        # The list is another one in every run: find the row first, under the same key.
        theirs = ["c", "d", "e", "x", "y"]
        with drawn() as a, drawn() as k, inverse_of(a) as inverse:
            blinded = psi.blinded([people(list("abcdefg"))], (3, 4), dummies(2, 0), a, 1)
            evaluated = psi.evaluated(blinded, (3, 4), k, 1)
            made = psi.sender_list(
                kernel.blind(people(theirs), k, 1), np.ones(5, dtype=bool), dummies(2, 0), (0, 0), k, 1
            )
            row = np.flatnonzero(made.source == record)
            found = psi.found(psi.matched((3, 4), (3, 4), evaluated, inverse, made.elements, row, 1))
        assert found == expected


def test_what_matched_shows_no_row() -> None:
    with drawn() as a, inverse_of(a) as inverse:
        blinded = psi.blinded([people(["a"])], (1,), dummies(1, 0), a, 1)
        matched = psi.matched((1,), (1,), blinded, inverse, blinded, np.zeros(0, dtype=np.int64), 1)
    assert repr(matched) == "MatchedSegments(1 segments)"


def test_figures_of_all_segments_stand_side_by_side_and_show_nothing() -> None:
    made = psi.counted((80, 90), (30, 41), (33, 40), [(1, 2), None])
    assert made.segments == (SegmentSums(80, 30, 33, (1, 2)), SegmentSums(90, 41, 40, None))
    assert "30" not in repr(made)


def test_ascending_sorts_as_bytes_do() -> None:
    rows = np.array([[255] + [0] * 31, [0] * 32, [1] * 32, [0] * 31 + [200]], dtype=np.uint8)
    assert rows_of(psi.ascending(rows)) == sorted(rows_of(rows))
    assert psi.ascending(rows[:1]) is rows[:1] or (psi.ascending(rows[:1]) == rows[:1]).all()
    assert len(as_keys(rows)) == 4
