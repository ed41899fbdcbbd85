"""The Merkle tree of RFC 6962, grown in batches at its right edge.

The state of the tree between two batches is its *edge*: per tile level the
hashes of the one partial tile. `integrate` takes an edge and the leaf hashes of
a batch and says which tiles change, what the new edge and the new root are. The
store writes exactly that, in one transaction; recovery calls the same function.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.errors import Misuse, StateError
from gateway.tlog.tile import HASH_BYTES, TILE_HEIGHT, TILE_WIDTH, Tile, TileId

EMPTY_ROOT = hashlib.sha256(b"").digest()  # RFC 6962, section 2.1: MTH({})

_TILE_BYTES = TILE_WIDTH * HASH_BYTES


@dataclass(frozen=True, slots=True)
class Edge:
    """The tree's right edge.

    Attributes:
        size: entries in the tree.
        partial: per tile level the hashes of its partial tile, empty where the
            level ends with a full one. Level L holds (size >> 8L) mod 256 hashes.
    """

    size: int
    partial: tuple[bytes, ...]

    def __post_init__(self) -> None:
        """Refuse an edge whose hashes do not fit its size: the store lost or mixed up rows."""
        for level, hashes in enumerate(self.partial):
            if len(hashes) != HASH_BYTES * _hashes_at_edge(self.size, level):
                raise StateError(
                    "LOG_INCONSISTENT", f"the log's edge does not fit its size at tile level {level}; run fsck"
                )
        if self.size >> (TILE_HEIGHT * len(self.partial)):
            raise StateError("LOG_INCONSISTENT", "the log's edge lacks its upper tile levels; run fsck")


EMPTY_EDGE = Edge(0, ())


@dataclass(frozen=True, slots=True)
class Integration:
    """What a batch does to the tree: tiles to write, the edge after it, its root."""

    edge: Edge
    tiles: tuple[Tile, ...]
    root: bytes


def leaf_hash(entry: bytes) -> bytes:
    """Hash an entry: SHA-256(0x00 || entry). Source: RFC 6962, section 2.1."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees: SHA-256(0x01 || left || right). Source: RFC 6962, section 2.1."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def perfect_root(hashes: bytes) -> bytes:
    """Root of a perfect subtree given 2^k consecutive hashes of one level (32 · 2^k bytes)."""
    count = len(hashes) // HASH_BYTES
    if len(hashes) % HASH_BYTES or count == 0 or count & (count - 1):
        raise Misuse("a perfect subtree has a power of two of 32-byte hashes")
    sha256 = hashlib.sha256
    while len(hashes) > HASH_BYTES:
        hashes = b"".join(
            [
                sha256(b"\x01" + hashes[at : at + 2 * HASH_BYTES]).digest()
                for at in range(0, len(hashes), 2 * HASH_BYTES)
            ]
        )
    return hashes


def fold_peaks(peaks: Sequence[bytes]) -> bytes:
    """Root over perfect subtrees of falling size, left to right: the smallest two join first."""
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node_hash(peak, root)
    return root


def edge_tiles(size: int) -> tuple[TileId, ...]:
    """Name the partial tiles that hold the edge of a tree of `size` entries, lowest level first."""
    return tuple(
        TileId(level, (size >> (TILE_HEIGHT * level)) // TILE_WIDTH, _hashes_at_edge(size, level))
        for level in range(_levels(size))
        if _hashes_at_edge(size, level)
    )


def edge_of(size: int, tiles: Mapping[tuple[int, int], bytes]) -> Edge:
    """Assemble the edge of a tree from stored tiles.

    Args:
        size: entries in the tree.
        tiles: hashes by (level, index), at least those that `edge_tiles` names;
            wider ones are cut.

    Raises:
        StateError: LOG_INCONSISTENT when one is missing or too narrow.
    """
    partial = [b""] * _levels(size)
    for wanted in edge_tiles(size):
        partial[wanted.level] = tiles.get((wanted.level, wanted.index), b"")[: wanted.width * HASH_BYTES]
    return Edge(size, tuple(partial))


def edge_root(edge: Edge) -> bytes:
    """Root hash of the whole tree, from its edge alone."""
    return fold_peaks([peak for hashes in reversed(edge.partial) for peak in _peaks(hashes)])


def integrate(edge: Edge, leaf_hashes: Sequence[bytes]) -> Integration:
    """Append a batch of leaves.

    Args:
        edge: the tree before, EMPTY_EDGE for a new one.
        leaf_hashes: n >= 0 hashes of 32 bytes, in order of index.

    Returns:
        The new edge and root, and every tile that the batch completed or widened.

    Raises:
        Misuse: for a hash that is not 32 bytes long.
    """
    if any(len(leaf) != HASH_BYTES for leaf in leaf_hashes):
        raise Misuse("a leaf hash has 32 bytes")
    tiles: list[Tile] = []
    partial = list(edge.partial)
    fresh = b"".join(leaf_hashes)
    level = 0
    while fresh:
        if level == len(partial):
            partial.append(b"")
        index = (edge.size >> (TILE_HEIGHT * level)) // TILE_WIDTH
        hashes = partial[level] + fresh
        whole = len(hashes) - len(hashes) % _TILE_BYTES
        full = [hashes[at : at + _TILE_BYTES] for at in range(0, whole, _TILE_BYTES)]
        tiles += [Tile(level, index + row, tile) for row, tile in enumerate(full)]
        partial[level] = hashes[whole:]
        if partial[level]:
            tiles.append(Tile(level, index + len(full), partial[level]))
        # A full tile's root is one hash of the level above; a partial tile is never hashed upwards.
        fresh = b"".join([perfect_root(tile) for tile in full])
        level += 1
    after = Edge(edge.size + len(leaf_hashes), tuple(partial))
    return Integration(after, tuple(tiles), edge_root(after))


def _hashes_at_edge(size: int, level: int) -> int:
    return (size >> (TILE_HEIGHT * level)) % TILE_WIDTH


def _levels(size: int) -> int:
    return -(-size.bit_length() // TILE_HEIGHT)


def _peaks(hashes: bytes) -> Iterator[bytes]:
    """Roots of the perfect subtrees over a partial tile's hashes, largest first."""
    position, count = 0, len(hashes) // HASH_BYTES
    for bit in reversed(range(TILE_HEIGHT)):
        if count >> bit & 1:
            after = position + (HASH_BYTES << bit)
            yield perfect_root(hashes[position:after])
            position = after
