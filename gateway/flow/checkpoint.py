"""The log's newest checkpoint and the tiles behind it, as every route reads them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from gateway.errors import HostileInput, StateError
from gateway.flow.ports import House, Transaction
from gateway.tlog.audit_path import TileSet
from gateway.tlog.checkpoint import SignedCheckpoint, open_checkpoint
from gateway.tlog.note import VerifierKey, parse_vkey
from gateway.tlog.tile import TileId


def log_key(house: House) -> VerifierKey:
    """Return the public key of our log."""
    return _parsed(house.custody.log_vkey())


@lru_cache(maxsize=16)
def _parsed(vkey: str) -> VerifierKey:
    """Read a key once: to check that it is a good one takes as long as to verify a signature with it."""
    return parse_vkey(vkey)


async def newest_checkpoint(tx: Transaction, key: VerifierKey) -> SignedCheckpoint:
    """Return the stored checkpoint after checking that our own log signed it.

    Raises:
        StateError: NOT_FOUND when there is none yet; LOG_INCONSISTENT when it is not ours.
    """
    stored = await tx.audit.checkpoint()
    if stored is None:
        raise StateError("NOT_FOUND", "the log has no entries yet, hence no checkpoint")
    return open_stored(stored, key)


def open_stored(stored: tuple[int, bytes, bytes], key: VerifierKey) -> SignedCheckpoint:
    """Read a checkpoint as it is stored, (size, root, note).

    Raises:
        StateError: LOG_INCONSISTENT when it is not ours or says another thing than the columns beside it.
    """
    size, root, note = stored
    try:
        signed = open_checkpoint(note, key.name, key)
    except HostileInput as error:
        raise inconsistent("the stored checkpoint was not signed with this home's log key") from error
    if (signed.checkpoint.size, signed.checkpoint.root) != (size, root):
        raise inconsistent("the stored checkpoint does not say what stands beside it")
    return signed


async def tile_set(tx: Transaction, wanted: Sequence[TileId]) -> TileSet:
    """Load the tiles that a root or proof needs, in one query."""
    return TileSet(await tiles_of_log(tx, wanted))


async def tiles_of_log(tx: Transaction, wanted: Sequence[TileId]) -> dict[tuple[int, int], bytes]:
    """Load tiles as {(level, index): hashes}, in one query."""
    return await tx.audit.tiles([(tile.level, tile.index) for tile in wanted])


async def leaf_of(tx: Transaction, index: int) -> bytes:
    """Load an entry without what opens it; StateError LOG_INCONSISTENT when it is missing."""
    found = await tx.audit.numbered(index, 1)
    if [entry.pending_id for entry in found] != [index]:
        raise inconsistent(f"entry {index} of the log is missing")
    return found[0].leaf


async def is_unsigned(tx: Transaction, key: VerifierKey) -> bool:
    """Whether nothing of a log can have been signed: it is empty, or was begun anew and has not gone on yet."""
    began = await tx.epochs.get(key.name)
    held = 0 if began is None else began.size
    return await tx.audit.size() == held and await tx.audit.checkpoint() is None


def inconsistent(what: str) -> StateError:
    """Make the error after which nothing more is signed."""
    return StateError(
        "LOG_INCONSISTENT",
        f"{what}: the log was changed outside this program or restored from an old copy; nothing more is signed, "
        "compare with a checkpoint kept elsewhere, then `assent audit recover`",
    )
