"""Inclusion and consistency proofs of RFC 6962: made from tiles, verified from hashes.

To make a proof is to hash some ranges of entries. `tiles_for_...` names the tiles
that hold those ranges, so that a caller can load them first, in one query, and
hand over a reader; the functions that verify need no store at all. They raise
and never return a verdict.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from gateway.errors import HostileInput, RequestError, StateError
from gateway.tlog.tile import HASH_BYTES, TILE_HEIGHT, TILE_WIDTH, TileId
from gateway.tlog.tree import EMPTY_ROOT, fold_peaks, node_hash, perfect_root

MAX_SIZE = 2**63 - 1  # entries; what a signed 64-bit column holds


class HashReader(Protocol):
    """Reads stored hashes."""

    def read(self, level: int, start: int, count: int) -> bytes:
        """Hashes start .. start+count of a tile level, 32 bytes each; the range never crosses a tile's border.

        Raises:
            StateError: LOG_INCONSISTENT when they are not all there.
        """
        ...


class TileSet:
    """A HashReader over tiles in memory."""

    def __init__(self, tiles: Mapping[tuple[int, int], bytes]) -> None:
        """Take hashes by (level, index); tiles may be wider than a proof needs."""
        self._tiles = tiles

    def read(self, level: int, start: int, count: int) -> bytes:
        """See HashReader."""
        index, offset = divmod(start, TILE_WIDTH)
        hashes = self._tiles.get((level, index), b"")[offset * HASH_BYTES : (offset + count) * HASH_BYTES]
        if len(hashes) != count * HASH_BYTES:
            raise StateError("LOG_INCONSISTENT", f"tile {index} of level {level} is missing or too narrow; run fsck")
        return hashes


def root_at(size: int, reader: HashReader) -> bytes:
    """Root of the first `size` entries."""
    return _range_root((0, size), reader) if size else EMPTY_ROOT


def tiles_for_root(size: int) -> tuple[TileId, ...]:
    """Name the tiles that `root_at` reads."""
    return _tiles_of_ranges([(0, size)] if size else [], size)


def inclusion_proof(index: int, size: int, reader: HashReader) -> tuple[bytes, ...]:
    """Prove that entry `index` is in the tree of `size` entries.

    Returns:
        Hashes from the leaf's sibling up to the root's child.

    Raises:
        RequestError: BAD_FIELD unless 0 <= index < size.

    Source: RFC 6962, section 2.1.1.
    """
    return tuple(_range_root(part, reader) for part in _inclusion_ranges(index, size))


def tiles_for_inclusion(index: int, size: int) -> tuple[TileId, ...]:
    """Name the tiles that `inclusion_proof` reads."""
    return _tiles_of_ranges(_inclusion_ranges(index, size), size)


def consistency_proof(old_size: int, size: int, reader: HashReader) -> tuple[bytes, ...]:
    """Prove that the tree of `size` entries continues the tree of `old_size`.

    Raises:
        RequestError: BAD_FIELD unless 1 <= old_size <= size; of an empty tree there is nothing to prove.

    Source: RFC 6962, section 2.1.2.
    """
    return tuple(_range_root(part, reader) for part in _consistency_ranges(old_size, size))


def tiles_for_consistency(old_size: int, size: int) -> tuple[TileId, ...]:
    """Name the tiles that `consistency_proof` reads."""
    return _tiles_of_ranges(_consistency_ranges(old_size, size), size)


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that a leaf hash is at `index` of the tree with this size and root.

    Raises:
        HostileInput: BAD_SHAPE when the proof cannot belong to this index and
            size, DIGEST_MISMATCH when it leads to another root.

    Source: RFC 9162, section 2.1.3.2, for the same tree.
    """
    _check_sizes(size, [leaf, root, *proof])
    # 1. The index lies in the tree.
    if not 0 <= index < size:
        raise HostileInput("BAD_SHAPE", "an inclusion proof is for an index outside its tree")
    # 2., 3. fn and sn walk up the levels: this node and the last node.
    fn, sn, r = index, size - 1, leaf
    # 4. Join each hash on its side.
    for p in proof:
        if sn == 0:
            raise HostileInput("BAD_SHAPE", "an inclusion proof is too long for its index and size")
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    # 5. All the way up, to the same root.
    if sn != 0:
        raise HostileInput("BAD_SHAPE", "an inclusion proof is too short for its index and size")
    if r != root:
        raise HostileInput("DIGEST_MISMATCH", "an inclusion proof leads to another root than the checkpoint's")


