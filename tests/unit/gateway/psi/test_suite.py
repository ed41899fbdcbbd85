"""Sizes of records, tags and chunks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Misuse
from gateway.psi.suite import CHUNK_BYTES, chunk_count, chunk_rows, row_bytes, rows_per_chunk, tag_bytes


@pytest.mark.parametrize(
    ("receiver", "sender", "expected"),
    [(0, 0, 5), (1, 1, 5), (2, 1, 6), (20_000, 30_000, 9), (10**6, 10**6, 10), (10**7, 10**7, 11), (1, 2**32, 13)],
)
def test_tag_bytes_keep_false_matches_below_two_to_minus_forty(receiver: int, sender: int, expected: int) -> None:
    assert tag_bytes(receiver, sender) == expected


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_the_tag_bound_holds_for_a_whole_run(receiver: int, sender: int) -> None:
    # False matches of |X| lookups in |Y| rows, and collisions among |Y| rows.
    assert max(receiver, sender, 1) * max(sender, 1) * 2**40 <= 2 ** (8 * tag_bytes(receiver, sender))


def test_a_negative_length_is_a_bug() -> None:
    with pytest.raises(Misuse):
        tag_bytes(-1, 0)


def test_row_bytes() -> None:
    assert row_bytes(9, 0) == 9
    assert row_bytes(9, 40) == 9 + 8 + 40 + 16


@given(st.integers(0, 10**7), st.integers(1, 2 * CHUNK_BYTES))
def test_chunks_hold_exactly_the_rows_of_a_stage(rows: int, record_size: int) -> None:
    chunks = chunk_count(rows, record_size)
    assert sum(chunk_rows(rows, record_size, seq) for seq in range(min(chunks, 50))) == min(
        rows, 50 * rows_per_chunk(record_size)
    )
    assert chunk_rows(rows, record_size, chunks) == 0
    assert rows_per_chunk(record_size) * record_size <= max(CHUNK_BYTES, record_size)
