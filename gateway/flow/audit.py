"""The audit log: pending entries into the tree, checkpoints, proofs.

`sequence` is the only writer of the tree. Pending entries are read and hashed
while others write; one transaction then checks that the tree still is what the
last checkpoint promised, widens it and stores the new signed checkpoint. A crash
before its commit leaves everything pending, and the next call does the same
again. A log that does not continue its own last checkpoint is never signed:
`sequence` stops with LOG_INCONSISTENT, and so does the signer, which remembers
the last checkpoint apart from the database and believes its own memory alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.agreement.agreement import signatory
from gateway.errors import HostileInput, Misuse, RequestError, StateError
from gateway.flow.access import require_log_reader
from gateway.flow.checkpoint import (
    inconsistent,
    is_unsigned,
    leaf_of,
    log_key,
    newest_checkpoint,
    open_stored,
    tile_set,
    tiles_of_log,
)
from gateway.flow.ports import House, KeyCustody, Store, TileWrite, Transaction
from gateway.flow.witness.policy import cosigned_note
from gateway.flow.witness.seeking import seek
from gateway.route.audit import AuditEvent, IntegratedEntry, PendingEntry
from gateway.route.caller import Caller
from gateway.route.canonical import parse_canonical, time_text
from gateway.route.party import PartyCard
from gateway.tlog.audit_path import (
    consistency_proof,
    root_at,
    tiles_for_consistency,
    tiles_for_inclusion,
    tiles_for_root,
    verify_inclusion,
)
from gateway.tlog.audit_path import inclusion_proof as path_of
from gateway.tlog.checkpoint import Checkpoint, SignedCheckpoint
from gateway.tlog.export import (
    ExportFile,
    ExportScope,
    ListedFile,
    entry_files,
    head_files,
    manifest_files,
    run_file,
    tile_file,
)
from gateway.tlog.leaf import LeafType
from gateway.tlog.note import VerifierKey, parse_vkey
from gateway.tlog.tile import TILE_WIDTH, tiles_of
from gateway.tlog.tree import (
    EMPTY_EDGE,
    Edge,
    Integration,
    edge_of,
    edge_root,
    edge_tiles,
    integrate,
    leaf_hash,
)

BATCH = 32_768  # pending entries per transaction: more than an import's batch, which rings for the next
ENTRIES_READ = 8192  # of an export at once, with what opens them
TILES_READ = 256  # tiles of 8 KiB per query of an export


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """A proof, verified before it is given out.

    Attributes:
        index: of the entry.
        leaf_hash: 32 bytes.
        hashes: from the leaf's sibling up, 32 bytes each.
        signed: the checkpoint that the proof leads to.
    """

    index: int
    leaf_hash: bytes
    hashes: tuple[bytes, ...]
    signed: SignedCheckpoint


async def sequence(house: House) -> int:
    """Integrate all pending entries, batch after batch, each under a checkpoint of its own.

    Returns:
        How many entries were integrated.

    Raises:
        StateError: LOG_INCONSISTENT when tree and last checkpoint disagree; an
            officer compares with a copy of the checkpoint held elsewhere.
    """
    total = 0
    while True:
        taken, more = await _sequence_batch(house)
        total += taken
        if not more:
            return total


async def log_trouble(store: Store, custody: KeyCustody) -> str:
    """Say why `sequence` would sign nothing more, without signing anything; "" when all is well."""
    key = parse_vkey(custody.log_vkey())
    try:
        signed = await asyncio.to_thread(custody.last_checkpoint)
        async with store.read() as tx:
            await _pending(tx)
            size = await tx.audit.size()
            edge = edge_of(size, await tiles_of_log(tx, edge_tiles(size)))
            await _check_continues(tx, key, edge)
            if signed is None:
                await _check_begins(tx, key, size)
                return ""
            last = signed.checkpoint
            if last.size > size:
                lost = await _lost(tx, size, last.size)
                root = (await asyncio.to_thread(_grown, edge, lost)).root
            else:
                root = root_at(last.size, await tile_set(tx, tiles_for_root(last.size)))
        if root != last.root:
            raise inconsistent(f"the log does not continue the {last.size} entries that the signer signed")
    except StateError as error:
        if error.reason != "LOG_INCONSISTENT":
            raise
        return error.message
    return ""


async def current_checkpoint(house: House, caller: Caller) -> SignedCheckpoint:
    """Return the newest signed checkpoint; StateError NOT_FOUND before the first entry."""
    require_log_reader(caller)
    async with house.store.read() as tx:
        return await newest_checkpoint(tx, log_key(house))


async def inclusion_proof(house: House, caller: Caller, index: int) -> InclusionProof:
    """Prove that an entry is in the tree of the newest checkpoint.

    Raises:
        RequestError: BAD_FIELD for an index outside the tree.
        StateError: NOT_FOUND before the first entry; LOG_INCONSISTENT when the proof does not verify.
    """
    require_log_reader(caller)
    async with house.store.read() as tx:
        signed = await newest_checkpoint(tx, log_key(house))
        size, root = signed.checkpoint.size, signed.checkpoint.root
        if not 0 <= index < size:
            raise RequestError("BAD_FIELD", f"field index must be from 0 to {size - 1}, the last entry of the log")
        hashes = path_of(index, size, await tile_set(tx, tiles_for_inclusion(index, size)))
        leaf = leaf_hash(await leaf_of(tx, index))
    try:
        verify_inclusion(leaf, index, size, hashes, root)
    except HostileInput as error:
        raise inconsistent(f"entry {index} does not lead to the checkpoint's root") from error
    return InclusionProof(index, leaf, hashes, signed)


async def find_entry(house: House, caller: Caller, type: str, key: str) -> int:
    """Return the index of the newest entry of a type about an event or a session.

    Raises:
        StateError: NOT_FOUND, also while the entry is pending.
    """
    require_log_reader(caller)
    async with house.store.read() as tx:
        index = await tx.audit.find(type, key)
    if index is None:
        raise StateError("NOT_FOUND", "the log has no such entry in its tree; a new one gets there within seconds")
    return index


async def export(
    house: House, caller: Caller, as_known_at: datetime | None = None, *, nobody: bool = False
) -> AsyncIterator[tuple[str, bytes]]:
    """Write the log as `assent-verify` reads it offline, with the payloads that still exist.

    The export is itself an entry of the log, and partners that answer cosign the
    checkpoint of a whole one. It is read piece by piece, since an append-only log
    does not change behind a checkpoint; a tree that does not lead to the
    checkpoint ends the export before its manifest.

    Args:
        house: ports.
        caller: a compliance officer or an auditor; named in the manifest.
        as_known_at: up to the last checkpoint by then; None is the whole log, this export's own entry included.
        nobody: open only entries about nobody.

    Yields:
        (path, content) of each file; manifest.json and manifest.sig come last.

    Raises:
        RequestError: BAD_FIELD for a moment that is still to come.
        StateError: NOT_FOUND when there was no checkpoint by then; LOG_INCONSISTENT.
    """
    require_log_reader(caller)
    now, key, own = house.clock.now(), log_key(house), house.custody.own_card().card
    if as_known_at is not None and as_known_at > now:
        raise RequestError("BAD_FIELD", "field as_known_at is still to come")
    what = "entries about nobody are opened" if nobody else "all entries, opened where not erased"
    known = "" if as_known_at is None else f"as known at {time_text(as_known_at)}: "
    scope = ExportScope(own.party, own.agreement_key, now, caller.subject, known + what)
    payload = {"by": caller.subject, "filter": scope.filter}
    await house.store.append([AuditEvent(LeafType.EXPORT_MADE, now, "", payload)])
    await sequence(house)
    if as_known_at is None:
        await seek(house)
    async with house.store.read() as tx:
        signed = await (newest_checkpoint(tx, key) if as_known_at is None else _checkpoint_at(tx, key, as_known_at))
        signed = replace(signed, note=await cosigned_note(tx, signed))
    listed: list[ListedFile] = []
    runs: dict[str, None] = {}
    async for file in _files(house, signed, key, runs, nobody=nobody):
        listed.append(file.listed)
        yield file.path, file.content
    for session_id in runs:
        file = await run_evidence(house, session_id)
        listed.append(file.listed)
        yield file.path, file.content
    for file in manifest_files(signed.checkpoint, scope, listed, house.custody.sign_record):
        yield file.path, file.content


async def _checkpoint_at(tx: Transaction, key: VerifierKey, at: datetime) -> SignedCheckpoint:
    stored = await tx.audit.checkpoint_at(at)
    if stored is None:
        raise StateError("NOT_FOUND", "the log had no checkpoint by that moment; choose a later one")
    return open_stored(stored, key)


async def _files(
    house: House, signed: SignedCheckpoint, key: VerifierKey, runs: dict[str, None], *, nobody: bool
) -> AsyncIterator[ExportFile]:
    """Yield checkpoint, tiles and entries; note in `runs` the sessions whose run record is signed by both."""
    size = signed.checkpoint.size
    for file in head_files(signed.note, key):
        yield file
    named = list(tiles_of(size))
    for start in range(0, len(named), TILES_READ):
        wanted = named[start : start + TILES_READ]
        async with house.store.read() as tx:
            held = await tiles_of_log(tx, wanted)
        for tile in wanted:
            yield tile_file(tile, held.get((tile.level, tile.index), b""))
    edge = EMPTY_EDGE
    for start in range(0, size, ENTRIES_READ):
        async with house.store.read() as tx:
            entries = [entry async for entry in tx.audit.entries(start, min(start + ENTRIES_READ, size))]
        for at in range(0, len(entries), TILE_WIDTH):
            part = entries[at : at + TILE_WIDTH]
            for file in entry_files((start + at) // TILE_WIDTH, part, lambda entry: entry.own or not nobody):
                yield file
        edge = integrate(edge, [leaf_hash(entry.leaf) for entry in entries]).edge
        runs.update(dict.fromkeys(_session_of(entry) for entry in entries if _tells_a_run(entry)))
    if (edge.size, edge_root(edge)) != (size, signed.checkpoint.root):
        raise inconsistent("the entries do not lead to the checkpoint's root")


def _tells_a_run(entry: IntegratedEntry) -> bool:
    # The partner's signature comes last: with it the record is complete.
    return entry.type == LeafType.RUN_SIGNATURE and entry.payload is not None


def _session_of(entry: IntegratedEntry) -> str:
    if entry.payload is None:
        raise Misuse("an erased payload names no session")
    return str(parse_canonical(entry.payload)["session"])


async def run_evidence(house: House, session_id: str) -> ExportFile:
    """Make the evidence of a run, with the keys that the agreement of its time names: cards may have changed since."""
    async with house.store.read() as tx:
        try:
            session = await tx.sessions.get(session_id)
        except StateError as error:
            if error.reason != "NOT_FOUND":
                raise
            what = f"the log holds the run record of session {session_id}, and the database has its evidence no more"
            raise StateError("LOG_INCONSISTENT", f"{what}; restore a backup that has it") from error
        agreement = (await tx.agreements.get(session.offer.agreement_id)).agreement
        partner = await tx.partners.get(session.partner)
    cards: list[PartyCard] = []
    for card in (house.custody.own_card().card, partner.card):
        entry = signatory(agreement, card.party)
        cards.append(replace(card, agreement_key=entry.agreement_key, legal_name=entry.legal_name))
    return run_file(session, cards)


async def _sequence_batch(house: House) -> tuple[int, bool]:
    """Integrate one batch; return how many entries it had, and whether more may be waiting."""
    key = log_key(house)
    ahead = await _read_ahead(house)
    async with house.store.begin() as tx:
        size = await tx.audit.lock()
        # Entries do not change once they are numbered. Another server of this database may have taken them meanwhile.
        read = ahead.pending if size == ahead.edge.size else await _pending(tx)
        # Behind the lock: no other server of this database signs meanwhile.
        signed = await asyncio.to_thread(house.custody.last_checkpoint)
        if not read and await _stands(tx, key, signed):
            return 0, False
        edge = edge_of(size, await tiles_of_log(tx, edge_tiles(size)))
        await _check_continues(tx, key, edge)
        waiting = len(read)
        pending = await _to_sign(tx, key, read, size, signed)
        # In a thread, so that others on the loop have their turn.
        as_read = edge == ahead.edge and pending == ahead.pending
        grown = ahead.grown if as_read else await asyncio.to_thread(_grown, edge, pending)
        await tx.audit.integrate(
            size, pending, [TileWrite(tile.level, tile.index, tile.width, tile.hashes) for tile in grown.tiles]
        )
        head = Checkpoint(key.name, grown.edge.size, grown.root)
        # Remembered by the signer before it is committed here: after a crash in between the same batch is taken again.
        note = await asyncio.to_thread(house.custody.sign_checkpoint, head, await _proof(tx, signed, head))
        await tx.audit.add_checkpoint(head.size, head.root, note, house.clock.now())
    return len(pending), waiting == BATCH or waiting > len(pending)


@dataclass(frozen=True, slots=True)
class _Ahead:
    """What a batch makes of the tree, as it was before anybody was kept waiting.

    Attributes:
        edge: of the tree.
        pending: the oldest pending entries.
        grown: the tree with them.
    """

    edge: Edge
    pending: list[PendingEntry]
    grown: Integration


async def _read_ahead(house: House) -> _Ahead:
    """Read and hash a batch before the writer's lock is taken: on SQLite it is everybody's."""
    async with house.store.read() as tx:
        size = await tx.audit.size()
        edge = edge_of(size, await tiles_of_log(tx, edge_tiles(size)))
        pending = await _pending(tx)
    return _Ahead(edge, pending, await asyncio.to_thread(_grown, edge, pending))


async def _pending(tx: Transaction) -> list[PendingEntry]:
    """Return the oldest pending entries, at most a batch.

    Raises:
        StateError: LOG_INCONSISTENT when one of them is missing, or was never numbered.
    """
    # Others append meanwhile: what was numbered before is there, and what is there was numbered by now.
    before = await tx.audit.appended()
    pending = await tx.audit.pending(BATCH)
    size, after = await tx.audit.size(), await tx.audit.appended()
    found = [entry.pending_id for entry in pending]
    gap = next((number for number, at in enumerate(found, size) if number != at), size + len(found))
    if gap < min(before, size + BATCH):
        raise inconsistent(f"entry {gap} is missing, of {before} that were numbered")
    if size + len(found) > after:
        raise inconsistent(f"the database holds entry {size + len(found) - 1}, and only {after} were ever numbered")
    return pending


def _grown(edge: Edge, pending: Sequence[PendingEntry]) -> Integration:
    return integrate(edge, [leaf_hash(entry.leaf) for entry in pending])


async def _stands(tx: Transaction, key: VerifierKey, signed: SignedCheckpoint | None) -> bool:
    """Whether a database without pending entries holds all that was signed."""
    stored = await tx.audit.checkpoint()
    if stored is None:
        return signed is None and not await tx.audit.size()
    own = open_stored(stored, key).checkpoint
    if signed is None or signed.checkpoint.size > own.size:
        return False
    # Another server of this database, with a signer of its own, may have gone on.
    last = signed.checkpoint
    root = own.root if last.size == own.size else root_at(last.size, await tile_set(tx, tiles_for_root(last.size)))
    return root == last.root


async def _to_sign(
    tx: Transaction, key: VerifierKey, pending: list[PendingEntry], size: int, signed: SignedCheckpoint | None
) -> list[PendingEntry]:
    """Return the entries of the next checkpoint: exactly those of the last signed one, where its commit was lost.

    Raises:
        StateError: LOG_INCONSISTENT when the database does not hold what was signed.
    """
    if signed is None:
        await _check_begins(tx, key, size)
        return pending
    if signed.checkpoint.size > size:
        return await _lost(tx, size, signed.checkpoint.size)
    if not pending:
        raise inconsistent(f"the log does not continue the {signed.checkpoint.size} entries that the signer signed")
    return pending


async def _check_begins(tx: Transaction, key: VerifierKey, size: int) -> None:
    """Check that a log of which nothing was signed has nothing in its tree, or was just begun anew over what it has."""
    if not await is_unsigned(tx, key):
        raise inconsistent(f"the signer remembers nothing, and the database holds {size} entries")


async def _lost(tx: Transaction, size: int, signed: int) -> list[PendingEntry]:
    """Return the entries that were signed and are pending still."""
    entries = await tx.audit.pending(signed - size)
    if len(entries) < signed - size:
        raise inconsistent(f"the database holds {size + len(entries)} entries, the signer signed {signed}")
    return entries


async def _proof(tx: Transaction, signed: SignedCheckpoint | None, head: Checkpoint) -> tuple[bytes, ...]:
    """Prove to the signer that a checkpoint continues its last one."""
    last = 0 if signed is None else signed.checkpoint.size
    if not 0 < last < head.size:
        return ()
    return consistency_proof(last, head.size, await tile_set(tx, tiles_for_consistency(last, head.size)))


async def _check_continues(tx: Transaction, key: VerifierKey, edge: Edge) -> None:
    """Check that the tree holds what the last checkpoint promised: nothing cut, nothing changed."""
    stored = await tx.audit.checkpoint()
    if stored is not None:
        last = open_stored(stored, key).checkpoint
    else:
        # The first checkpoint of a log that was begun anew over entries that were there.
        began = await tx.epochs.get(key.name)
        if began is None and edge.size:
            raise inconsistent(f"the tree has {edge.size} entries and no checkpoint")
        if began is None:
            return
        last = Checkpoint(key.name, began.size, began.root)
    if last.size > edge.size:
        raise inconsistent(f"the tree has {edge.size} entries, the last checkpoint promised {last.size}")
    if last.size == edge.size:
        root = edge_root(edge)
    else:
        root = root_at(last.size, await tile_set(tx, tiles_for_root(last.size)))
    if root != last.root:
        raise inconsistent("the tree has another root than the last checkpoint promised")
