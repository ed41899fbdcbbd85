"""A bit per row of the table: what is written is read, whatever the chunks and the pieces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.psi.bitmap import bitmap_bytes, has_unused, packed, unpacked


@given(st.data())
def test_what_is_packed_comes_back(data: st.DataObject) -> None:
    rows = data.draw(st.integers(0, 200))
    found = np.array(sorted(data.draw(st.lists(st.integers(0, max(rows - 1, 0)), max_size=40 if rows else 0))), int)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(found)), max_size=4)))
    chunk = data.draw(st.integers(1, 30))
    pieces = list(packed(iter(np.split(found, cuts)), rows, chunk))
    assert all(len(piece) == chunk for piece in pieces[:-1])
    content = b"".join(pieces)
    assert len(content) == bitmap_bytes(rows)
    first = data.draw(st.integers(0, rows))
    count = data.draw(st.integers(0, rows - first))
    expected = np.isin(np.arange(first, first + count), found)
    assert np.array_equal(unpacked(content, first, count), expected)
    assert not content or not has_unused(content[-1], rows)


def test_row_0_is_bit_7_of_byte_0_and_the_rest_is_zero() -> None:
    numbers = iter([np.array([0, 9])])
    assert b"".join(packed(numbers, 10, 1 << 19)) == bytes([0b1000_0000, 0b0100_0000])


@pytest.mark.parametrize(
    ("last", "rows", "unused"),
    [(0xFF, 16, False), (0b1100_0000, 10, False), (0b0010_0000, 10, True), (0x01, 15, True), (0x7F, 1, True)],
)
def test_bits_behind_the_last_row_are_seen(last: int, rows: int, unused: bool) -> None:
    assert has_unused(last, rows) is unused
