"""Laws of sketches: a difference is exact or none, small ones have an answer, the cheap test never loses a near one."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.disclosure import difference, near, sketch

tags = st.integers(0, 2**64 - 1) | st.integers(0, 50) | st.integers(2**64 - 50, 2**64 - 1)


@st.composite
def pairs(draw: st.DrawFn, changed: int) -> tuple[set[int], set[int]]:
    """Two sets that share what a seed says and differ in drawn tags, at most `changed`."""
    different = draw(st.lists(tags, max_size=changed, unique=True))
    cut = draw(st.integers(0, len(different)))
    seed, shared = draw(st.integers(0, 2**32)), draw(st.integers(0, 300))
    common = set(np.random.default_rng(seed).integers(0, 2**64, shared, dtype=np.uint64).tolist()) - set(different)
    return common | set(different[:cut]), common | set(different[cut:])


def _sketch(members: set[int]) -> bytes:
    return sketch(np.array(list(members), dtype=np.uint64))


@given(pairs(100))
def test_a_small_difference_is_found_exactly(sets: tuple[set[int], set[int]]) -> None:
    """Two of 100 random tags share all five cells once in some 70,000 examples."""
    new, old = sets
    found = difference(_sketch(new), _sketch(old))
    assert found is not None
    assert found.added == new - old
    assert found.removed == old - new


@given(pairs(49))
def test_the_cheap_test_never_loses_a_near_set(sets: tuple[set[int], set[int]]) -> None:
    new, old = sets
    assert near([_sketch(new)], [_sketch(old)], len(new ^ old)).all()


@settings(max_examples=50)
@given(st.integers(0, 2**32), st.integers(100, 400), st.integers(0, 400))
def test_an_answer_is_never_wrong(seed: int, changed: int, shared: int) -> None:
    """Around the threshold, where peeling stops half-way."""
    drawn = np.random.default_rng(seed).integers(0, 2**64, changed + shared, dtype=np.uint64)
    new, old = drawn[changed // 2 :], np.concatenate([drawn[: changed // 2], drawn[changed:]])
    found = difference(sketch(new), sketch(old))
    if found is not None:
        assert found.added == set(new.tolist()) - set(old.tolist())
        assert found.removed == set(old.tolist()) - set(new.tolist())
    assert found is not None or changed > 100


@given(pairs(100), st.data())
def test_order_says_nothing_and_direction_swaps_the_two_parts(
    sets: tuple[set[int], set[int]], drawing: st.DataObject
) -> None:
    new, old = (_sketch(members) for members in sets)
    shuffled = drawing.draw(st.permutations(sorted(sets[0])))
    assert sketch(np.array(shuffled, dtype=np.uint64)) == new
    there, back = difference(new, old), difference(old, new)
    assert there is not None and back is not None
    assert (there.added, there.removed) == (back.removed, back.added)
