from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import HostileInput, RequestError, StateError
from gateway.tlog.audit_path import (
    TileSet,
    consistency_proof,
    inclusion_proof,
    root_at,
    tiles_for_consistency,
    tiles_for_inclusion,
    tiles_for_root,
    verify_consistency,
    verify_inclusion,
)
from gateway.tlog.tile import TileId
from gateway.tlog.tree import EMPTY_EDGE, EMPTY_ROOT, integrate, leaf_hash
from tests.unit.gateway.tlog import reference_tree as rfc

BIG = 70_000
HASHES = [leaf_hash(b"entry-%d" % index) for index in range(BIG)]
TILES = {(tile.level, tile.index): tile.hashes for tile in integrate(EMPTY_EDGE, HASHES).tiles}
READER = TileSet(TILES)


def only(tiles: tuple[TileId, ...]) -> TileSet:
    """A reader that holds the named tiles at the named width and nothing else."""
    return TileSet({(tile.level, tile.index): TILES[(tile.level, tile.index)][: 32 * tile.width] for tile in tiles})


def failed(reason: str, size: int, index: int, proof: tuple[bytes, ...], root: bytes) -> None:
    with pytest.raises(HostileInput) as caught:
        verify_inclusion(HASHES[index], index, size, proof, root)
    assert caught.value.reason == reason


BUILT = {*range(1, 101), 127, 128, 129, 191, 192, 193, *range(254, 259), 299, 300}


def test_inclusion_of_every_entry_of_every_tree_up_to_300() -> None:
    subtree = cache(lambda low, high: rfc.mth(HASHES[low:high]))
    for size in range(1, 301):
        for index in range(size):
            proof = rfc.path(index, range(size), subtree)
            verify_inclusion(HASHES[index], index, size, proof, subtree(0, size))
            if size in BUILT:
                assert list(inclusion_proof(index, size, READER)) == proof
        assert root_at(size, READER) == subtree(0, size)


def test_consistency_of_all_pairs_up_to_130() -> None:
    roots = [root_at(size, READER) for size in range(131)]
    assert roots == [rfc.mth(HASHES[:size]) for size in range(131)]
    for size in range(1, 131):
        for old in range(1, size + 1):
            proof = consistency_proof(old, size, READER)
            verify_consistency(old, size, proof, roots[old], roots[size])
            if size % 10 == 0:
                assert list(proof) == rfc.proof(old, HASHES[:size])


@settings(max_examples=60)
@given(st.data())
def test_proofs_in_a_large_tree_need_only_the_tiles_they_name(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, BIG))
    old = data.draw(st.integers(1, size))
    index = data.draw(st.integers(0, size - 1))
    root = root_at(size, only(tiles_for_root(size)))
    proof = inclusion_proof(index, size, only(tiles_for_inclusion(index, size)))
    verify_inclusion(HASHES[index], index, size, proof, root)
    assert len(tiles_for_inclusion(index, size)) <= 6
    consistent = consistency_proof(old, size, only(tiles_for_consistency(old, size)))
    verify_consistency(old, size, consistent, root_at(old, READER), root)


@settings(max_examples=60)
@given(st.data())
def test_every_corruption_of_a_proof_fails_for_its_reason(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 2000))
    index = data.draw(st.integers(0, size - 1))
    root = root_at(size, READER)
    proof = inclusion_proof(index, size, READER)
    row = data.draw(st.integers(0, len(proof) - 1))
    flipped = bytes([proof[row][0] ^ 1 << data.draw(st.integers(0, 7))]) + proof[row][1:]
    failed("DIGEST_MISMATCH", size, index, (*proof[:row], flipped, *proof[row + 1 :]), root)
    failed("DIGEST_MISMATCH", size, index, proof, EMPTY_ROOT)
    failed("BAD_SHAPE", size, index, (*proof, proof[0]), root)
    failed("BAD_SHAPE", size, index, (root, *proof), root)
    failed("BAD_SHAPE", size, index, proof[:-1], root)
    failed("BAD_SHAPE", size, index, (*proof[:row], proof[row][:31], *proof[row + 1 :]), root)
    failed("BAD_SHAPE", index, index, proof, root)
    with pytest.raises(HostileInput):
        verify_inclusion(HASHES[(index + 1) % size], index, size, proof, root)
    with pytest.raises(HostileInput):
        verify_inclusion(HASHES[index], index + 1, size, proof, root)


@settings(max_examples=60)
@given(st.data())
def test_every_corruption_of_a_consistency_proof_fails_for_its_reason(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 2000))
    old = data.draw(st.integers(1, size - 1))
    old_root, root = root_at(old, READER), root_at(size, READER)
    proof = consistency_proof(old, size, READER)
    row = data.draw(st.integers(0, len(proof) - 1))
    flipped = bytes([proof[row][0] ^ 1 << data.draw(st.integers(0, 7))]) + proof[row][1:]
    cases = [
        ("DIGEST_MISMATCH", old, size, (*proof[:row], flipped, *proof[row + 1 :]), old_root, root),
        ("DIGEST_MISMATCH", old, size, proof, root, root),
        ("DIGEST_MISMATCH", old, size, proof, old_root, old_root),
        ("BAD_SHAPE", old, size, (*proof, root), old_root, root),
        ("BAD_SHAPE", old, size, proof[:-1], old_root, root),
        ("BAD_SHAPE", old, size, (), old_root, root),
        ("BAD_SHAPE", old, size, proof, old_root[:31], root),
        ("BAD_SHAPE", size, old, proof, root, old_root),
        ("BAD_SHAPE", 0, size, proof, EMPTY_ROOT, root),
        ("BAD_SHAPE", size, size, proof, root, root),
        ("DIGEST_MISMATCH", size, size, (), old_root, root),
        ("BAD_SHAPE", old, 2**63, proof, old_root, root),
    ]
    for reason, first, second, hashes, first_root, second_root in cases:
        with pytest.raises(HostileInput) as caught:
            verify_consistency(first, second, hashes, first_root, second_root)
        assert caught.value.reason == reason, (reason, first, second, caught.value.message)


def test_of_an_empty_tree_nothing_is_proven() -> None:
    assert root_at(0, TileSet({})) == EMPTY_ROOT
    assert tiles_for_root(0) == ()
    with pytest.raises(HostileInput):
        verify_consistency(0, 0, (), EMPTY_ROOT, EMPTY_ROOT)
    with pytest.raises(HostileInput):
        verify_inclusion(EMPTY_ROOT, 0, 0, (), EMPTY_ROOT)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 5), (0, 2**63)])
def test_proofs_of_what_is_not_there(index: int, size: int) -> None:
    with pytest.raises(RequestError):
        inclusion_proof(index, size, READER)
    with pytest.raises(RequestError):
        consistency_proof(size + 1, size, READER)
    with pytest.raises(RequestError):
        consistency_proof(0, size, READER)


def test_a_missing_tile_is_said() -> None:
    with pytest.raises(StateError) as caught:
        inclusion_proof(0, 300, TileSet({(0, 0): TILES[(0, 0)]}))
    assert caught.value.reason == "LOG_INCONSISTENT"
    assert "tile 1 of level 0" in caught.value.message


def test_the_largest_tree_can_be_planned() -> None:
    # No tile exists; the point is that naming them takes no time.
    assert len(tiles_for_inclusion(2**62, 2**63 - 1)) <= 16
    assert len(tiles_for_consistency(2**62 + 1, 2**63 - 1)) <= 24
