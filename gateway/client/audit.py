"""The audit log: checkpoint, proofs, tiles, entries, exports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

from gateway.client.connection import Connection
from gateway.client.provision import Provision, provision_of
from gateway.client.record import PAGE_SIZE, bare, named, pages, required_time, stamp
from gateway.v1 import audit_pb2, audit_pb2_grpc, provision_pb2


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
class ConsistencyProof:
    """A proof that the tree of a checkpoint continues an older one; hashes are 32 bytes each."""

    old_size: int
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

    async def consistency_proof(self, old_size: int) -> ConsistencyProof:
        """Return the proof that the newest checkpoint's tree continues that of the first `old_size` entries."""
        request = audit_pb2.GetConsistencyProofRequest(old_size=old_size)
        proof = await self._connection.call(self._stub.GetConsistencyProof, request)
        return ConsistencyProof(proof.old_size, tuple(proof.hashes), _checkpoint(proof.checkpoint))

    async def tiles(self, paths: Sequence[str]) -> AsyncIterator[tuple[str, bytes]]:
        """Yield files of the log in pieces: (name, next bytes); names as in C2SP tlog-tiles, or "checkpoint"."""
        request = audit_pb2.ReadTilesRequest(paths=paths)
        async with aclosing(self._connection.download(self._stub.ReadTiles, request)) as pieces:
            async for piece in pieces:
                yield piece.path, piece.content

    async def entries(
        self,
        start: int = 0,
        *,
        type: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        subject: tuple[str, str] | None = None,
        session: str = "",
    ) -> AsyncIterator[AuditEntry]:
        """Yield integrated entries from an index on that fit every filter.

        Args:
            start: first index.
            type: of the leaf.
            since: first moment of the leaf.
            until: first moment that is too late.
            subject: (type label, raw value) of the person they are about; the call is on record.
            session: of the run that they are about.
        """
        label, value = subject or ("", "")

        async def fetch(token: str) -> tuple[list[AuditEntry], str]:
            request = audit_pb2.ListEntriesRequest(
                start=0 if token else start,
                page_size=PAGE_SIZE,
                page_token=token,
                type=type,
                since=stamp(since),
                until=stamp(until),
                subject_type=label,
                subject=value,
                session=session,
            )
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

    async def evidence(
        self, as_known_at: datetime | None = None, *, nobody: bool = False
    ) -> AsyncIterator[tuple[str, bytes]]:
        """Yield the pieces of an export as known at a moment; `nobody` opens only entries about nobody."""
        scope = audit_pb2.EVIDENCE_SCOPE_NOBODY if nobody else audit_pb2.EVIDENCE_SCOPE_UNSPECIFIED
        request = audit_pb2.ExportEvidenceRequest(as_known_at=stamp(as_known_at), scope=scope)
        async with aclosing(self._connection.download(self._stub.ExportEvidence, request)) as pieces:
            async for piece in pieces:
                yield piece.path, piece.content

    async def prove_membership(self, subject_type: str, subject: str, session: str) -> bytes:
        """Return a proof that a person was, or was not, in the cohort of a run, for `assent-verify membership`."""
        request = audit_pb2.ProveMembershipRequest(subject_type=subject_type, subject=subject, session=session)
        return bytes((await self._connection.call(self._stub.ProveMembership, request)).proof)

    async def provisions(
        self, *, partner: str = "", purpose: str = "", since: datetime | None = None, until: datetime | None = None
    ) -> AsyncIterator[Provision]:
        """Yield the provisions of personal information to partners, the newest first.

        Args:
            partner: party id; "" is any.
            purpose: purpose id; "" is any.
            since: only released at or after this moment.
            until: only released before this moment.
        """

        async def fetch(token: str) -> tuple[list[Provision], str]:
            request = provision_pb2.ListProvisionsRequest(
                partner=named("parties", partner),
                purpose=named("purposes", purpose),
                since_time=stamp(since),
                until_time=stamp(until),
                page_size=PAGE_SIZE,
                page_token=token,
            )
            answer = await self._connection.call(self._stub.ListProvisions, request)
            return [provision_of(found) for found in answer.provisions], answer.next_page_token

        async for provision in pages(fetch):
            yield provision


def _checkpoint(message: audit_pb2.Checkpoint) -> Checkpoint:
    return Checkpoint(message.tree_size, message.root, message.note)


def _entry(message: audit_pb2.AuditEntry) -> AuditEntry:
    return AuditEntry(int(bare(message.name)), message.type, required_time(message, "time"), message.leaf)
