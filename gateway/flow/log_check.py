"""A check of the whole log from its entries alone: `assent audit fsck`.

Every entry that the database numbered is hashed again, and the tree that they give
is held against everything that says something about it: counters, tiles, all
checkpoints, the signer's memory, and what opens each entry. It reads one snapshot
and changes nothing, so a gateway may run meanwhile.

After a crash the signer may be one batch ahead of the database: its checkpoint must
then be that of the pending entries.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass

from gateway.errors import HostileInput, StateError
from gateway.flow.checkpoint import is_unsigned, open_stored, tiles_of_log
from gateway.flow.ports import KeyCustody, Store, Transaction
from gateway.tlog.checkpoint import SignedCheckpoint
from gateway.tlog.leaf import check_opening
from gateway.tlog.note import VerifierKey, parse_vkey
from gateway.tlog.tile import TileId, tiles_of
from gateway.tlog.tree import EMPTY_EDGE, Edge, edge_tiles, integrate, leaf_hash

STEP = 8192  # entries that are read and hashed at a time
MOST_FAULTS = 100  # that are named; a log with one is wrong already


@dataclass(frozen=True, slots=True)
class LogCheck:
    """What a check found.

    Attributes:
        appended: entries that have a number.
        integrated: of them, those in the tree.
        signed: entries of the last checkpoint that the signer remembers; 0 for none.
        checkpoints: how many the database holds of this log.
        opened: integrated entries whose payload is there.
        faults: what is wrong, in words; none in a log that is whole.
    """

    appended: int
    integrated: int
    signed: int
    checkpoints: int
    opened: int
    faults: tuple[str, ...]

    @property
    def pending(self) -> int:
        """Entries that wait for the tree."""
        return self.appended - self.integrated


async def check_log(store: Store, custody: KeyCustody) -> LogCheck:
    """Derive the log's root again and compare all that was stored or signed of it.

    Args:
        store: the database.
        custody: whose card names the log, and whose signer remembers it.

    Raises:
        StateError: STORE_UNAVAILABLE; what is wrong with the log itself is in the result.
    """
    key = parse_vkey(custody.log_vkey())
    signed, trouble = None, ""
    try:
        # Before the snapshot: what was signed by now is in there, pending at least.
        signed = await asyncio.to_thread(custody.last_checkpoint)
    except StateError as error:
        if error.reason != "LOG_INCONSISTENT":
            raise
        trouble = error.message
    async with store.read() as tx:
        check = _Check(tx, key)
        if trouble:
            check.fault(trouble)
        elif signed is None and not await is_unsigned(tx, key):
            check.fault("the signer remembers nothing of a log that has entries in its tree")
        await check.run(signed)
        return LogCheck(
            await tx.audit.appended(),
            await tx.audit.size(),
            0 if signed is None else signed.checkpoint.size,
            check.checkpoints,
            check.opened,
            tuple(check.faults),
        )


class _Check:
    """One pass over one snapshot."""

    def __init__(self, tx: Transaction, key: VerifierKey) -> None:
        self._tx = tx
        self._key = key
        self.faults: list[str] = []
        self.checkpoints = 0
        self.opened = 0

    def fault(self, what: str) -> None:
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(what)

    async def run(self, signed: SignedCheckpoint | None) -> None:
        size, appended = await self._tx.audit.size(), await self._tx.audit.appended()
        if size > appended:
            self.fault(f"the tree has {size} entries, and only {appended} were ever numbered")
        await self._check_ends(size, appended, signed)
        edge = EMPTY_EDGE
        for start in range(0, appended, STEP):
            stop = min(start + STEP, appended)
            entries = await self._tx.audit.numbered(start, stop - start)
            found = [entry.pending_id for entry in entries]
            if found != list(range(start, stop)):
                gap = next((at for at, number in enumerate(found, start) if number != at), start + len(found))
                self.fault(f"entry {gap} is missing; nothing from there on can be compared")
                break
            hashes = await asyncio.to_thread(lambda: [leaf_hash(entry.leaf) for entry in entries])  # noqa: B023
            edge = await self._grow(edge, hashes, size, signed)
        if await self._tx.audit.numbered(appended, 1):
            self.fault(f"entries stand behind the {appended} that were numbered")
        await self._check_openings(size)

    async def _check_ends(self, size: int, appended: int, signed: SignedCheckpoint | None) -> None:
        """Check how far counters, checkpoints and signer say that the log goes."""
        newest = await self._tx.audit.checkpoint()
        began = await self._tx.epochs.get(self._key.name)
        promised = newest[0] if newest is not None else began.size if began is not None else 0
        if promised != size:
            self.fault(f"the tree has {size} entries, and the newest checkpoint is of {promised}")
        if signed is not None and signed.checkpoint.size > appended:
            self.fault(f"the signer signed {signed.checkpoint.size} entries, and the database holds {appended}")
        stored, wanted = await self._tx.audit.tile_count(), sum(1 for _ in tiles_of(size))
        if stored != wanted:
            self.fault(f"{stored} tiles are stored, and a tree of {size} entries has {wanted}")

    async def _grow(self, edge: Edge, hashes: list[bytes], size: int, signed: SignedCheckpoint | None) -> Edge:
        """Hash one step on, stopping wherever somebody named a root or the tree ends."""
        start, stop = edge.size, edge.size + len(hashes)
        roots = await self._promised(start, stop, signed)
        tiles: dict[tuple[int, int], bytes] = {}
        for cut in sorted({*roots, stop, *({size} if start < size < stop else ())}):
            grown = await asyncio.to_thread(integrate, edge, hashes[edge.size - start : cut - start])
            edge = grown.edge
            if cut <= size:
                tiles |= {(tile.level, tile.index): tile.hashes for tile in grown.tiles}
            for whose, root in roots.get(cut, ()):
                if grown.root != root:
                    self.fault(f"the first {cut} entries do not give the root of {whose}")
            if cut == size:
                await self._check_edge(size)
        await self._check_tiles(tiles)
        return edge

    async def _promised(
        self, above: int, up_to: int, signed: SignedCheckpoint | None
    ) -> dict[int, list[tuple[str, bytes]]]:
        """Return the roots that were named of trees of these sizes, by size."""
        roots: dict[int, list[tuple[str, bytes]]] = defaultdict(list)
        for stored in await self._tx.audit.checkpoints(above, up_to):
            self.checkpoints += 1
            roots[stored[0]].append(("the stored checkpoint", stored[1]))
            try:
                open_stored(stored, self._key)
            except StateError:
                self.fault(f"the stored checkpoint of {stored[0]} entries is not what this home's log key signed")
        began = await self._tx.epochs.get(self._key.name)
        if began is not None and above < began.size <= up_to:
            roots[began.size].append(("which this log began", began.root))
        if signed is not None and above < signed.checkpoint.size <= up_to:
            roots[signed.checkpoint.size].append(("the signer's memory", signed.checkpoint.root))
        return roots

    async def _check_tiles(self, derived: dict[tuple[int, int], bytes]) -> None:
        names = [TileId(level, index, len(hashes) // 32) for (level, index), hashes in derived.items()]
        stored = await tiles_of_log(self._tx, names)
        for (level, index), hashes in derived.items():
            held = stored.get((level, index))
            if held is None:
                self.fault(f"tile {index} of level {level} is missing")
            elif not held.startswith(hashes):
                self.fault(f"tile {index} of level {level} does not hold the hashes of its entries")

    async def _check_edge(self, size: int) -> None:
        """Check that no tile at the edge is wider than the tree."""
        wanted = edge_tiles(size)
        stored = await tiles_of_log(self._tx, wanted)
        for tile in wanted:
            if len(stored.get((tile.level, tile.index), b"")) > tile.width * 32:
                self.fault(f"tile {tile.index} of level {tile.level} is wider than the tree of {size} entries")

    async def _check_openings(self, size: int) -> None:
        """Check that what opens an entry is whole: payload and salt both, those that its leaf commits to; and filed."""
        altered = set()
        try:
            async for entry in self._tx.audit.entries(0, size):
                if entry.payload is None:
                    continue
                self.opened += 1
                if entry.salt is None:
                    self.fault(f"entry {entry.index} has a payload, and the salt that opens it is gone")
                    continue
                try:
                    check_opening(entry.leaf, entry.payload, entry.salt)
                except HostileInput:
                    altered.add(entry.index)
                    self.fault(f"entry {entry.index} does not commit to the payload and salt that are stored")
        except StateError as error:
            if error.reason != "LOG_INCONSISTENT":
                raise
            self.fault(error.message)
        for start in range(0, size, STEP):
            for index in await self._tx.audit.misfiled(start, min(start + STEP, size)):
                if index not in altered:
                    self.fault(f"entry {index} is filed under another type or name than its payload has")
