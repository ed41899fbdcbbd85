from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import HostileInput, Misuse
from gateway.tlog.tile import TileId, bundle_path, entry_bundle, opened_path, parse_bundle, tiles_of


@pytest.mark.parametrize(
    ("index", "path"),
    [(0, "000"), (999, "999"), (1000, "x001/000"), (273, "273"), (67, "067"), (1234067, "x001/x234/067")],
)
def test_paths_of_the_specification(index: int, path: str) -> None:
    # C2SP tlog-tiles, section Merkle Tree: 1234067 is x001/x234/067.
    assert TileId(0, index, 256).path == f"tile/0/{path}"
    assert TileId(3, index, 8).path == f"tile/3/{path}.p/8"
    assert bundle_path(index, 256) == f"tile/entries/{path}"
    assert opened_path(index) == f"opened/{path}.jsonl"


def test_tiles_of_the_specifications_example() -> None:
    tiles = list(tiles_of(70_000))
    assert Counter((tile.level, tile.width) for tile in tiles) == {
        (0, 256): 273,
        (0, 112): 1,
        (1, 256): 1,
        (1, 17): 1,
        (2, 1): 1,
    }
    assert len({tile.path for tile in tiles}) == len(tiles)
    assert list(tiles_of(256)) == [TileId(0, 0, 256), TileId(1, 0, 1)]
    assert list(tiles_of(0)) == []


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=256))
def test_bundles_round_trip(entries: list[bytes]) -> None:
    bundle = entry_bundle(entries)
    assert parse_bundle(bundle) == entries
    assert len(bundle) == sum(map(len, entries)) + 2 * len(entries)


@pytest.mark.parametrize("bundle", [b"", b"\x00", b"\x00\x05abcd", b"\x00\x01a\x00", b"\x00\x00" * 257])
def test_broken_bundles_are_refused(bundle: bytes) -> None:
    with pytest.raises(HostileInput) as caught:
        parse_bundle(bundle)
    assert caught.value.reason == "BAD_SHAPE"


def test_longest_entry() -> None:
    assert parse_bundle(entry_bundle([b"x" * 65_535])) == [b"x" * 65_535]
    with pytest.raises(Misuse):
        entry_bundle([b"x" * 65_536])
    with pytest.raises(Misuse):
        entry_bundle([])
    with pytest.raises(Misuse):
        entry_bundle([b""] * 257)


@pytest.mark.parametrize(("index", "width"), [(-1, 256), (0, 0), (0, 257)])
def test_impossible_tiles(index: int, width: int) -> None:
    with pytest.raises(Misuse):
        bundle_path(index, width)
