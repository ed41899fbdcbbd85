"""Numbering: the references of a cohort become bits over people who have numbers, 2^16 of them to a block.

People get their numbers the first time that they are in a cohort. A bit says that a numbered person was in; members
who have no number, because they were erased meanwhile, stand as leaves of the tree.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from gateway import kernel
from gateway.errors import StateError
from gateway.flow.pipeline import in_turn
from gateway.flow.ports import House, Sorter
from gateway.flow.ports.membership import BLOCK
from gateway.flow.threads import in_thread
from gateway.route.audit import AuditEvent
from gateway.route.membership import Membership
from gateway.route.subject_ref import REF_BYTES, once
from gateway.tlog.leaf import LeafType

Bytes = npt.NDArray[np.uint8]
PEOPLE = 20_000
"""Numbered in one transaction."""
KEPT = timedelta(days=3 * 366)
"""PIPL 56: records of processing are kept for three years at least."""
TRIES = 5
PAGE = 10
MOST_MEMORY = 64 << 20
"""Bytes for sorting a cohort: a run that starts meanwhile needs the rest more."""


class Bitmap:
    """Bits over numbers; in memory a byte for every number given so far."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._set = np.zeros(BLOCK, dtype=bool)

    def add(self, numbers: npt.NDArray[np.int64]) -> None:
        """Set the bits of numbers, none negative."""
        if len(numbers) and numbers.max() >= len(self._set):
            grown = np.zeros(max(2 * len(self._set), (int(numbers.max()) // BLOCK + 1) * BLOCK), dtype=bool)
            grown[: len(self._set)] = self._set
            self._set = grown
        self._set[numbers] = True

    def packed(self) -> dict[int, bytes]:
        """Return the blocks that hold anybody, as they are stored."""
        blocks = self._set.reshape(-1, BLOCK)
        held = np.flatnonzero(blocks.any(axis=1)).tolist()
        return {block: zlib.compress(np.packbits(blocks[block]).tobytes(), 6) for block in held}


class Bits:
    """Stored blocks, for looking numbers up."""

    def __init__(self, blocks: Mapping[int, bytes]) -> None:
        """Unpack blocks as `Bitmap.packed` made them."""
        packed = {block: np.frombuffer(zlib.decompress(bits), np.uint8) for block, bits in blocks.items()}
        size = (max(packed, default=-1) + 1) * (BLOCK // 8)
        self._bytes = np.zeros(size, dtype=np.uint8)
        for block, bits in packed.items():
            self._bytes[block * (BLOCK // 8) :][: len(bits)] = bits

    def of(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Return which numbers are set, (n,); a negative one never is."""
        found = np.zeros(len(numbers), dtype=bool)
        inside = np.flatnonzero((numbers >= 0) & (numbers < 8 * len(self._bytes)))
        places = numbers[inside]
        found[inside] = (self._bytes[places // 8] >> (7 - places % 8)) & 1 == 1
        return found


async def number_memberships(house: House) -> Mapping[str, int]:
    """Number the cohorts of runs that ended on this spool, and destroy those kept long enough."""
    numbered = 0
    while True:
        async with house.store.read() as tx:
            waiting = await tx.memberships.waiting(house.spool.spool_id, PAGE)
        for membership in waiting:
            await _number(house, membership)
            numbered += 1
        if len(waiting) < PAGE:
            return {"numbered": numbered, "destroyed": await _sweep(house)}


async def _number(house: House, membership: Membership) -> None:
    """Number one cohort; a kill leaves it waiting, and numbers that were given stay.

    Where somebody was erased or numbered by another meanwhile, it begins anew; after some tries the next round does.
    """
    job_id = membership.job_id
    try:
        with house.memory.lend(MOST_MEMORY) as memory, ExitStack() as stack:
            people = house.spool.sorter(job_id, "members", REF_BYTES, REF_BYTES, memory // 2)
            stack.callback(people.close)
            leaves = house.spool.sorter(job_id, "member-leaves", 32, 32, memory // 2)
            stack.callback(leaves.close)
            await _gather(house, membership, people, leaves)
            if await in_thread(root_of, leaves) != membership.commitment:
                raise StateError(
                    "LOG_INCONSISTENT",
                    "the kept people of a run are not those that it committed to; restore a backup",
                )
            for _ in range(TRIES):
                if await _store_bits(house, membership, people):
                    break
            else:
                return
    finally:
        await in_thread(house.spool.drop, job_id)
    await house.results.delete_members(job_id)
    house.bells.ring("audit")


async def _store_bits(house: House, membership: Membership, people: Sorter) -> bool:
    """Number the people and store their bits; False when numbers changed meanwhile by another hand."""
    bitmap, apart = Bitmap(), list[bytes]()
    async with house.store.read() as tx:
        upcoming = await tx.memberships.next_number()
    async for refs in _steps(people):
        async with house.store.read() as tx:
            if await tx.memberships.next_number() != upcoming:
                return False
            numbers = await tx.memberships.numbers(refs)
        if (numbers < 0).any():
            async with house.store.begin() as tx:
                if not await tx.memberships.assign(refs[numbers < 0], upcoming):
                    return False
                numbers, upcoming = await tx.memberships.numbers(refs), await tx.memberships.next_number()
        bitmap.add(numbers[numbers >= 0])
        gone = np.ascontiguousarray(refs[numbers < 0])
        apart += [mac.tobytes() for mac in kernel.hmac_sha256(membership.salt, gone, 1)] if len(gone) else []
    blocks = await in_thread(bitmap.packed)
    payload = {
        "job": membership.job_id,
        "session": membership.session_id,
        "side": membership.side.value,
        "commitment": membership.commitment.hex(),
        "people": membership.people,
    }
    async with house.store.begin() as tx:
        if not await tx.memberships.number(membership.job_id, blocks, apart, upcoming):
            return False
        await tx.audit.append([AuditEvent(LeafType.MEMBERSHIP_KEPT, house.clock.now(), "", payload)])
    return True


async def _gather(house: House, membership: Membership, people: Sorter, leaves: Sorter) -> None:
    stored = await house.results.open_members(membership.job_id)
    if stored is None:
        raise StateError("LOG_INCONSISTENT", "the sealed people of a run's cohort are gone; restore the results folder")

    def add(batch: Bytes) -> None:
        people.add(batch)
        leaves.add(kernel.hmac_sha256(membership.salt, batch, house.limits.threads))

    def batches() -> Iterator[Bytes]:
        for batch in stored.batches():
            yield np.frombuffer(batch.column(0).buffers()[1], np.uint8)[batch.column(0).offset * REF_BYTES :][
                : len(batch) * REF_BYTES
            ].reshape(-1, REF_BYTES)

    async for batch in in_turn(batches()):
        await in_thread(add, batch)


async def _steps(people: Sorter) -> AsyncIterator[Bytes]:
    async for piece in in_turn(people.pieces()):
        refs, _ = once(piece)
        for start in range(0, len(refs), PEOPLE):
            yield refs[start : start + PEOPLE]


def root_of(leaves: Sorter) -> bytes:
    """Return the root over sorted leaves, each once. Blocks."""
    tree = kernel.MerkleRoot()
    for piece in leaves.pieces():
        tree.add(once(piece)[0])
    root: bytes = tree.root()
    return root


async def _sweep(house: House) -> int:
    destroyed, now = 0, house.clock.now()
    while True:
        async with house.store.begin() as tx:
            over = await tx.memberships.over(now - KEPT, PAGE)
            for membership in over:
                await tx.memberships.destroy(membership.job_id)
                payload = {"job": membership.job_id, "session": membership.session_id, "why": "retention_over"}
                await tx.audit.append([AuditEvent(LeafType.MEMBERSHIP_DESTROYED, now, "", payload)])
        destroyed += len(over)
        if over:
            house.bells.ring("audit")
        if len(over) < PAGE:
            return destroyed
