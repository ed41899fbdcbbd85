"""The RFC 6962 tree, rebuilt from the entries bundle by bundle, and its tiles (C2SP tlog-tiles)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

WIDTH = 256  # hashes of a full tile
HASH = 32  # bytes


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 || entry)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def tree_root(hashes: list[bytes]) -> bytes:
    """MTH over hashes that are already those of leaves or of equal perfect subtrees."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    while len(hashes) > 1:
        # A last odd hash moves up unchanged, which is what splitting at the largest power of two comes to.
        pairs = zip(hashes[::2], hashes[1::2], strict=False)
        odd = hashes[-1:] if len(hashes) % 2 else []
        hashes = [hashlib.sha256(b"\x01" + left + right).digest() for left, right in pairs] + odd
    return hashes[0]


def root_of_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Walk from a leaf hash to the root that its path leads to (RFC 9162, section 2.1.3.2).

    Raises:
        ValueError: when no tree of this size has such a path.
    """
    if not 0 <= index < size < 2**63 or any(len(other) != HASH for other in (leaf, *path)):
        raise ValueError("a path of no entry of its tree")
    node, place, last = leaf, index, size - 1
    for other in path:
        if last == 0:
            raise ValueError("a path with too many hashes")
        if place % 2 or place == last:
            node = hashlib.sha256(b"\x01" + other + node).digest()
            while place and not place % 2:
                place, last = place // 2, last // 2
        else:
            node = hashlib.sha256(b"\x01" + node + other).digest()
        place, last = place // 2, last // 2
    if last:
        raise ValueError("a path with too few hashes")
    return node


def verify_consistency(old_size: int, size: int, proof: Sequence[bytes], old_root: bytes, root: bytes) -> None:
    """Check that a tree continues an older one (RFC 9162, section 2.1.4.2).

    Raises:
        ValueError: with the reason.
    """
    if not 1 <= old_size <= size < 2**63:
        raise ValueError("a proof of consistency needs 1 <= old size <= size")
    if old_size == size:
        if proof:
            raise ValueError("a proof of consistency with too many hashes")
        if old_root != root:
            raise ValueError("two trees of one size have different roots: the log forked")
        return
    if any(len(value) != HASH for value in (old_root, root, *proof)):
        raise ValueError("a proof of consistency with a hash that is not 32 bytes long")
    path = list(proof) if old_size & (old_size - 1) else [old_root, *proof]
    if not path:
        raise ValueError("a proof of consistency with too few hashes")
    place, last = old_size - 1, size - 1
    while place % 2:
        place, last = place // 2, last // 2
    before = after = path[0]
    for other in path[1:]:
        if last == 0:
            raise ValueError("a proof of consistency with too many hashes")
        if place % 2 or place == last:
            before = hashlib.sha256(b"\x01" + other + before).digest()
            after = hashlib.sha256(b"\x01" + other + after).digest()
            while place and not place % 2:
                place, last = place // 2, last // 2
        else:
            after = hashlib.sha256(b"\x01" + after + other).digest()
        place, last = place // 2, last // 2
    if last:
        raise ValueError("a proof of consistency with too few hashes")
    if before != old_root:
        raise ValueError("a proof of consistency does not lead to the older root")
    if after != root:
        raise ValueError("a proof of consistency does not lead to the newer root")


def tile_path(level: int | str, index: int, width: int) -> str:
    """Where a tile (or, at level "entries", an entry bundle) lies."""
    return f"tile/{level}/{numbered(index)}" + ("" if width == WIDTH else f".p/{width}")


def numbered(index: int) -> str:
    """A tile number in groups of three digits, all but the last behind an x."""
    digits = str(index)
    digits = digits.rjust(-(-len(digits) // 3) * 3, "0")
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    return "/".join(["x" + group for group in groups[:-1]] + groups[-1:])


def tiles_of(size: int) -> Iterator[tuple[int, int, int]]:
    """(level, index, width) of every tile of a tree."""
    level, count = 0, size
    while count:
        yield from ((level, index, min(WIDTH, count - index * WIDTH)) for index in range(-(-count // WIDTH)))
        level, count = level + 1, count // WIDTH


def bundles_of(size: int) -> Iterator[tuple[int, int]]:
    """(index, width) of every entry bundle."""
    return ((index, width) for level, index, width in tiles_of(size) if level == 0)


def edge_of(bundles: int) -> Iterator[tuple[int, int, int]]:
    """(level, index, width) of the unfinished tiles of a tree of full bundles; a width may be 0."""
    level, count = 0, bundles * WIDTH
    while count:
        yield level, count // WIDTH, count % WIDTH
        level, count = level + 1, count // WIDTH


class TreeBuilder:
    """Grows the tree tile by tile from the left; keeps one unfinished tile per level."""

    def __init__(self) -> None:
        """Start with the empty tree."""
        self._open: list[list[bytes]] = []
        self._done: list[int] = []

    @classmethod
    def at(cls, bundles: int, tiles: Mapping[int, bytes]) -> TreeBuilder:
        """Start with a tree of full bundles.

        Args:
            bundles: how many.
            tiles: by level from 1, at least the hashes of the unfinished tile that `edge_of` names.
        """
        builder = cls()
        for level, index, width in edge_of(bundles):
            content = tiles.get(level, b"")
            builder._open.append([content[at : at + HASH] for at in range(0, width * HASH, HASH)])
            builder._done.append(index)
        return builder

    def add(self, leaf_hashes: list[bytes]) -> Iterator[tuple[int, int, bytes]]:
        """Append at most one bundle's leaf hashes and yield each tile (level, index, hashes) that this fills.

        Bundles are full except for the last.
        """
        level, fresh = 0, leaf_hashes
        while fresh:
            if level == len(self._open):
                self._open.append([])
                self._done.append(0)
            self._open[level] += fresh
            if len(self._open[level]) < WIDTH:
                return
            full, self._open[level] = self._open[level], []
            yield level, self._done[level], b"".join(full)
            self._done[level] += 1
            level, fresh = level + 1, [tree_root(full)]

    def partial(self) -> Iterator[tuple[int, int, bytes]]:
        """Yield the unfinished tiles."""
        for level, hashes in enumerate(self._open):
            if hashes:
                yield level, self._done[level], b"".join(hashes)

    def root(self, further: list[bytes] | None = None) -> bytes:
        """Root of the tree so far, or of it with fewer than 256 further leaves where level 0 is empty."""
        root: bytes | None = None
        for level, hashes in enumerate(self._open):
            row = hashes + (further or []) if level == 0 else hashes
            if root is None:
                root = tree_root(row) if row else None
            elif row:
                # Everything to the left in this tile, joined with what lies to the right below it.
                root = _join(row, root)
        if root is None:
            return tree_root(further or [])
        return root


def _join(row: list[bytes], right: bytes) -> bytes:
    """Root over perfect subtrees of one level and a smaller subtree to their right."""
    for bit in range(len(row).bit_length()):
        size = 1 << bit
        if len(row) & size:
            row, last = row[:-size], row[-size:]
            right = hashlib.sha256(b"\x01" + tree_root(last) + right).digest()
    return right
