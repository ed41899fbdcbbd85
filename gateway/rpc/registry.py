"""RegistryService: purposes, categories, basis rules, impact assessments, methods, partners."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from google.protobuf.message import Message

from gateway.agreement.card import card_file
from gateway.flow import basis
from gateway.flow import partner as partner_flow
from gateway.flow import registry as flow
from gateway.flow.ports import House, RegistryItem
from gateway.rpc.auth import current_caller
from gateway.rpc.convert.field import octets, optional_request_id, text
from gateway.rpc.convert.page import page_of, page_size, place_of
from gateway.rpc.convert.partner import MAX_CARD_FILE, partner_to_proto
from gateway.rpc.convert.registry import (
    assessment_from_proto,
    assessment_to_proto,
    basis_rule_from_proto,
    basis_rule_to_proto,
    category_from_proto,
    category_to_proto,
    method_to_proto,
    purpose_from_proto,
    purpose_to_proto,
)
from gateway.rpc.door import Context, unary
from gateway.v1 import registry_pb2, registry_pb2_grpc

Answer = TypeVar("Answer", bound=Message)


class RegistryServicer(registry_pb2_grpc.RegistryServiceServicer):
    """Serves `gateway.flow.registry` and `gateway.flow.partner`."""

    def __init__(self, house: House) -> None:
        """Keep the ports."""
        self._house = house

    @unary
    async def CreatePurpose(self, request: registry_pb2.CreatePurposeRequest, context: Context) -> registry_pb2.Purpose:
        """Register a purpose."""
        optional_request_id(request.request_id)
        body = purpose_from_proto(request)
        return purpose_to_proto(await flow.create_purpose(self._house, current_caller(), body))

    @unary
    async def CreateCategory(
        self, request: registry_pb2.CreateCategoryRequest, context: Context
    ) -> registry_pb2.Category:
        """Register a category."""
        optional_request_id(request.request_id)
        body = category_from_proto(request)
        return category_to_proto(await flow.create_category(self._house, current_caller(), body))

    @unary
    async def CreateImpactAssessment(
        self, request: registry_pb2.CreateImpactAssessmentRequest, context: Context
    ) -> registry_pb2.ImpactAssessment:
        """Register an impact assessment, or its next version."""
        optional_request_id(request.request_id)
        body, version = assessment_from_proto(request)
        return assessment_to_proto(await flow.create_assessment(self._house, current_caller(), body, version))

    @unary
    async def ListPurposes(
        self, request: registry_pb2.ListPurposesRequest, context: Context
    ) -> registry_pb2.ListPurposesResponse:
        """List purposes by id."""
        page, token = await self._items("purpose", request, purpose_to_proto)
        return registry_pb2.ListPurposesResponse(purposes=page, next_page_token=token)

    @unary
    async def ListCategories(
        self, request: registry_pb2.ListCategoriesRequest, context: Context
    ) -> registry_pb2.ListCategoriesResponse:
        """List categories by id."""
        page, token = await self._items("category", request, category_to_proto)
        return registry_pb2.ListCategoriesResponse(categories=page, next_page_token=token)

    @unary
    async def ListImpactAssessments(
        self, request: registry_pb2.ListImpactAssessmentsRequest, context: Context
    ) -> registry_pb2.ListImpactAssessmentsResponse:
        """List impact assessments by id and version."""
        page, token = await self._items("assessment", request, assessment_to_proto)
        return registry_pb2.ListImpactAssessmentsResponse(impact_assessments=page, next_page_token=token)

    @unary
    async def CreateBasisRule(
        self, request: registry_pb2.CreateBasisRuleRequest, context: Context
    ) -> registry_pb2.BasisRule:
        """Add a row to the basis rule table, or its next version."""
        optional_request_id(request.request_id)
        body, version = basis_rule_from_proto(request)
        return basis_rule_to_proto(await basis.create_basis_rule(self._house, current_caller(), body, version))

    @unary
    async def ListBasisRules(
        self, request: registry_pb2.ListBasisRulesRequest, context: Context
    ) -> registry_pb2.ListBasisRulesResponse:
        """List the rows of the basis rule table by id and version."""
        page, token = await self._items(basis.BASIS_RULE, request, basis_rule_to_proto)
        return registry_pb2.ListBasisRulesResponse(basis_rules=page, next_page_token=token)

    @unary
    async def ListMethods(
        self, request: registry_pb2.ListMethodsRequest, context: Context
    ) -> registry_pb2.ListMethodsResponse:
        """List the methods that exist by id."""
        size, place = page_size(request.page_size), place_of(request.page_token, "methods", (str,))
        after = "" if place is None else str(place[0])
        methods = [method for method in flow.list_methods(current_caller()) if method.id > after]
        page, token = page_of(methods, size, "methods", lambda method: (method.id,), method_to_proto)
        return registry_pb2.ListMethodsResponse(methods=page, next_page_token=token)

    @unary
    async def GetInvitation(
        self, request: registry_pb2.GetInvitationRequest, context: Context
    ) -> registry_pb2.Invitation:
        """Return our own card as a file."""
        current_caller()
        signed = partner_flow.invitation(self._house)
        return registry_pb2.Invitation(card_file=card_file(signed), fingerprint=signed.fingerprint)

    @unary
    async def AcceptPartner(self, request: registry_pb2.AcceptPartnerRequest, context: Context) -> registry_pb2.Partner:
        """Accept a partner's card."""
        card = octets(request.card_file, "card_file", most=MAX_CARD_FILE)
        read_out = text(request.fingerprint, "fingerprint", longest=100)
        return partner_to_proto(await partner_flow.accept_partner(self._house, current_caller(), card, read_out))

    @unary
    async def ListPartners(
        self, request: registry_pb2.ListPartnersRequest, context: Context
    ) -> registry_pb2.ListPartnersResponse:
        """List partners by id."""
        size = page_size(request.page_size)
        place = place_of(request.page_token, "partners", (str,))
        after = "" if place is None else str(place[0])
        partners = await partner_flow.list_partners(self._house, current_caller())
        later = (partner for partner in partners if partner.card.party > after)
        page, token = page_of(later, size, "partners", lambda partner: (partner.card.party,), partner_to_proto)
        return registry_pb2.ListPartnersResponse(partners=page, next_page_token=token)

    async def _items(
        self,
        kind: str,
        request: (
            registry_pb2.ListPurposesRequest
            | registry_pb2.ListCategoriesRequest
            | registry_pb2.ListImpactAssessmentsRequest
            | registry_pb2.ListBasisRulesRequest
        ),
        to_proto: Callable[[RegistryItem], Answer],
    ) -> tuple[list[Answer], str]:
        size = page_size(request.page_size)
        place = place_of(request.page_token, kind, (str, int))
        after = ("", 0) if place is None else (str(place[0]), int(place[1]))
        items = await flow.list_items(self._house, current_caller(), kind, after, size + 1)
        return page_of(items, size, kind, lambda item: (item.item_id, item.version), to_proto)
