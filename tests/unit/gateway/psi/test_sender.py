"""What fills a table up: random tags, which are refused where one is taken already."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.errors import Misuse
from gateway.psi.sender import RANDOM_ROWS, TableBuilder, random_tags

TAG = 3


def test_a_filler_under_the_tag_of_a_record_is_not_served() -> None:
    # Fillers bring more bytes than the table keeps of them.
    table = TableBuilder(iter([np.array([[0, 0, 4, 9, 9]], dtype=np.uint8)]), TAG, TAG, 0)
    with pytest.raises(Misuse, match="share a tag"):
        table.add(np.array([[0, 0, 4]], dtype=np.uint8))


def test_random_tags_come_in_pieces_and_differ() -> None:
    pieces = list(random_tags(RANDOM_ROWS + 3, 8))
    assert [piece.shape for piece in pieces] == [(RANDOM_ROWS, 8), (3, 8)]
    assert len({row.tobytes() for piece in pieces for row in piece}) == RANDOM_ROWS + 3
    assert not list(random_tags(0, 8))
