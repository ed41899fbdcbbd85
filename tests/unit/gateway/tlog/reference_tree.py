"""RFC 6962, section 2.1, as it is written there: recursive, slow, plainly right."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

Hashes = Sequence[bytes]  # leaf hashes


def mth(leaves: Hashes) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m: int, entries: range, subtree: Callable[[int, int], bytes]) -> list[bytes]:
    """PATH(m, D[n]) with m counted from the first of `entries`; subtree(low, high) is MTH(D[low:high])."""
    if len(entries) == 1:
        return []
    k = split(len(entries))
    left, right = entries[:k], entries[k:]
    if m < k:
        return [*path(m, left, subtree), subtree(right.start, right.stop)]
    return [*path(m - k, right, subtree), subtree(left.start, left.stop)]


def proof(m: int, leaves: Hashes) -> list[bytes]:
    return subproof(m, leaves, True)


def subproof(m: int, leaves: Hashes, known: bool) -> list[bytes]:
    if m == len(leaves):
        return [] if known else [mth(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], known), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), mth(leaves[:k])]


def split(count: int) -> int:
    """Largest power of two below count."""
    k = 1
    while k * 2 < count:
        k *= 2
    return k
