"""Tiles and entry bundles: how the log lies in files and database rows.

The tree is stored as tiles of up to 256 consecutive hashes. A tile at level L
holds, in order, the hashes of subtrees over 256^L entries each; so level 0 holds
leaf hashes, and each hash above is the root of a full tile below. A partial tile
is a prefix of the full one: a store that keeps only the widest has them all.

Source: C2SP tlog-tiles.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.errors import HostileInput, Misuse
from gateway.tlog.leaf import MAX_ENTRY_BYTES

TILE_WIDTH = 256
TILE_HEIGHT = 8  # levels of the tree between a tile's root and its hashes
HASH_BYTES = 32


@dataclass(frozen=True, slots=True, order=True)
class TileId:
    """Names a tile: level 0-63, index in the level, width 1-256 hashes."""

    level: int
    index: int
    width: int

    @property
    def path(self) -> str:
        """Where the tile lies in an export, e.g. tile/0/x001/067.p/8."""
        return f"tile/{self.level}/{_numbered(self.index, self.width)}"


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile with its hashes (32 · width bytes)."""

    level: int
    index: int
    hashes: bytes

    @property
    def width(self) -> int:
        """Number of hashes, 1 to 256."""
        return len(self.hashes) // HASH_BYTES

    @property
    def id(self) -> TileId:
        """The name of the tile at its present width."""
        return TileId(self.level, self.index, self.width)


def tiles_of(size: int) -> Iterator[TileId]:
    """Name every tile of a tree of `size` entries, level by level.

    For example 70,000 entries make 273 full and one partial tile (112) at level
    0, one full and one partial (17) at level 1 and one partial (1) at level 2.
    """
    for level in range(64 // TILE_HEIGHT):
        hashes = size >> (TILE_HEIGHT * level)
        if hashes == 0:
            return
        for index in range(hashes // TILE_WIDTH):
            yield TileId(level, index, TILE_WIDTH)
        if hashes % TILE_WIDTH:
            yield TileId(level, hashes // TILE_WIDTH, hashes % TILE_WIDTH)


def bundle_path(index: int, width: int) -> str:
    """Where the bundle of entries 256·index and following lies, e.g. tile/entries/x001/067.p/8."""
    return f"tile/entries/{_numbered(index, width)}"


def opened_path(index: int) -> str:
    """Where the opened payloads of a bundle lie, e.g. opened/x001/067.jsonl."""
    return f"opened/{_numbered(index, TILE_WIDTH)}.jsonl"


def entry_bundle(entries: Sequence[bytes]) -> bytes:
    """Join up to 256 entries, each behind its length as big-endian u16.

    Raises:
        Misuse: for no or too many entries, or one above 65,535 bytes.
    """
    if not 0 < len(entries) <= TILE_WIDTH:
        raise Misuse(f"an entry bundle holds 1 to {TILE_WIDTH} entries")
    if any(len(entry) > MAX_ENTRY_BYTES for entry in entries):
        raise Misuse(f"a log entry has at most {MAX_ENTRY_BYTES} bytes")
    return b"".join(part for entry in entries for part in (len(entry).to_bytes(2, "big"), entry))


def parse_bundle(bundle: bytes) -> list[bytes]:
    """Split a bundle into its 1 to 256 entries.

    Raises:
        HostileInput: BAD_SHAPE.
    """
    entries: list[bytes] = []
    position = 0
    while position < len(bundle):
        start = position + 2
        position = start + int.from_bytes(bundle[position:start], "big")
        if start > len(bundle) or position > len(bundle):
            raise HostileInput("BAD_SHAPE", f"an entry bundle ends inside entry {len(entries)}")
        entries.append(bundle[start:position])
    if not 0 < len(entries) <= TILE_WIDTH:
        raise HostileInput("BAD_SHAPE", f"an entry bundle holds {len(entries)} entries, not 1 to {TILE_WIDTH}")
    return entries


def _numbered(index: int, width: int) -> str:
    """Write a tile number in groups of three digits, all but the last marked x, and the width if partial."""
    if index < 0 or not 0 < width <= TILE_WIDTH:
        raise Misuse("a tile has an index from 0 and a width of 1 to 256")
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.insert(0, f"x{index % 1000:03d}")
    suffix = "" if width == TILE_WIDTH else f".p/{width}"
    return "/".join(groups) + suffix