def verify_consistency(old_size: int, size: int, proof: Sequence[bytes], old_root: bytes, root: bytes) -> None:
    """Check that a tree continues an older one without changing it.

    Args:
        old_size: at least 1: the empty tree is continued by every tree, so that
            a proof of it would say nothing; callers decide that case themselves.
        size: at least old_size.
        proof: hashes as `consistency_proof` makes them; none for equal sizes.
        old_root: root of the older tree, 32 bytes.
        root: root of the newer tree, 32 bytes.

    Raises:
        HostileInput: BAD_SHAPE when the proof cannot belong to these sizes,
            DIGEST_MISMATCH when it leads to another of the two roots.

    Source: RFC 9162, section 2.1.4.2, for the same tree.
    """
    if not 1 <= old_size <= size:
        raise HostileInput("BAD_SHAPE", "a consistency proof needs 1 <= old size <= new size")
    # 1. Equal trees need no proof, others need one.
    if old_size == size or not proof:
        if old_size != size or proof:
            raise HostileInput("BAD_SHAPE", "a consistency proof has the wrong length for its sizes")
        if old_root != root:
            raise HostileInput("DIGEST_MISMATCH", "two trees of one size have different roots: the log forked")
        return
    _check_sizes(size, [old_root, root, *proof])
    # 2. A perfect old tree is a node of the new one and is left out of the proof.
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    # 3., 4. fn and sn: the last nodes of both trees on the level where they first differ.
    fn, sn = old_size - 1, size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    # 5., 6. Rebuild both roots from the same hashes.
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            raise HostileInput("BAD_SHAPE", "a consistency proof is too long for its sizes")
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    # 7. Both are as claimed.
    if sn != 0:
        raise HostileInput("BAD_SHAPE", "a consistency proof is too short for its sizes")
    if fr != old_root:
        raise HostileInput("DIGEST_MISMATCH", "a consistency proof does not lead to the older root")
    if sr != root:
        raise HostileInput("DIGEST_MISMATCH", "a consistency proof does not lead to the newer root")


_Range = tuple[int, int]  # entries [low, high); low is a multiple of every perfect subtree inside


def _inclusion_ranges(index: int, size: int) -> list[_Range]:
    if not 0 <= index < size <= MAX_SIZE:
        raise RequestError("BAD_FIELD", "the index of an inclusion proof must lie below the tree's size")
    low, high, ranges = 0, size, list[_Range]()
    while high - low > 1:
        split = low + _largest_power_below(high - low)
        if index < split:
            ranges.append((split, high))
            high = split
        else:
            ranges.append((low, split))
            low = split
    return ranges[::-1]


def _consistency_ranges(old_size: int, size: int) -> list[_Range]:
    if not 1 <= old_size <= size <= MAX_SIZE:
        raise RequestError("BAD_FIELD", "a consistency proof needs 1 <= old size <= size")
    low, high, ranges = 0, size, list[_Range]()
    while old_size != high:
        split = low + _largest_power_below(high - low)
        if old_size <= split:
            ranges.append((split, high))
            high = split
        else:
            ranges.append((low, split))
            low = split
    if low:  # else the old tree is itself a node, which the verifier knows
        ranges.append((low, high))
    return ranges[::-1]


def _largest_power_below(count: int) -> int:
    return 1 << ((count - 1).bit_length() - 1)


def _perfect_parts(part: _Range) -> Iterator[tuple[int, int, int]]:
    """Split a range into perfect subtrees, as (tile level, first hash, number of hashes) inside one tile."""
    low, high = part
    while low < high:
        height = (high - low).bit_length() - 1
        level = height // TILE_HEIGHT
        yield level, low >> (TILE_HEIGHT * level), 1 << (height % TILE_HEIGHT)
        low += 1 << height


def _range_root(part: _Range, reader: HashReader) -> bytes:
    return fold_peaks([perfect_root(reader.read(*hashes)) for hashes in _perfect_parts(part)])


def _tiles_of_ranges(ranges: Iterable[_Range], size: int) -> tuple[TileId, ...]:
    tiles = set()
    for part in ranges:
        for level, start, _ in _perfect_parts(part):
            index = start // TILE_WIDTH
            width = min(TILE_WIDTH, (size >> (TILE_HEIGHT * level)) - index * TILE_WIDTH)
            tiles.add(TileId(level, index, width))
    return tuple(sorted(tiles))


def _check_sizes(size: int, hashes: Sequence[bytes]) -> None:
    if size > MAX_SIZE:
        raise HostileInput("BAD_SHAPE", "a proof is for a tree beyond 2^63 - 1 entries")
    if any(len(value) != HASH_BYTES for value in hashes):
        raise HostileInput("BAD_SHAPE", "a proof holds a hash that is not 32 bytes long")
