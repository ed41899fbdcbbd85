from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.route.subject_ref import (
    REF_BYTES,
    Bytes,
    as_keys,
    as_texts,
    ascending_order,
    from_keys,
    from_texts,
)

# Few letters and long beginnings in common, so that references are told apart by their last bytes alone.
REFS = st.builds(
    lambda head, tail: (head * 10)[:20] + tail,
    st.sampled_from(["aaa", "ab", "z7"]),
    st.text("2b7", min_size=6, max_size=6),
)


def rows(refs: list[str]) -> Bytes:
    return np.frombuffer("".join(refs).encode(), dtype=np.uint8).reshape(-1, REF_BYTES)


@given(st.lists(REFS, max_size=40))
def test_an_order_is_given_only_where_one_is_needed(refs: list[str]) -> None:
    order = ascending_order(rows(refs))
    if order is None:
        assert refs == sorted(set(refs))
    else:
        assert [refs[place] for place in order] == sorted(refs)


@given(st.lists(REFS, max_size=40), st.integers(0, 5))
def test_every_view_shows_the_same_people(refs: list[str], start: int) -> None:
    people = rows(refs)
    assert as_texts(people).to_pylist() == refs
    assert [key.decode() for key in as_keys(people).tolist()] == refs
    assert np.array_equal(from_keys(as_keys(people)), people)
    assert np.array_equal(from_texts(pa.array(refs, pa.string()).slice(start)), people[start:])


def test_texts_of_another_length_are_no_references() -> None:
    with pytest.raises(ValueError):
        from_texts(pa.array(["a" * 26, "b" * 25]))
