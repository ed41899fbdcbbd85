"""We ask partners to cosign our log; one that is away delays what is final and nothing else.

All are asked for the same checkpoint, so that their cosignatures come together on
one note however fast the log grows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.errors import AssentError, HostileInput
from gateway.flow.checkpoint import inconsistent, log_key, newest_checkpoint, tile_set
from gateway.flow.ports import House
from gateway.flow.ports.peer import Cosigned, Held
from gateway.flow.witness.fork import record_fork
from gateway.flow.witness.policy import cosigned_note, is_final, policy_of
from gateway.flow.witness.serving import proof_between
from gateway.route.party import Partner
from gateway.route.witness import ForkRecord, StoredCosignature
from gateway.tlog.audit_path import root_at, tiles_for_root
from gateway.tlog.checkpoint import SignedCheckpoint, open_checkpoint
from gateway.tlog.cosignature import take_cosignature, witness_key
from gateway.tlog.witness import AddCheckpoint, format_add_checkpoint

ATTEMPTS = 3  # the second says what the witness holds; a third is for two servers that ask at once
PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class Target:
    """The checkpoint that partners are to cosign now.

    Attributes:
        signed: our newest checkpoint.
        missing: partners that have not cosigned it, or did not answer since the start.
        final: whether it satisfies our policy already.
    """

    signed: SignedCheckpoint
    missing: tuple[Partner, ...]
    final: bool


async def target(house: House, answered: Container[str] | None = None) -> Target | None:
    """Return what to ask for; None before the first checkpoint.

    Args:
        house: ports.
        answered: parties that answered since the start. Any other is asked even for what it cosigned before: a home
            that was restored with all that was signed learns from its witnesses alone that they saw more. None is all.
    """
    key = log_key(house)
    async with house.store.read() as tx:
        if await tx.audit.checkpoint() is None:
            return None
        signed = await newest_checkpoint(tx, key)
        return await _target(house, signed, answered)


async def _target(house: House, signed: SignedCheckpoint, answered: Container[str] | None = None) -> Target:
    head = signed.checkpoint
    async with house.store.read() as tx:
        partners = await tx.partners.list()
        cosigned = {item.witness for item in await tx.witnesses.cosignatures(head.origin, head.size)}
        note = await cosigned_note(tx, signed)
    if answered is not None:
        cosigned = {party for party in cosigned if party in answered}
    missing = tuple(partner for partner in partners if partner.card.party not in cosigned)
    return Target(signed, missing, is_final(policy_of(house, partners), note))


async def ask(house: House, partner: Partner, signed: SignedCheckpoint) -> bool:
    """Ask one partner to cosign a checkpoint of ours.

    Returns:
        Whether it did; not when it holds a later one of ours.

    Raises:
        StateError: PEER_UNAVAILABLE; LOG_INCONSISTENT when it holds a checkpoint under our own
            signature that our log does not continue: then nothing more is signed.
        HostileInput: an answer that no honest partner gives.
    """
    party, head = partner.card.party, signed.checkpoint
    async with house.store.read() as tx:
        last = (await tx.witnesses.newest(head.origin)).get(party)
    old_size = 0 if last is None else min(last.size, head.size)
    for _ in range(ATTEMPTS):
        async with house.store.read() as tx:
            proof = await proof_between(tx, old_size, head.size)
        body = format_add_checkpoint(AddCheckpoint(old_size, proof, signed.note))
        answer = await house.peer.add_checkpoint(partner.card, body)
        if isinstance(answer, Cosigned):
            await _keep(house, partner, signed, answer.lines)
            return True
        old_size = await _known(house, party, answer)
        if old_size > head.size:
            return False
    raise HostileInput("BAD_SHAPE", f"{party} does not cosign what continues its own checkpoint")


async def _keep(house: House, partner: Partner, signed: SignedCheckpoint, lines: bytes) -> None:
    head = signed.checkpoint
    cosignature = take_cosignature(signed.note, lines, witness_key(partner.card))
    try:
        at = datetime.fromtimestamp(cosignature.time, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise HostileInput("BAD_SHAPE", "a cosignature is of a time that no calendar has") from error
    stored = StoredCosignature(head.origin, head.size, partner.card.party, cosignature.line, at)
    async with house.store.begin() as tx:
        await tx.witnesses.add_cosignature(stored)
    now = await _target(house, signed)
    if now.final:
        async with house.store.begin() as tx:
            await tx.witnesses.prune(head.origin, head.size)
        house.bells.ring("final")


async def _known(house: House, party: str, answer: Held) -> int:
    """Return the size that a witness holds, after making sure that our log continues it.

    The witness must show the note itself: a size alone would be a claim that anybody can make.
    """
    if answer.size == 0:
        return 0
    key = log_key(house)
    held = open_checkpoint(answer.checkpoint, key.name, key)
    if held.checkpoint.size != answer.size:
        raise HostileInput("BAD_SHAPE", f"{party} names another size than the checkpoint has that it holds")
    async with house.store.read() as tx:
        # Read after the answer: what was signed before it is here by now.
        newest = await newest_checkpoint(tx, key)
        reason = ""
        if held.checkpoint.size > newest.checkpoint.size:
            reason = f"a witness holds {held.checkpoint.size} entries, the database {newest.checkpoint.size}"
        elif root_at(held.checkpoint.size, await tile_set(tx, tiles_for_root(held.checkpoint.size))) != (
            held.checkpoint.root
        ):
            reason = f"a witness holds another root of the first {held.checkpoint.size} entries"
    if reason:
        await _stop(house, held, newest, reason)
    return held.checkpoint.size


async def _stop(house: House, held: SignedCheckpoint, newest: SignedCheckpoint, reason: str) -> None:
    """Put our own fork on record, and end signing: the record waits in the log until it is begun anew."""
    head = held.checkpoint
    own = house.custody.party
    async with house.store.begin() as tx:
        fork = ForkRecord(head.origin, own, head.size, held.note, newest.note, reason, house.clock.now())
        await record_fork(tx, fork)
    await asyncio.to_thread(house.custody.stop_signing, held.note)
    raise inconsistent(reason)


async def seek(house: House) -> bool:
    """Ask all partners for our newest checkpoint, and wait until it is final or they have answered.

    Returns:
        Whether it is final; partners that are away, or wrong, do not change that we go on.

    Raises:
        StateError: LOG_INCONSISTENT.
    """
    wanted = await target(house)
    if wanted is None or wanted.final:
        return wanted is not None
    asked = {asyncio.create_task(ask(house, partner, wanted.signed)) for partner in wanted.missing}
    final, loop = False, asyncio.get_running_loop()
    until = loop.time() + PATIENCE_S
    try:
        while asked and not final and (left := until - loop.time()) > 0:
            done, asked = await asyncio.wait(asked, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                raise_if_inconsistent(task.exception())
            final = (await _target(house, wanted.signed)).final
    finally:
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
    return final


def raise_if_inconsistent(error: BaseException | None) -> None:
    """Let pass what a partner may do to us; raise what ends our log, and our own mistakes."""
    if error is None or (isinstance(error, AssentError) and error.reason not in ("LOG_INCONSISTENT", "BUG")):
        return
    raise error
