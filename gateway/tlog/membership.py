"""Proof of membership in a cohort: the path of a leaf in a tree whose leaves are sorted, or of the two around a gap.

A cohort is committed to as the RFC 6962 root over HMAC-SHA256(run salt, subject_ref), ascending, each once. So who
was in has a leaf; and of who was not, the leaves before and behind the place where it would stand are neighbours.
That two leaves are neighbours follows from their paths: below the node where these part, one keeps to the right and
the other to the left. No size is trusted for that.

    {v, kind, party, side, made, subject, salt, member, people, leaves: [{index, mac, path}], run, judgement,
     log: {vkey, checkpoint, entries: [{index, entry, payload, salt, path}]}, signature}

`run` is the evidence of the run as an export has it, with both parties' signatures under the commitment; `log`
opens the entries of this person's consent events, all of them, and proves each in the checkpoint; the signature is
the party's over "assent membership v1" newline and the record without it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway import kernel
from gateway.tlog.tree import EMPTY_ROOT, leaf_hash, node_hash

BUNDLE_VERSION = 1
STEP = 1 << 12  # leaves whose tree is kept as one hash; a power of two, so that it is a node of the whole tree

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class ProvenLeaf:
    """A leaf of a cohort's tree.

    Attributes:
        index: from 0.
        mac: what it holds, 32 bytes.
        path: from its sibling up, 32 bytes each.
    """

    index: int
    mac: bytes
    path: tuple[bytes, ...]

    def to_mapping(self) -> dict[str, object]:
        """Return the JSON-able form."""
        return {"index": self.index, "mac": _base64(self.mac), "path": [_base64(value) for value in self.path]}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a person stands, or would stand, in a cohort.

    Attributes:
        member: whether it has a leaf.
        people: leaves of the tree.
        root: 32 bytes.
        leaves: its own; or the neighbours of the gap, one at either end of the tree, none in an empty one.
    """

    member: bool
    people: int
    root: bytes
    leaves: tuple[ProvenLeaf, ...]


class PlaceFinder:
    """Takes the sorted leaves of a cohort in pieces and keeps what proves one person's place.

    Memory: a hash for every 4,096 leaves, and the leaves of two such groups. Blocks.
    """

    def __init__(self, mac: bytes) -> None:
        """Look for one leaf.

        Args:
            mac: HMAC-SHA256(run salt, subject_ref), 32 bytes.
        """
        self._mac = mac
        self._roots: list[bytes] = []
        self._open = np.empty((0, 32), dtype=np.uint8)
        self._before: Bytes | None = None  # the group before the one that is open
        self._kept: dict[int, Bytes] = {}  # groups, by number, with the place in or between them
        self._people = 0

    def add(self, macs: Bytes) -> None:
        """Take the next leaves, (n, 32) ascending, each once."""
        self._people += len(macs)
        self._open = np.concatenate([self._open, macs])
        while len(self._open) >= STEP:
            group, self._open = np.ascontiguousarray(self._open[:STEP]), self._open[STEP:]
            self._close(group)

    def place(self) -> Place:
        """Return the proof; to be asked once, after the last leaf."""
        if len(self._open):
            self._close(np.ascontiguousarray(self._open))
        if not self._roots:
            return Place(False, 0, EMPTY_ROOT, ())
        last = len(self._roots) - 1
        if not self._kept and self._before is not None:
            self._kept[last] = self._before  # behind everybody
        known = {
            number * STEP + row: mac for number, group in self._kept.items() for row, mac in enumerate(_rows(group))
        }
        behind = min((index for index, mac in known.items() if mac >= self._mac), default=self._people)
        member = known.get(behind) == self._mac
        wanted = [behind] if member else [index for index in (behind - 1, behind) if 0 <= index < self._people]
        leaves = tuple(ProvenLeaf(index, known[index], self._path(index)) for index in wanted)
        return Place(member, self._people, root_over(self._roots), leaves)

    def _close(self, group: Bytes) -> None:
        tree = kernel.MerkleRoot()
        tree.add(group)
        self._roots.append(tree.root())
        if not self._kept and group[-1].tobytes() >= self._mac:
            number = len(self._roots) - 1
            self._kept[number] = group
            if self._before is not None:
                self._kept[number - 1] = self._before
        self._before = group

    def _path(self, index: int) -> tuple[bytes, ...]:
        number, row = divmod(index, STEP)
        group = [leaf_hash(mac) for mac in _rows(self._kept[number])]
        return (*path_over(group, row), *path_over(self._roots, number))


def path_over(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """Return the path of one of some hashes to the root over them, from its sibling up."""
    path = []
    while len(hashes) > 1:
        beside = index ^ 1
        if beside < len(hashes):
            path.append(hashes[beside])
        hashes, index = _above(hashes), index // 2
    return path


def root_over(hashes: Sequence[bytes]) -> bytes:
    """Return the root over hashes of leaves, or of equal perfect subtrees but for the last; at least one."""
    while len(hashes) > 1:
        hashes = _above(hashes)
    return hashes[0]


def _above(hashes: Sequence[bytes]) -> list[bytes]:
    # A last odd hash moves up unchanged, which is what splitting at the largest power of two comes to.
    pairs = [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes) - 1, 2)]
    return pairs + list(hashes[-1:] if len(hashes) % 2 else [])


def _rows(group: Bytes) -> Iterable[bytes]:
    return (row.tobytes() for row in group)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
