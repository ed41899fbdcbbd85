"""AuditService: checkpoint, proofs, entries, export."""

from __future__ import annotations

from collections.abc import AsyncIterator

from gateway.flow import audit as flow
from gateway.flow.ports import House
from gateway.rpc.auth import current_caller
from gateway.rpc.convert.audit import checkpoint_to_proto, entry_to_proto, proof_to_proto
from gateway.rpc.convert.field import refuse
from gateway.rpc.convert.page import page_of, page_size, place_of
from gateway.rpc.door import Context, closing, stream, unary
from gateway.v1 import audit_pb2, audit_pb2_grpc

_LISTING = "auditEntries"
PIECE_BYTES = 1024 * 1024


class AuditServicer(audit_pb2_grpc.AuditServiceServicer):
    """Serves `gateway.flow.audit`."""

    def __init__(self, house: House) -> None:
        """Keep the ports."""
        self._house = house

    @unary
    async def GetCheckpoint(self, request: audit_pb2.GetCheckpointRequest, context: Context) -> audit_pb2.Checkpoint:
        """Return the newest checkpoint."""
        return checkpoint_to_proto(await flow.current_checkpoint(self._house, current_caller()))

    @unary
    async def GetInclusionProof(
        self, request: audit_pb2.GetInclusionProofRequest, context: Context
    ) -> audit_pb2.InclusionProof:
        """Prove an entry."""
        return proof_to_proto(await flow.inclusion_proof(self._house, current_caller(), request.index))

    @unary
    async def ListEntries(
        self, request: audit_pb2.ListEntriesRequest, context: Context
    ) -> audit_pb2.ListEntriesResponse:
        """List entries from an index on."""
        size = page_size(request.page_size)
        place = place_of(request.page_token, _LISTING, (int,))
        if place is not None and request.start:
            refuse("start", "must be left out where page_token is set")
        if request.start < 0:
            refuse("start", "must not be negative")
        start = request.start if place is None else int(place[0]) + 1
        entries = await flow.list_entries(self._house, current_caller(), start, size + 1)
        page, token = page_of(entries, size, _LISTING, lambda entry: (entry.index,), entry_to_proto)
        return audit_pb2.ListEntriesResponse(entries=page, next_page_token=token)

    @stream
    async def ExportAudit(
        self, request: audit_pb2.ExportAuditRequest, context: Context
    ) -> AsyncIterator[audit_pb2.ExportAuditResponse]:
        """Stream an export, file after file."""
        async with closing(flow.export(self._house, current_caller())) as files:
            async for path, content in files:
                # An empty file is one empty piece.
                for start in range(0, max(1, len(content)), PIECE_BYTES):
                    yield audit_pb2.ExportAuditResponse(path=path, content=content[start : start + PIECE_BYTES])
