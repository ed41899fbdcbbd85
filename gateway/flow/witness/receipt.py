"""Receipts: an entry, its inclusion proof, and the newest checkpoint over it that enough witnesses cosigned."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import HostileInput, RequestError
from gateway.flow.access import require_log_reader
from gateway.flow.audit import find_entry
from gateway.flow.checkpoint import inconsistent, leaf_of, log_key, newest_checkpoint, open_stored, tile_set
from gateway.flow.ports import House, Transaction
from gateway.flow.witness.policy import is_final, policy_of, with_cosignatures
from gateway.route.caller import Caller
from gateway.tlog.audit_path import inclusion_proof, tiles_for_inclusion, verify_inclusion
from gateway.tlog.checkpoint import SignedCheckpoint
from gateway.tlog.leaf import LeafType
from gateway.tlog.note import VerifierKey
from gateway.tlog.policy import Policy
from gateway.tlog.proof import TlogProof, format_proof
from gateway.tlog.tree import leaf_hash

LOOKED_AT = 16  # cosigned checkpoints, from the newest, that may be the final one


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt.

    Attributes:
        index: of the entry.
        size: of its checkpoint.
        content: the file (C2SP tlog-proof); its extra line is the entry.
        final: whether the checkpoint satisfies our policy.
        witnesses: parties whose cosignatures it carries.
    """

    index: int
    size: int
    content: bytes
    final: bool
    witnesses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Cosigned:
    signed: SignedCheckpoint
    note: bytes
    final: bool
    witnesses: tuple[str, ...]


async def receipt(house: House, caller: Caller, index: int, type: str = "", key: str = "") -> Receipt:
    """Make the receipt of an entry.

    Args:
        house: ports.
        caller: a compliance officer or an auditor.
        index: of the entry; used where `key` is "".
        type: of the leaf, "" for a consent event.
        key: id of the event, session, job or agreement that the entry is about.

    Raises:
        RequestError: BAD_FIELD for an index outside the tree.
        StateError: NOT_FOUND for no such entry, or none yet; LOG_INCONSISTENT when the proof does not verify.
    """
    require_log_reader(caller)
    if key:
        index = await find_entry(house, caller, type or LeafType.CONSENT_EVENT, key)
    async with house.store.read() as tx:
        newest = await newest_checkpoint(tx, log_key(house))
        if not 0 <= index < newest.checkpoint.size:
            raise RequestError("BAD_FIELD", f"field index must be from 0 to {newest.checkpoint.size - 1}")
        policy = policy_of(house, await tx.partners.list())
        chosen = await _chosen(tx, log_key(house), newest, index, policy)
        head = chosen.signed.checkpoint
        hashes = inclusion_proof(index, head.size, await tile_set(tx, tiles_for_inclusion(index, head.size)))
        leaf = await leaf_of(tx, index)
    try:
        verify_inclusion(leaf_hash(leaf), index, head.size, hashes, head.root)
    except HostileInput as error:
        raise inconsistent(f"entry {index} does not lead to the checkpoint's root") from error
    content = format_proof(TlogProof(index, hashes, chosen.note, leaf))
    return Receipt(index, head.size, content, chosen.final, chosen.witnesses)


async def _chosen(
    tx: Transaction, key: VerifierKey, newest: SignedCheckpoint, index: int, policy: Policy | None
) -> _Cosigned:
    """Return the newest final checkpoint over an entry, else the newest of all."""
    sizes = await tx.witnesses.cosigned_sizes(key.name, LOOKED_AT)
    for size in (size for size in sizes if size > index):
        stored = await tx.audit.checkpoint_of(size)
        if stored is None:
            raise inconsistent(f"the checkpoint of {size} entries is gone, which witnesses cosigned")
        found = await _cosigned(tx, open_stored(stored, key), policy)
        if found.final:
            return found
    return await _cosigned(tx, newest, policy)


async def _cosigned(tx: Transaction, signed: SignedCheckpoint, policy: Policy | None) -> _Cosigned:
    head = signed.checkpoint
    held = await tx.witnesses.cosignatures(head.origin, head.size)
    note = with_cosignatures(signed.note, held)
    return _Cosigned(signed, note, is_final(policy, note), tuple(item.witness for item in held))
