"""AuditService: checkpoint, proofs, tiles, entries, exports."""

from __future__ import annotations

from collections.abc import AsyncIterator

from gateway.flow import audit as flow
from gateway.flow import log_reading as reading
from gateway.flow.consent import person_ref
from gateway.flow.membership.prove import prove_membership
from gateway.flow.ports import House
from gateway.flow.provision import Provision, list_provisions
from gateway.route.audit import EntryFilter
from gateway.route.caller import Caller
from gateway.rpc.auth import current_caller
from gateway.rpc.convert.audit import (
    checkpoint_to_proto,
    consistency_to_proto,
    entry_to_proto,
    proof_to_proto,
)
from gateway.rpc.convert.consent import subject_from_proto
from gateway.rpc.convert.field import refuse, text, time_or_none
from gateway.rpc.convert.page import Place, page_of, page_size, place_of, timed_place_of, token_of
from gateway.rpc.convert.provision import provision_to_proto, wanted_from_proto
from gateway.rpc.door import Context, closing, stream, unary
from gateway.v1 import audit_pb2, audit_pb2_grpc, provision_pb2

_LISTING = "auditEntries"
_PROVISIONS = "provisions"
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
    async def GetConsistencyProof(
        self, request: audit_pb2.GetConsistencyProofRequest, context: Context
    ) -> audit_pb2.ConsistencyProof:
        """Prove that the log continues an older tree."""
        return consistency_to_proto(await reading.prove_consistency(self._house, current_caller(), request.old_size))

    @stream
    async def ReadTiles(
        self, request: audit_pb2.ReadTilesRequest, context: Context
    ) -> AsyncIterator[audit_pb2.ReadTilesResponse]:
        """Stream files of the log."""
        async with closing(reading.read_tiles(self._house, current_caller(), request.paths)) as files:
            async for path, content in _pieces(files):
                yield audit_pb2.ReadTilesResponse(path=path, content=content)

    @unary
    async def ListEntries(
        self, request: audit_pb2.ListEntriesRequest, context: Context
    ) -> audit_pb2.ListEntriesResponse:
        """List entries from an index on, by what they are and whom they are about."""
        caller, size = current_caller(), page_size(request.page_size)
        place = place_of(request.page_token, _LISTING, (int,))
        if place is not None and request.start:
            refuse("start", "must be left out where page_token is set")
        if request.start < 0:
            refuse("start", "must not be negative")
        start = request.start if place is None else int(place[0]) + 1
        wanted = await self._filter(request, caller)
        entries, upcoming = await reading.find_entries(self._house, caller, wanted, start, size)
        page, token = page_of(entries, size, _LISTING, lambda entry: (entry.index,), entry_to_proto)
        if not token and upcoming is not None:
            token = token_of(_LISTING, (upcoming - 1,))
        return audit_pb2.ListEntriesResponse(entries=page, next_page_token=token)

    async def _filter(self, request: audit_pb2.ListEntriesRequest, caller: Caller) -> EntryFilter:
        ref = keys = None
        if request.subject or request.subject_type:
            ref = person_ref(self._house, *subject_from_proto(request))
        if request.session:
            keys = await reading.keys_of_session(self._house, caller, text(request.session, "session", longest=64))
        since, until = (time_or_none(request, name, name) for name in ("since", "until"))
        return EntryFilter(request.type or None, since, until, ref, keys)

    @stream
    async def ExportAudit(
        self, request: audit_pb2.ExportAuditRequest, context: Context
    ) -> AsyncIterator[audit_pb2.ExportAuditResponse]:
        """Stream an export, file after file."""
        async with closing(flow.export(self._house, current_caller())) as files:
            async for path, content in _pieces(files):
                yield audit_pb2.ExportAuditResponse(path=path, content=content)

    @stream
    async def ExportEvidence(
        self, request: audit_pb2.ExportEvidenceRequest, context: Context
    ) -> AsyncIterator[audit_pb2.ExportEvidenceResponse]:
        """Stream an export as known at a moment, file after file."""
        if request.scope not in (audit_pb2.EVIDENCE_SCOPE_UNSPECIFIED, audit_pb2.EVIDENCE_SCOPE_NOBODY):
            refuse("scope", "must be one of the enum's known values")
        at = time_or_none(request, "as_known_at", "as_known_at") or self._house.clock.now()
        nobody = request.scope == audit_pb2.EVIDENCE_SCOPE_NOBODY
        async with closing(flow.export(self._house, current_caller(), at, nobody=nobody)) as files:
            async for path, content in _pieces(files):
                yield audit_pb2.ExportEvidenceResponse(path=path, content=content)

    @unary
    async def ProveMembership(
        self, request: audit_pb2.ProveMembershipRequest, context: Context
    ) -> audit_pb2.MembershipProof:
        """Prove who was in a run."""
        caller, (label, subject) = current_caller(), subject_from_proto(request)
        session = text(request.session, "session", longest=64)
        return audit_pb2.MembershipProof(proof=await prove_membership(self._house, caller, label, subject, session))

    @unary
    async def ListProvisions(
        self, request: provision_pb2.ListProvisionsRequest, context: Context
    ) -> provision_pb2.ListProvisionsResponse:
        """List provisions, newest first."""
        wanted, size = wanted_from_proto(request), page_size(request.page_size)
        before = timed_place_of(request.page_token, _PROVISIONS)
        found = await list_provisions(self._house, current_caller(), wanted, before, size + 1)
        page, token = page_of(found, size, _PROVISIONS, _place, provision_to_proto)
        return provision_pb2.ListProvisionsResponse(provisions=page, next_page_token=token)


def _place(provision: Provision) -> Place:
    return provision.released_at.isoformat(), provision.provision_id


async def _pieces(files: AsyncIterator[tuple[str, bytes]]) -> AsyncIterator[tuple[str, bytes]]:
    async for path, content in files:
        # An empty file is one empty piece.
        for start in range(0, max(1, len(content)), PIECE_BYTES):
            yield path, content[start : start + PIECE_BYTES]
