"""The audit log: checkpoint, proofs, entries, export."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

from gateway.client.connection import Connection
from gateway.client.record import PAGE_SIZE, bare, pages, required_time
from gateway.v1 import audit_pb2, audit_pb2_grpc


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed head of the log: tree size, root (32 bytes) and the C2SP signed note."""

    tree_size: int
    root: bytes
    note: str


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """A proof that an entry is in the tree of a checkpoint; hashes are 32 bytes each."""

    index: int
    leaf_hash: bytes
    hashes: tuple[bytes, ...]
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An entry without its payload: the leaf is RFC 8785 JSON with a commitment."""

    index: int
    type: str
    time: datetime
    leaf: bytes


class AsyncAudit:
    """Calls of AuditService."""

    def __init__(self, connection: Connection) -> None:
        """Use a connection."""
        self._connection = connection
        self._stub = audit_pb2_grpc.AuditServiceStub(connection.channel)

    async def checkpoint(self) -> Checkpoint:
        """Return the newest signed checkpoint."""
        return _checkpoint(await self._connection.call(self._stub.GetCheckpoint, audit_pb2.GetCheckpointRequest()))

    async def inclusion_proof(self, index: int) -> InclusionProof:
        """Return the proof that an entry is in the newest checkpoint's tree."""
        request = audit_pb2.GetInclusionProofRequest(index=index)
        proof = await self._connection.call(self._stub.GetInclusionProof, request)
        return InclusionProof(proof.index, proof.leaf_hash, tuple(proof.hashes), _checkpoint(proof.checkpoint))

    async def entries(self, start: int = 0) -> AsyncIterator[AuditEntry]:
        """Yield integrated entries from an index on."""

        async def fetch(token: str) -> tuple[list[AuditEntry], str]:
            request = audit_pb2.ListEntriesRequest(start=0 if token else start, page_size=PAGE_SIZE, page_token=token)
            answer = await self._connection.call(self._stub.ListEntries, request)
            return [_entry(entry) for entry in answer.entries], answer.next_page_token

        async for entry in pages(fetch):
            yield entry

    async def export(self) -> AsyncIterator[tuple[str, bytes]]:
        """Yield the pieces of an export: (relative path, next bytes); pieces of one file follow each other."""
        request = audit_pb2.ExportAuditRequest()
        async with aclosing(self._connection.download(self._stub.ExportAudit, request)) as pieces:
            async for piece in pieces:
                yield piece.path, piece.content


def _checkpoint(message: audit_pb2.Checkpoint) -> Checkpoint:
    return Checkpoint(message.tree_size, message.root, message.note)


def _entry(message: audit_pb2.AuditEntry) -> AuditEntry:
    return AuditEntry(int(bare(message.name)), message.type, required_time(message, "time"), message.leaf)
