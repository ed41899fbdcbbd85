"""AgreementService: propose, accept, bind, look; what its statistics cost."""

from __future__ import annotations

from gateway.flow import agreement as flow
from gateway.flow.budget import get_budget
from gateway.flow.ports import House
from gateway.rpc.auth import current_caller
from gateway.rpc.convert.aggregate import budget_to_proto
from gateway.rpc.convert.agreement import (
    agreement_to_proto,
    binding_from_proto,
    binding_to_proto,
    document_from_proto,
    expected_hash_from_proto,
)
from gateway.rpc.convert.field import request_id
from gateway.rpc.convert.name import id_of
from gateway.rpc.convert.page import page_of, page_size, place_of
from gateway.rpc.door import Context, unary
from gateway.v1 import agreement_pb2, agreement_pb2_grpc

_LISTING = "agreements"


class AgreementServicer(agreement_pb2_grpc.AgreementServiceServicer):
    """Serves `gateway.flow.agreement`."""

    def __init__(self, house: House) -> None:
        """Keep the ports."""
        self._house = house

    @unary
    async def ProposeAgreement(
        self, request: agreement_pb2.ProposeAgreementRequest, context: Context
    ) -> agreement_pb2.Agreement:
        """Sign a document and hand it to the partner."""
        document = document_from_proto(request.document)
        asked = request_id(request.request_id)
        return agreement_to_proto(await flow.propose(self._house, current_caller(), document, asked))

    @unary
    async def AcceptAgreement(
        self, request: agreement_pb2.AcceptAgreementRequest, context: Context
    ) -> agreement_pb2.Agreement:
        """Countersign a partner's proposal."""
        agreement_id = id_of(request.name, _LISTING)
        expected = expected_hash_from_proto(request)
        return agreement_to_proto(await flow.accept(self._house, current_caller(), agreement_id, expected))

    @unary
    async def BindAgreement(
        self, request: agreement_pb2.BindAgreementRequest, context: Context
    ) -> agreement_pb2.AgreementBinding:
        """Bind an agreement to our data."""
        binding = binding_from_proto(request)
        return binding_to_proto(await flow.bind(self._house, current_caller(), binding))

    @unary
    async def GetAgreement(
        self, request: agreement_pb2.GetAgreementRequest, context: Context
    ) -> agreement_pb2.Agreement:
        """Return our copy."""
        return agreement_to_proto(await flow.get(self._house, current_caller(), id_of(request.name, _LISTING)))

    @unary
    async def ListAgreements(
        self, request: agreement_pb2.ListAgreementsRequest, context: Context
    ) -> agreement_pb2.ListAgreementsResponse:
        """List our copies by id."""
        size = page_size(request.page_size)
        place = place_of(request.page_token, _LISTING, (str,))
        after = "" if place is None else str(place[0])
        copies = await flow.list_agreements(self._house, current_caller(), after, size + 1)
        page, token = page_of(copies, size, _LISTING, lambda copy: (copy.agreement.agreement_id,), agreement_to_proto)
        return agreement_pb2.ListAgreementsResponse(agreements=page, next_page_token=token)

    @unary
    async def GetBudget(self, request: agreement_pb2.GetBudgetRequest, context: Context) -> agreement_pb2.Budget:
        """Return what the period's statistics cost."""
        report = await get_budget(self._house, current_caller(), id_of(request.name, _LISTING))
        return budget_to_proto(report.terms, report.spent, report.charges)
