from __future__ import annotations

import numpy as np
import pytest

from gateway.disclosure import difference, near, sketch
from gateway.disclosure.sketch import CELLS, PARTITIONS, SKETCH_BYTES, Tags
from gateway.errors import Misuse


def _tags(seed: int, n: int) -> Tags:
    return np.random.default_rng(seed).integers(0, 2**64, n, dtype=np.uint64)


def test_a_sketch_has_one_size_and_no_order() -> None:
    tags = _tags(1, 5000)
    assert len(sketch(tags)) == len(sketch(tags[:0])) == SKETCH_BYTES
    assert sketch(tags[::-1]) == sketch(tags) != sketch(tags[1:])
    assert sum(PARTITIONS) == CELLS == 256


def test_the_format_stays_as_stored_sketches_have_it() -> None:
    """Places, checks and byte order of two tags may not drift between releases."""
    planes = np.frombuffer(sketch(np.array([1, 2**64 - 2], dtype=np.uint64)), dtype="<u8").reshape(3, CELLS)
    (places,) = np.nonzero(planes[0])
    assert places.tolist() == [33, 49, 57, 88, 108, 134, 166, 189, 222, 244]
    assert set(planes[0][places].tolist()) == {1}
    assert set(planes[1][places].tolist()) == {1, 2**64 - 2}
    assert set(planes[2][places].tolist()) == {0xCB059510A3EAA16A, 0xFBCA5F1BA4E20279}


def test_what_came_and_what_went_is_told_apart() -> None:
    tags = _tags(2, 100_040)
    old, new = sketch(tags[:100_000]), sketch(tags[7:100_040])
    found = difference(new, old)
    assert found is not None
    assert found.removed == set(tags[:7].tolist())
    assert found.added == set(tags[100_000:].tolist())
    assert found.rows == 47
    assert repr(found) == "Difference(40 added, 7 removed)"
    same = difference(old, old)
    assert same is not None and same.rows == 0


@pytest.mark.parametrize(("rows", "least"), [(50, 1.0), (100, 1.0), (150, 0.99)])
def test_how_often_a_difference_decodes(rows: int, least: float) -> None:
    trials, decoded = 300, 0
    for seed in range(trials):
        tags = _tags(1000 * rows + seed, rows + 40)
        found = difference(sketch(tags[rows // 3 :]), sketch(tags[:-40]))
        if found is not None:
            decoded += 1
            assert found.removed == set(tags[: rows // 3].tolist())
            assert found.added == set(tags[-40:].tolist())
    assert decoded >= least * trials


@pytest.mark.parametrize("rows", [400, 10_000])
def test_a_large_difference_has_no_answer(rows: int) -> None:
    for seed in range(20):
        assert difference(sketch(_tags(seed, rows)), sketch(_tags(seed + 100, rows // 2))) is None


def test_a_tag_that_stands_there_twice_has_no_answer() -> None:
    tags = _tags(3, 10)
    assert difference(sketch(np.append(tags, tags[0])), sketch(tags[1:])) is None


def test_near_leaves_out_the_rest_and_nothing_else() -> None:
    tags = _tags(4, 3000)
    new = sketch(tags[:1000])
    others = [sketch(tags[:1000]), sketch(tags[:951]), sketch(tags[1000:2000]), sketch(tags[49:1000]), sketch(tags)]
    assert near([new, others[4]], others, 49).tolist() == [[True, True, False, True, False], [False] * 4 + [True]]
    assert near([new], [], 49).shape == (1, 0)
    assert near([], [new], 49).shape == (0, 1)


def test_unlike_sets_of_equal_size_are_told_apart_by_their_counts() -> None:
    new = [sketch(_tags(seed, 500)) for seed in range(100)]
    assert not near(new[:50], new[50:], 49).any()


@pytest.mark.parametrize(
    "tags",
    [np.zeros(3, dtype=np.int64), np.zeros((2, 2), dtype=np.uint64), np.zeros(3, dtype=np.uint8)],
    ids=["signed", "matrix", "bytes"],
)
def test_other_columns_are_a_bug(tags: Tags) -> None:
    with pytest.raises(Misuse):
        sketch(tags)


def test_bytes_of_another_size_are_a_bug() -> None:
    whole = sketch(_tags(6, 5))
    for wrong in (b"", whole[:-1], whole + b"\0"):
        with pytest.raises(Misuse):
            difference(whole, wrong)
        with pytest.raises(Misuse):
            near([whole], [wrong], 1)
