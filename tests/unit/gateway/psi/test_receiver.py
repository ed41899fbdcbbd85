"""The join of outputs with a table: laws over ranges and households."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from gateway.psi.receiver import join

Bytes = npt.NDArray[np.uint8]
TAG = 8


def rows(values: list[int], width: int = TAG + 2) -> Bytes:
    """Rows that begin with a tag; the rest tells rows of one tag apart."""
    made = [value.to_bytes(TAG, "big") + bytes([place % 256, 7])[: width - TAG] for place, value in enumerate(values)]
    return np.frombuffer(b"".join(made), dtype=np.uint8).reshape(-1, width)


def cut(whole: Bytes, places: list[int]) -> Iterator[Bytes]:
    """Cut rows into pieces, also between rows of one tag: the sorter divides those of very many."""
    begin = 0
    for place in sorted({place % (len(whole) + 1) for place in places} | {len(whole)}):
        if place > begin:
            yield np.ascontiguousarray(whole[begin:place])
            begin = place


def tags_of(piece: Bytes) -> list[int]:
    return [int.from_bytes(bytes(row[:TAG]), "big") for row in piece]


few = st.lists(st.integers(0, 40), max_size=30)


@given(few, st.sets(st.integers(0, 40), max_size=30), few, few)
def test_the_join_pairs_every_row_of_ours_with_its_row_of_theirs(
    ours: list[int], theirs: set[int], ours_cut: list[int], theirs_cut: list[int]
) -> None:
    own, table = rows(sorted(ours)), rows(sorted(theirs))
    pairs = list(join(cut(own, ours_cut), cut(table, theirs_cut), TAG, 1))
    found = [(bytes(one), bytes(other)) for left, right in pairs for one, other in zip(left, right, strict=True)]
    expected = {(bytes(one), bytes(other)) for one in own for other in table if (one[:TAG] == other[:TAG]).all()}
    assert len(found) == len(expected)
    assert set(found) == expected
    # Ascending over all, so that late drops can be read along.
    assert [bytes(other[:TAG]) for _, other in found] == sorted(bytes(other[:TAG]) for _, other in found)


def test_a_table_beyond_our_last_output_is_left_unread() -> None:
    def table() -> Iterator[Bytes]:
        yield rows([1, 2, 3])
        yield rows([900])
        raise AssertionError("nobody of ours can stand there")

    pairs = list(join(iter([rows([2])]), table(), TAG, 1))
    assert [tags_of(left) for left, _ in pairs] == [[2]]


def test_a_tag_of_very_many_people_is_joined_at_once() -> None:
    shared = 300_000
    own = np.zeros((shared + 2, TAG), dtype=np.uint8)
    own[1:-1, 0], own[-1, 0] = 3, 9
    table = rows([0, 3 << 56, 9 << 56])
    begin = time.process_time()
    [(left, right)] = join(iter([own]), iter([table]), TAG, 1)
    assert time.process_time() - begin < 1  # a step of Python for each of them takes three seconds
    assert np.array_equal(left, own)
    assert right[:, TAG].tolist() == [0, *([1] * shared), 2]
