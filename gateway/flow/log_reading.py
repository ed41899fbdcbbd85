"""The log as others read it: consistency, files as C2SP names them, entries by what they are about."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from gateway.errors import HostileInput, RequestError, StateError
from gateway.flow.access import require, require_log_reader
from gateway.flow.checkpoint import log_key, newest_checkpoint, tile_set
from gateway.flow.ports import House, Transaction
from gateway.route.audit import AuditEvent, EntryFilter, IntegratedEntry
from gateway.route.caller import Caller, Role
from gateway.tlog.audit_path import (
    consistency_proof,
    root_at,
    tiles_for_consistency,
    tiles_for_root,
    verify_consistency,
)
from gateway.tlog.checkpoint import SignedCheckpoint
from gateway.tlog.export import tile_file
from gateway.tlog.leaf import LeafType
from gateway.tlog.tile import TILE_HEIGHT, TILE_WIDTH, TileId, entry_bundle

MOST_FILES = 1000
MAX_ENTRIES_PAGE = 1000
SCANNED = 20_000
"""Entries that one page of a filtered list looks at."""
_PATH = re.compile(r"tile/(entries|[0-7])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class ConsistencyProof:
    """A proof, verified before it is given out.

    Attributes:
        old_size: entries of the older tree.
        hashes: 32 bytes each.
        signed: the checkpoint of the newer tree.
    """

    old_size: int
    hashes: tuple[bytes, ...]
    signed: SignedCheckpoint


async def prove_consistency(house: House, caller: Caller, old_size: int) -> ConsistencyProof:
    """Prove that the newest checkpoint's tree continues an older one.

    Raises:
        RequestError: BAD_FIELD for a size that the tree never had.
        StateError: NOT_FOUND before the first entry; LOG_INCONSISTENT when the proof does not verify.
    """
    require_log_reader(caller)
    async with house.store.read() as tx:
        signed = await newest_checkpoint(tx, log_key(house))
        size, root = signed.checkpoint.size, signed.checkpoint.root
        if not 1 <= old_size <= size:
            raise RequestError("BAD_FIELD", f"field old_size must be from 1 to {size}, the size of the log")
        hashes = consistency_proof(old_size, size, await tile_set(tx, tiles_for_consistency(old_size, size)))
        old_root = root_at(old_size, await tile_set(tx, tiles_for_root(old_size)))
    try:
        verify_consistency(old_size, size, hashes, old_root, root)
    except HostileInput as error:
        raise StateError(
            "LOG_INCONSISTENT", f"the tree of {old_size} entries does not lead to the checkpoint; run fsck"
        ) from error
    return ConsistencyProof(old_size, hashes, signed)


async def read_tiles(house: House, caller: Caller, paths: Sequence[str]) -> AsyncIterator[tuple[str, bytes]]:
    """Read files of the log, as an export would hold them.

    Args:
        house: ports.
        caller: a compliance officer or an auditor.
        paths: "checkpoint", or names of tiles and entry bundles; a partial one is a prefix of what there is.

    Yields:
        (path, content) in the order asked for.

    Raises:
        RequestError: BAD_FIELD for a name that no file of the log has.
        StateError: NOT_FOUND for one beyond the newest checkpoint; LOG_INCONSISTENT.
    """
    require_log_reader(caller)
    if not 1 <= len(paths) <= MOST_FILES:
        raise RequestError("BAD_FIELD", f"field paths must have 1 to {MOST_FILES} items")
    wanted = [None if path == "checkpoint" else _parsed(path, number) for number, path in enumerate(paths)]
    async with house.store.read() as tx:
        signed = await newest_checkpoint(tx, log_key(house))
    for path, found in zip(paths, wanted, strict=True):
        if found is None:
            yield path, signed.note
            continue
        entries, tile = found
        if tile.index * TILE_WIDTH + tile.width > signed.checkpoint.size >> (TILE_HEIGHT * tile.level):
            raise StateError("NOT_FOUND", f"{path} lies beyond the log's {signed.checkpoint.size} entries")
        async with house.store.read() as tx:
            yield path, await (_bundle(tx, tile) if entries else _tile(tx, tile))


def _parsed(path: str, number: int) -> tuple[bool, TileId]:
    match = _PATH.fullmatch(path)
    width = int(match[3]) if match is not None and match[3] else TILE_WIDTH
    index = int(match[2].replace("x", "").replace("/", "")) if match is not None else 0
    tile = TileId(0 if match is None or match[1] == "entries" else int(match[1]), index, min(width, TILE_WIDTH))
    # One name for each file: a width of 256, or groups of zeros in front, are another spelling.
    if match is None or tile.path.split("/", 2)[2] != path.split("/", 2)[2] or index >= 2**55:
        raise RequestError(
            "BAD_FIELD", f"field paths[{number}] must be checkpoint or the name of a tile or entry bundle"
        )
    return match[1] == "entries", tile


async def _tile(tx: Transaction, tile: TileId) -> bytes:
    held = await tx.audit.tiles([(tile.level, tile.index)])
    return tile_file(tile, held.get((tile.level, tile.index), b"")).content


async def _bundle(tx: Transaction, tile: TileId) -> bytes:
    first = tile.index * TILE_WIDTH
    return entry_bundle([entry.leaf async for entry in tx.audit.entries(first, first + tile.width)])


async def find_entries(
    house: House, caller: Caller, wanted: EntryFilter, start: int, limit: int
) -> tuple[list[IntegratedEntry], int | None]:
    """Return entries that fit a filter, from an index on, without payloads and salts.

    Args:
        house: ports.
        caller: a compliance officer or an auditor; only an officer asks about a person, and that is on record.
        wanted: the filter.
        start: first index looked at.
        limit: most entries.

    Returns:
        The entries, and from where the next page goes on; None after the last entry of the log. A page may be short.

    Raises:
        RequestError: BAD_FIELD.
    """
    require_log_reader(caller)
    if wanted.subject_ref is not None:
        require(caller, Role.COMPLIANCE_OFFICER)
    if start < 0 or not 1 <= limit <= MAX_ENTRIES_PAGE:
        raise RequestError("BAD_FIELD", f"field start must be 0 or more, a page has 1 to {MAX_ENTRIES_PAGE} entries")
    if wanted.type is not None and wanted.type not in set(LeafType):
        raise RequestError("BAD_FIELD", "field type is not the type of a leaf, e.g. consent_event")
    async with house.store.read() as tx:
        size = await tx.audit.size()
        found: list[IntegratedEntry] = []
        if wanted.subject_ref is None and wanted.keys is None:
            end = min(start + SCANNED, size)
            upcoming: int | None = end if end < size else None
            async for entry in tx.audit.entries(start, max(start, end)):
                if wanted.holds(entry):
                    found.append(entry)
                if len(found) == limit:
                    upcoming = entry.index + 1 if entry.index + 1 < size else None
                    break
        else:
            named = await tx.audit.about(wanted, start, limit)
            upcoming = named[-1] + 1 if len(named) == limit else None
            for index in named:
                found += [entry async for entry in tx.audit.entries(index, index + 1) if wanted.holds(entry)]
    if wanted.subject_ref is not None:
        payload = {"by": caller.subject, "entries": len(found)}
        event = AuditEvent(LeafType.SUBJECT_TRACED, house.clock.now(), wanted.subject_ref, payload)
        await house.store.append([event])
        house.bells.ring("audit")
    return [replace(entry, payload=None, salt=None) for entry in found], upcoming


async def keys_of_session(house: House, caller: Caller, session_id: str) -> tuple[str, ...]:
    """Return what entries about a run are found by: its session and job; StateError NOT_FOUND for an unknown one."""
    require_log_reader(caller)
    async with house.store.read() as tx:
        session = await tx.sessions.get(session_id)
    return session_id, session.job_id
