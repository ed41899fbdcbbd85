"""A log that contradicts itself is put on record, once, with both of its notes."""

from __future__ import annotations

from gateway.flow.ports import Transaction
from gateway.route.audit import AuditEvent
from gateway.route.witness import ForkRecord
from gateway.tlog.leaf import LeafType


async def record_fork(tx: Transaction, fork: ForkRecord) -> bool:
    """Store a fork and log it; the same one again changes nothing.

    Returns:
        Whether it was new.
    """
    if not await tx.witnesses.add_fork(fork):
        return False
    payload = {
        "id": f"{fork.origin}@{fork.size}",
        "party": fork.party,
        "origin": fork.origin,
        "held": fork.held.decode("utf-8", "replace"),
        "shown": fork.shown.decode("utf-8", "replace"),
        "reason": fork.reason,
    }
    await tx.audit.append([AuditEvent(LeafType.LOG_FORKED, fork.found_at, "", payload)])
    return True
