"""Rows of nobody come out in order, each once, as far as a list has come."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gateway.psi.fillers import Fillers


@given(st.lists(st.integers(0, 255), max_size=30), st.lists(st.integers(0, 255), max_size=6), st.integers(1, 7))
def test_each_leaves_once_behind_the_key_before_it(values: list[int], keys: list[int], size: int) -> None:
    rows = np.array([[value, 7] for value in sorted(values)], dtype=np.uint8).reshape(-1, 2)
    pieces = (rows[start : start + size] for start in range(0, len(rows), size))
    fillers, out = Fillers(pieces, 1), list[list[int]]()
    for key in sorted(keys):
        part = fillers.through(np.array([key], dtype=np.uint8))
        if part is not None:
            assert all(value <= key for value, _ in part.tolist())
            out += part.tolist()
        assert len(out) == sum(value <= key for value in values)
    for part in fillers.rest():
        out += part.tolist()
    assert out == rows.tolist()
    assert fillers.through(np.array([255], dtype=np.uint8)) is None
