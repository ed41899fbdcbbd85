"""We as a witness: a partner's checkpoint is compared with the last one, stored, and only then cosigned."""

from __future__ import annotations

from gateway.errors import RequestError, StateError
from gateway.flow.checkpoint import log_key, newest_checkpoint, tile_set
from gateway.flow.ports import House, Transaction
from gateway.flow.ports.peer import Cosigned, Held
from gateway.flow.witness.fork import record_fork
from gateway.route.party import Partner
from gateway.route.witness import ForkRecord, HeldCheckpoint
from gateway.tlog.audit_path import consistency_proof, tiles_for_consistency
from gateway.tlog.checkpoint import Checkpoint, SignedCheckpoint, format_checkpoint
from gateway.tlog.note import parse_vkey
from gateway.tlog.witness import Verdict, contradict, judge, open_request, origin_of, parse_add_checkpoint


async def add_checkpoint(house: House, partner: Partner, body: bytes) -> Cosigned | Held:
    """Witness a partner's log.

    Args:
        house: ports.
        partner: who asks; only the log of its own card is known of it.
        body: of C2SP add-checkpoint.

    Returns:
        Our cosignature, or what we hold instead; a log that does not continue it is on record then.

    Raises:
        HostileInput: BAD_SHAPE, BAD_SIGNATURE, or DIGEST_MISMATCH for an empty log with a root.
        StateError: NOT_FOUND for a log that is not the partner's.
    """
    request = parse_add_checkpoint(body)
    key = parse_vkey(partner.card.log_vkey)
    if origin_of(request.note) != key.name:
        raise StateError("NOT_FOUND", "the checkpoint is of a log that your card does not name; exchange cards again")
    signed = open_request(request, key)
    head, now = signed.checkpoint, house.clock.now()
    async with house.store.begin() as tx:
        held = await tx.witnesses.held(key.name)
        if held is not None and held.party != partner.card.party:
            raise StateError("NOT_FOUND", "a log of this name is another party's; name it anew and exchange cards")
        last = None if held is None else Checkpoint(key.name, held.size, held.root)
        verdict, reason = judge(request, head, last)
        if verdict is Verdict.CONTINUES:
            seen = HeldCheckpoint(key.name, partner.card.party, head.size, head.root, request.note, now)
            if not await tx.witnesses.advance(None if held is None else held.size, seen):
                # Another request was first: what it stored is what we hold.
                verdict, held = Verdict.CONFLICT, await tx.witnesses.held(key.name)
        elif held is not None and last is not None and (verdict is Verdict.FORKED or contradict(last, head)):
            await record_fork(tx, _fork(held, signed, reason, partner.card.party, house))
    if verdict is Verdict.CONTINUES:
        line = house.custody.cosign(format_checkpoint(head), int(now.timestamp()))
        return Cosigned(line.encode())
    house.bells.ring("audit")
    if held is None:
        return Held(0, b"", forked=False)
    return Held(held.size, held.note, forked=verdict is Verdict.FORKED)


def _fork(held: HeldCheckpoint, signed: SignedCheckpoint, reason: str, party: str, house: House) -> ForkRecord:
    return ForkRecord(held.origin, party, held.size, held.note, signed.note, reason, house.clock.now())


async def prove_consistency(house: House, old_size: int, size: int) -> tuple[bytes, ...]:
    """Prove to a partner that our tree of `size` entries continues that of `old_size`.

    Raises:
        RequestError: BAD_FIELD for sizes that are not of our log.
        StateError: NOT_FOUND before the first checkpoint.
    """
    async with house.store.read() as tx:
        newest = (await newest_checkpoint(tx, log_key(house))).checkpoint.size
        if not 1 <= old_size <= size <= newest:
            raise RequestError("BAD_FIELD", "old_size and size must be sizes of this log, the older one first")
        return await proof_between(tx, old_size, size)


async def proof_between(tx: Transaction, old_size: int, size: int) -> tuple[bytes, ...]:
    """Prove that our tree of one size continues that of another; nothing is to prove of an empty one."""
    if old_size == 0:
        return ()
    return consistency_proof(old_size, size, await tile_set(tx, tiles_for_consistency(old_size, size)))
