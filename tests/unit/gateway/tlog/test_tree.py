from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Misuse, StateError
from gateway.tlog.tile import Tile, tiles_of
from gateway.tlog.tree import (
    EMPTY_EDGE,
    EMPTY_ROOT,
    Edge,
    edge_of,
    edge_root,
    edge_tiles,
    integrate,
    leaf_hash,
    node_hash,
    perfect_root,
)
from tests.unit.gateway.tlog.reference_tree import mth

RFC6962 = json.loads((Path(__file__).parents[3] / "vectors" / "rfc6962.json").read_text())


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(b"entry-%d" % index) for index in range(count)]


def stored(tiles: dict[tuple[int, int], bytes], written: tuple[Tile, ...]) -> dict[tuple[int, int], bytes]:
    return tiles | {(tile.level, tile.index): tile.hashes for tile in written}


def test_hashes_of_the_rfc() -> None:
    assert EMPTY_ROOT.hex() == RFC6962["empty_root"]
    assert leaf_hash(b"").hex() == RFC6962["empty_leaf_hash"]
    entries = [bytes.fromhex(entry) for entry in RFC6962["leaves"]]
    for size, root in enumerate(RFC6962["roots"], start=1):
        assert integrate(EMPTY_EDGE, [leaf_hash(entry) for entry in entries[:size]]).root.hex() == root


def test_every_root_up_to_600_one_leaf_at_a_time() -> None:
    hashes, edge = leaves(600), EMPTY_EDGE
    assert edge_root(edge) == EMPTY_ROOT
    for size, leaf in enumerate(hashes, start=1):
        step = integrate(edge, [leaf])
        edge = step.edge
        assert edge.size == size
        if size % 7 == 0 or size in (1, 2, 255, 256, 257, 511, 512, 513):
            assert step.root == mth(hashes[:size])


@settings(max_examples=30)
@given(st.lists(st.integers(0, 700), min_size=1, max_size=8))
def test_batches_of_any_length_give_the_tree_of_the_whole(batches: list[int]) -> None:
    hashes = leaves(sum(batches))
    whole = integrate(EMPTY_EDGE, hashes)
    edge, tiles = EMPTY_EDGE, dict[tuple[int, int], bytes]()
    root = EMPTY_ROOT
    for count in batches:
        step = integrate(edge, hashes[edge.size : edge.size + count])
        tiles = stored(tiles, step.tiles)
        # The store keeps the tiles only; the edge is read back from them.
        edge, root = edge_of(step.edge.size, tiles), step.root
        assert edge == step.edge
    assert root == whole.root == edge_root(edge)
    assert tiles == stored({}, whole.tiles)
    assert {(tile.level, tile.index, tile.width) for tile in tiles_of(len(hashes))} == {
        (level, index, len(hashes) // 32) for (level, index), hashes in tiles.items()
    }


def test_only_changed_tiles_are_written() -> None:
    edge = integrate(EMPTY_EDGE, leaves(700)).edge
    step = integrate(edge, leaves(3))
    assert [(tile.level, tile.index, tile.width) for tile in step.tiles] == [(0, 2, 191)]
    step = integrate(edge, leaves(70))
    assert [(tile.level, tile.index, tile.width) for tile in step.tiles] == [(0, 2, 256), (0, 3, 2), (1, 0, 3)]
    assert integrate(edge, []).tiles == ()
    assert integrate(edge, []).edge == edge


def test_a_full_tiles_root_stands_in_the_tile_above() -> None:
    hashes = leaves(256)
    step = integrate(EMPTY_EDGE, hashes)
    assert [tile.path for tile in (tile.id for tile in step.tiles)] == ["tile/0/000", "tile/1/000.p/1"]
    assert step.tiles[1].hashes == mth(hashes) == step.root


def test_nodes() -> None:
    left, right = leaves(2)
    assert perfect_root(left + right) == node_hash(left, right) == mth([left, right])
    for wrong in (b"", left[:31], left * 3):
        with pytest.raises(Misuse):
            perfect_root(wrong)


def test_an_edge_that_does_not_fit_its_size_is_refused() -> None:
    step = integrate(EMPTY_EDGE, leaves(300))
    tiles = stored({}, step.tiles)
    assert [tile.path for tile in edge_tiles(300)] == ["tile/0/001.p/44", "tile/1/000.p/1"]
    for broken in ({}, tiles | {(0, 1): b""}, tiles | {(0, 1): tiles[(0, 1)][:-32]}, tiles | {(1, 0): b""}):
        with pytest.raises(StateError) as caught:
            edge_of(300, broken)
        assert caught.value.reason == "LOG_INCONSISTENT"
    with pytest.raises(StateError):
        Edge(300, (step.edge.partial[0],))


def test_a_wrong_leaf_hash_is_a_bug() -> None:
    with pytest.raises(Misuse):
        integrate(EMPTY_EDGE, [b"short"])
