"""Checkpoints, proofs and entries of the audit log, to messages."""

from __future__ import annotations

from gateway.flow.audit import InclusionProof
from gateway.flow.log_reading import ConsistencyProof
from gateway.route.audit import IntegratedEntry
from gateway.rpc.convert.field import time_to_proto
from gateway.rpc.convert.name import name_of
from gateway.tlog.checkpoint import SignedCheckpoint
from gateway.v1 import audit_pb2


def checkpoint_to_proto(signed: SignedCheckpoint) -> audit_pb2.Checkpoint:
    """Write a signed checkpoint."""
    return audit_pb2.Checkpoint(
        tree_size=signed.checkpoint.size, root=signed.checkpoint.root, note=signed.note.decode("utf-8")
    )


def proof_to_proto(proof: InclusionProof) -> audit_pb2.InclusionProof:
    """Write a proof with the checkpoint that it leads to."""
    return audit_pb2.InclusionProof(
        index=proof.index,
        leaf_hash=proof.leaf_hash,
        hashes=proof.hashes,
        checkpoint=checkpoint_to_proto(proof.signed),
    )


def consistency_to_proto(proof: ConsistencyProof) -> audit_pb2.ConsistencyProof:
    """Write a proof with the checkpoint of the newer tree."""
    return audit_pb2.ConsistencyProof(
        old_size=proof.old_size, hashes=proof.hashes, checkpoint=checkpoint_to_proto(proof.signed)
    )


def entry_to_proto(entry: IntegratedEntry) -> audit_pb2.AuditEntry:
    """Write an entry, without payload and salt."""
    return audit_pb2.AuditEntry(
        name=name_of("auditEntries", str(entry.index)),
        type=entry.type,
        time=time_to_proto(entry.time),
        leaf=entry.leaf,
    )
