"""Our policy: whose cosignatures a checkpoint of our log needs."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.errors import HostileInput, StateError
from gateway.flow.access import require_log_reader
from gateway.flow.checkpoint import log_key
from gateway.flow.ports import House, Transaction
from gateway.route.caller import Caller
from gateway.route.party import Partner
from gateway.route.witness import StoredCosignature
from gateway.tlog.checkpoint import SignedCheckpoint
from gateway.tlog.cosignature import witness_key
from gateway.tlog.policy import Policy, check_policy, format_policy, simple_policy


def policy_of(house: House, partners: Sequence[Partner]) -> Policy | None:
    """Return the policy of our log; None while there are fewer partners than its quorum."""
    terms = house.witnessing
    if terms.policy is not None:
        return terms.policy
    chosen = {
        partner.card.party: witness_key(partner.card)
        for partner in partners
        if not terms.witnesses or partner.card.party in terms.witnesses
    }
    if terms.quorum > len(chosen):
        return None
    return simple_policy([log_key(house)], chosen, terms.quorum)


async def our_policy(house: House, caller: Caller) -> bytes:
    """Return our policy as verifiers read it.

    Raises:
        StateError: NOT_FOUND while there are fewer partners than its quorum.
    """
    require_log_reader(caller)
    async with house.store.read() as tx:
        policy = policy_of(house, await tx.partners.list())
    if policy is None:
        raise StateError("NOT_FOUND", "there are fewer partners than log.quorum; accept a partner, or lower the quorum")
    return format_policy(policy)


def with_cosignatures(note: bytes, cosignatures: Sequence[StoredCosignature]) -> bytes:
    """Return a note with its cosignatures behind the log's own signature."""
    return note + "".join(cosignature.line for cosignature in cosignatures).encode()


def is_final(policy: Policy | None, note: bytes) -> bool:
    """Whether a checkpoint with its cosignatures satisfies the policy."""
    if policy is None:
        return False
    try:
        check_policy(note, policy)
    except HostileInput:
        return False
    return True


async def cosigned_note(tx: Transaction, signed: SignedCheckpoint) -> bytes:
    """Return a checkpoint of ours with the cosignatures that are there."""
    head = signed.checkpoint
    return with_cosignatures(signed.note, await tx.witnesses.cosignatures(head.origin, head.size))
