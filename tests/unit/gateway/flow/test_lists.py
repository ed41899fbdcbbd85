"""Lists of a run by the numbers of their records."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import HostileInput
from gateway.flow.lists import by_list, lists_of, runs_of
from gateway.flow.reach import tokens_in
from gateway.flow.receive_rows import _Ascending
from gateway.psi.record import OpeningHalf
from gateway.route.session import Stage
from gateway.route.subject_ref import once

sizes = st.lists(st.integers(0, 5), min_size=1, max_size=4)


@given(sizes, st.data())
def test_every_record_is_of_one_list(rows: list[int], data: st.DataObject) -> None:
    naive = [number for number, count in enumerate(rows) for _ in range(count)]
    assert lists_of(np.arange(len(naive)), rows)[:, 0].tolist() == naive
    first = data.draw(st.integers(0, len(naive)))
    count = data.draw(st.integers(0, len(naive) - first))
    found = [number for number, begin, end in by_list(first, count, rows) for _ in range(end - begin)]
    assert found == naive[first : first + count]
    spans = [(begin, end) for _, begin, end in by_list(first, count, rows)]
    assert [at for span in spans for at in range(*span)] == list(range(count))
    numbers = np.array(naive, np.uint8)
    assert [number for number, begin, end in runs_of(numbers) for _ in range(end - begin)] == naive


@given(st.lists(st.integers(0, 9)))
def test_rows_each_once(values: list[int]) -> None:
    rows = np.array(sorted(values), np.uint8).reshape(-1, 1)
    found, places = once(rows)
    assert found[:, 0].tolist() == sorted(set(values))
    assert found[places].tolist() == rows.tolist()


def test_tokens_of_one_member_part_again() -> None:
    assert tokens_in(b"aabb" + bytes(2), 3) == [b"aa", b"bb"]
    assert tokens_in(bytes(2), 1) == [bytes(2)]


def tags(*values: int) -> np.ndarray:  # type: ignore[type-arg]
    return np.array(values, np.uint8).reshape(-1, 1)


def test_a_table_ascends_in_each_of_its_lists_across_chunks() -> None:
    order = _Ascending(Stage.TABLE, 1, (3, 0, 2))
    order.add(0, tags(5, 7))
    order.add(1, tags(9, 1, 4))
    for lists, chunks, said in (
        ((3, 2), (tags(5, 7), tags(7, 1, 4)), "chunk 1, offset 0"),
        ((3, 2), (tags(5, 7), tags(9, 4, 4)), "chunk 1, offset 2"),
        ((3, 2), (tags(5, 7, 6),), "chunk 0, offset 2"),
        ((), (tags(5, 7), tags(9, 1)), "chunk 1, offset 1"),
    ):
        order = _Ascending(Stage.TABLE, 1, lists)
        with pytest.raises(HostileInput) as caught:
            for seq, chunk in enumerate(chunks):
                order.add(seq, chunk)
        assert caught.value.reason == "NOT_ASCENDING"
        assert said in caught.value.message, caught.value.message


@pytest.mark.parametrize("rows", [(5,), (5, 1, 1), ()])
def test_another_number_of_lists_than_keys_is_of_bad_shape(rows: tuple[int, ...]) -> None:
    from datetime import UTC, datetime

    half = OpeningHalf("ab" * 32, rows, bytes(32), datetime(2026, 3, 1, tzinfo=UTC))
    with pytest.raises(HostileInput):
        OpeningHalf.parse(half.encode(), half.session_id, range(2, 3), 100)
