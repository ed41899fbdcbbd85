"""Rows of named fields."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.errors import Misuse
from gateway.psi.fields import Fields


def test_fields_lie_one_after_the_other_and_empty_ones_are_left_out() -> None:
    fields = Fields(tag=2, nothing=0, number=4, end=1)
    assert fields.width == 7
    assert ("nothing" in fields, "number" in fields) == (False, True)
    tags, numbers = np.array([[1, 2], [3, 4]], dtype=np.uint8), np.array([7, 2**32 - 1])
    rows = fields.join(2, tag=tags, number=numbers, nothing=np.empty((2, 0), np.uint8))
    assert rows.tolist() == [[1, 2, 0, 0, 0, 7, 0], [3, 4, 255, 255, 255, 255, 0]]
    assert fields.of(rows, "tag").tolist() == tags.tolist()
    assert fields.of(rows, "tag").flags.c_contiguous
    assert fields.number(rows, "number").tolist() == numbers.tolist()


def test_a_field_of_another_width_or_length_is_a_bug() -> None:
    fields = Fields(tag=2)
    for wrong in (np.zeros((1, 2), np.uint8), np.zeros((2, 3), np.uint8)):
        with pytest.raises(Misuse, match="field tag"):
            fields.join(2, tag=wrong)


def test_numbers_of_eight_bytes_are_big_endian_so_that_they_sort_as_bytes() -> None:
    fields = Fields(place=8)
    places = np.array([0, 1, 255, 256, 2**40])
    assert [bytes(row) for row in fields.join(5, place=places)] == [int(one).to_bytes(8, "big") for one in places]
