"""A log whose database and signer disagree goes on by what two officers say, never by itself.

Either the signer lost its memory and is given it back, or the log ends. Then another
one begins over the entries that are there, under an origin of its own, and its first
entry names the last checkpoint of the one before: whoever holds that sees what is
missing, and nothing under the old name is ever signed again.

The gateway does not run meanwhile. What is interrupted is done by the next call.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from gateway.errors import AccessError, RequestError, StateError
from gateway.flow.access import require
from gateway.flow.ports import KeyCustody, Store, TileWrite, Transaction
from gateway.route.audit import AuditEvent
from gateway.route.caller import Caller, Role
from gateway.route.witness import Epoch
from gateway.tlog.checkpoint import SignedCheckpoint
from gateway.tlog.leaf import LeafType
from gateway.tlog.note import parse_vkey
from gateway.tlog.tree import EMPTY_EDGE, edge_root, integrate, leaf_hash

BATCH = 8192  # entries per step of building the tree again

_NUMBERED = re.compile(r"(.*)/([2-9]|[1-9][0-9]{1,8})")


def two_officers(callers: Sequence[Caller]) -> tuple[str, str]:
    """Return who decides; both are compliance officers, and not the same person.

    Raises:
        AccessError: ROLE_MISSING.
    """
    for caller in callers:
        require(caller, Role.COMPLIANCE_OFFICER)
    names = sorted({caller.subject for caller in callers})
    if len(names) != 2:
        raise AccessError("ROLE_MISSING", "two different compliance officers decide on this; give the tokens of both")
    return names[0], names[1]


def next_origin(origin: str) -> str:
    """Name the log that follows one, e.g. "gateway.example/audit/2" after "gateway.example/audit"."""
    match = _NUMBERED.fullmatch(origin)
    return f"{origin}/2" if match is None else f"{match[1]}/{int(match[2]) + 1}"


async def stored_note(store: Store) -> bytes:
    """Return the newest checkpoint of the database, for a signer that has no memory.

    Raises:
        StateError: NOT_FOUND when it has none.
    """
    async with store.read() as tx:
        stored = await tx.audit.checkpoint()
    if stored is None:
        raise StateError("NOT_FOUND", "the database holds no checkpoint; give one that is kept elsewhere")
    return stored[2]


async def note_memory_restored(
    store: Store, signed: SignedCheckpoint, officers: Sequence[Caller], now: datetime
) -> None:
    """Put on record that the signer was given its memory back."""
    head = signed.checkpoint
    payload = {
        "id": f"{head.origin}@{head.size}",
        "origin": head.origin,
        "size": head.size,
        "root": head.root.hex(),
        "by": list(two_officers(officers)),
    }
    await store.append([AuditEvent(LeafType.SIGNER_RESTORED, now, "", payload)])


async def begin_anew(
    store: Store,
    custody: KeyCustody,
    evidence: tuple[bytes | None, bytes | None],
    officers: Sequence[Caller],
    reason: str,
    now: datetime,
) -> Epoch:
    """End the log and begin the next one over the entries that are there.

    The tree is built again from the entries, so that no tile needs to be trusted. The
    card must name the new origin afterwards; until then nothing is signed.

    Args:
        store: the database, which no gateway uses meanwhile.
        custody: whose card still names the old log.
        evidence: notes of the last checkpoint that the signer remembers, and of one that contradicts it.
        officers: two.
        reason: why, for whoever reads the log.
        now: of the record.

    Returns:
        The new log; the one that an earlier, interrupted call has begun.

    Raises:
        AccessError: ROLE_MISSING.
        RequestError: BAD_FIELD without a reason.
        StateError: LOG_INCONSISTENT when entries are missing in between.
    """
    names = two_officers(officers)
    if not reason.strip() or len(reason) > 2000:
        raise RequestError("BAD_FIELD", "field reason must say why the log is begun anew, in at most 2000 characters")
    old = parse_vkey(custody.log_vkey()).name
    origin = next_origin(old)
    async with store.begin() as tx:
        begun = await tx.epochs.get(origin)
        if begun is not None:
            return begun
        stored = await tx.audit.checkpoint()
        size, root = await _built_again(tx)
        epoch = Epoch(origin, size, root, now)
        await tx.epochs.begin(epoch)
        remembered, contradiction = evidence
        last = remembered if remembered is not None or stored is None else stored[2]
        payload = {
            "id": origin,
            "origin": origin,
            "before": {
                "origin": old,
                "checkpoint": _text(last),
                "contradiction": _text(contradiction),
                "database": _text(stored[2] if stored is not None else None),
            },
            "found": {"size": size, "root": root.hex()},
            "by": list(names),
            "reason": reason,
        }
        await tx.audit.append([AuditEvent(LeafType.LOG_RESTARTED, now, "", payload)])
    return epoch


async def _built_again(tx: Transaction) -> tuple[int, bytes]:
    """Integrate every entry of the database once more."""
    wanted = await tx.epochs.take_apart()
    edge = EMPTY_EDGE
    while entries := await tx.audit.pending(BATCH):
        if [entry.pending_id for entry in entries] != list(range(edge.size, edge.size + len(entries))):
            break
        grown = integrate(edge, [leaf_hash(entry.leaf) for entry in entries])
        tiles = [TileWrite(tile.level, tile.index, tile.width, tile.hashes) for tile in grown.tiles]
        await tx.audit.integrate(edge.size, entries, tiles)
        edge = grown.edge
    if edge.size != wanted:
        raise StateError(
            "LOG_INCONSISTENT",
            f"of {wanted} entries some behind {edge.size} are missing; restore a backup that is whole first",
        )
    return edge.size, edge_root(edge)


def _text(note: bytes | None) -> str:
    return "" if note is None else note.decode("utf-8", "replace")
