"""Two partners compare what they hold of a third one's log, so that it cannot show each a history of its own.

Checkpoints of one size are compared at once. For two sizes the log itself must prove
that one continues the other; an honest log always can. That two parties witness a
third one's log is told only between those whose settings name each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.errors import AssentError, HostileInput, RequestError
from gateway.flow.ports import House
from gateway.flow.witness.fork import record_fork
from gateway.route.party import Partner
from gateway.route.witness import ForkRecord, HeldCheckpoint
from gateway.tlog.audit_path import verify_consistency
from gateway.tlog.checkpoint import Checkpoint, SignedCheckpoint, open_checkpoint
from gateway.tlog.note import parse_vkey
from gateway.tlog.witness import contradict, origin_of


async def compare_checkpoints(house: House) -> Mapping[str, int]:
    """Compare with every partner of the settings; a partner that is away is left for the next time.

    Returns:
        {"compared": checkpoints that were held by both, "forks": new ones}.
    """
    async with house.store.read() as tx:
        partners = await tx.partners.list()
        held = await tx.witnesses.list_held()
    compared = forks = 0
    for partner in partners:
        if partner.card.party not in house.witnessing.compare_with:
            continue
        for ours in held:
            if ours.party == partner.card.party:
                continue
            try:
                theirs = await house.peer.compare_checkpoint(partner.card, ours.note)
                if not theirs:
                    continue
                compared += 1
                forks += await _compare(house, _owner(partners, ours.origin), ours, theirs)
            except AssentError as error:
                if error.reason == "PEER_UNAVAILABLE":
                    break
                if error.reason == "BUG":
                    raise
    return {"compared": compared, "forks": forks}


async def shown_checkpoint(house: House, partner: Partner, note: bytes) -> bytes:
    """Answer a partner that shows what it holds of a third party's log.

    Returns:
        The note that we hold of it; b"" when we hold none, or the partner is not one we compare with.

    Raises:
        HostileInput: BAD_SHAPE; BAD_SIGNATURE when it is not one of that log.
    """
    if partner.card.party not in house.witnessing.compare_with:
        return b""
    origin = origin_of(note)
    async with house.store.read() as tx:
        held = await tx.witnesses.held(origin)
        partners = await tx.partners.list()
    if held is None or held.party == partner.card.party:
        return b""
    owner = _owner(partners, origin)
    if owner is not None:
        theirs = _open(owner, note)
        if contradict(_head(held), theirs.checkpoint):
            await _record(house, held, note, "two checkpoints of one size have different roots")
    return held.note


async def _compare(house: House, owner: Partner | None, ours: HeldCheckpoint, note: bytes) -> int:
    """Compare two notes of a log; return 1 for a fork that was not known."""
    if owner is None:
        return 0
    theirs = _open(owner, note).checkpoint
    one, other = sorted((_head(ours), theirs), key=lambda head: head.size)
    if contradict(one, other):
        return await _record(house, ours, note, "two checkpoints of one size have different roots")
    if one.size in (0, other.size):
        return 0
    try:
        proof = await house.peer.prove_consistency(owner.card, one.size, other.size)
        verify_consistency(one.size, other.size, proof, one.root, other.root)
    except (HostileInput, RequestError) as error:
        reason = f"the log does not prove that {other.size} entries continue {one.size}: {error.message}"
        return await _record(house, ours, note, reason)
    return 0


async def _record(house: House, ours: HeldCheckpoint, note: bytes, reason: str) -> int:
    fork = ForkRecord(ours.origin, ours.party, ours.size, ours.note, note, reason, house.clock.now())
    async with house.store.begin() as tx:
        new = await record_fork(tx, fork)
    house.bells.ring("audit")
    return int(new)


def _owner(partners: Sequence[Partner], origin: str) -> Partner | None:
    """Return the partner whose card names a log; None for a log that was begun anew since."""
    return next((partner for partner in partners if parse_vkey(partner.card.log_vkey).name == origin), None)


def _open(owner: Partner, note: bytes) -> SignedCheckpoint:
    key = parse_vkey(owner.card.log_vkey)
    return open_checkpoint(note, key.name, key)


def _head(held: HeldCheckpoint) -> Checkpoint:
    return Checkpoint(held.origin, held.size, held.root)
