"""Purposes, categories, methods, impact assessments, basis rules, and partners."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from gateway.client.connection import Connection
from gateway.client.record import PAGE_SIZE, bare, named, new_request_id, pages, required_time, stamp, time_of
from gateway.v1 import registry_pb2, registry_pb2_grpc


@dataclass(frozen=True, slots=True)
class Purpose:
    """A definite purpose that people are told of.

    Attributes:
        text: in the words of the notice.
        automated: it profiles or decides automatically (PIPL 24).
        personalised_marketing: an opt-out ends it (PIPL 24).
        owner: who in the house answers for it.
        created_at: when it was registered; set by the gateway.
    """

    id: str
    text: str = ""
    automated: bool = False
    personalised_marketing: bool = False
    owner: str = ""
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Category:
    """A category of personal information.

    Attributes:
        sensitive: PIPL 28.
        written: another law asks for written consent (PIPL 29).
        anonymous_if_group: an aggregate, made of `base`.
        derived_from: what a label is concluded from; it is at least as sensitive as they are.
        created_at: set by the gateway.
    """

    id: str
    text: str = ""
    sensitive: bool = False
    written: bool = False
    anonymous_if_group: bool = False
    base: str = ""
    derived_from: tuple[str, ...] = ()
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpactAssessment:
    """An approved impact assessment and what it covers (PIPL 55).

    Attributes:
        recipients: party ids.
        own_use: it also covers use by ourselves alone.
        next_review: first moment it holds no more; None is open.
        version: 1, 2, ...; 0 in one to be created means the next one.
        created_at: when the gateway took it in; set by the gateway.
    """

    id: str
    approved_at: datetime
    purposes: tuple[str, ...]
    methods: tuple[str, ...]
    recipients: tuple[str, ...] = ()
    own_use: bool = False
    covers_sensitive: bool = False
    approver: str = ""
    next_review: datetime | None = None
    version: int = 0
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Method:
    """A method of processing.

    Attributes:
        publishes: it makes public (PIPL 25).
        stores_only: it keeps and does nothing else (PIPL 47).
    """

    id: str
    publishes: bool
    stores_only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BasisRule:
    """A row of the basis rule table (PIPL 13).

    Attributes:
        basis: e.g. "contract", "statutory_duty".
        owner: who in the house answers for it.
        recipients: party ids.
        own_use: it reaches use by ourselves.
        version: 1, 2, ...; 0 in a row to be created means the next one.
        created_at: set by the gateway.
    """

    id: str
    basis: str
    purpose: str
    categories: tuple[str, ...]
    owner: str
    recipients: tuple[str, ...] = ()
    own_use: bool = False
    evidence: str = ""
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    version: int = 0
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Invitation:
    """Our own card as a file to hand over, and the fingerprint to read out over another channel."""

    card_file: bytes
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Partner:
    """A party whose card was accepted."""

    party: str
    legal_name: str
    contact: str
    country: str
    endpoint: str
    target_name: str
    agreement_key: bytes
    log_vkey: str
    pins: tuple[str, ...]
    fingerprint: str
    issued_at: datetime
    accepted_at: datetime


class AsyncRegistry:
    """Calls of RegistryService."""

    def __init__(self, connection: Connection) -> None:
        """Use a connection."""
        self._connection = connection
        self._stub = registry_pb2_grpc.RegistryServiceStub(connection.channel)

    async def create_purpose(self, purpose: Purpose, request_id: str | None = None) -> Purpose:
        """Register a purpose; the same again returns the stored one."""
        request = registry_pb2.CreatePurposeRequest(
            purpose=registry_pb2.Purpose(
                name=named("purposes", purpose.id),
                text=purpose.text,
                automated=purpose.automated,
                personalised_marketing=purpose.personalised_marketing,
                owner=purpose.owner,
            ),
            request_id=request_id or new_request_id(),
        )
        return _purpose(await self._connection.call(self._stub.CreatePurpose, request))

    async def create_category(self, category: Category, request_id: str | None = None) -> Category:
        """Register a category; the same again returns the stored one."""
        request = registry_pb2.CreateCategoryRequest(
            category=registry_pb2.Category(
                name=named("categories", category.id),
                text=category.text,
                sensitive=category.sensitive,
                written=category.written,
                anonymous_if_group=category.anonymous_if_group,
                base=named("categories", category.base),
                derived_from=[named("categories", source) for source in category.derived_from],
            ),
            request_id=request_id or new_request_id(),
        )
        return _category(await self._connection.call(self._stub.CreateCategory, request))

    async def create_impact_assessment(
        self, assessment: ImpactAssessment, request_id: str | None = None
    ) -> ImpactAssessment:
        """Register an approved impact assessment, or its next version, which takes the place of the one before.

        Either holds from now at the earliest. The newest again returns it.
        """
        request = registry_pb2.CreateImpactAssessmentRequest(
            impact_assessment=registry_pb2.ImpactAssessment(
                name=named("impactAssessments", assessment.id),
                approve_time=stamp(assessment.approved_at),
                purposes=[named("purposes", purpose) for purpose in assessment.purposes],
                recipients=[named("parties", party) for party in assessment.recipients],
                own_use=assessment.own_use,
                methods=assessment.methods,
                covers_sensitive=assessment.covers_sensitive,
                approver=assessment.approver,
                next_review_time=stamp(assessment.next_review),
                version=assessment.version,
            ),
            request_id=request_id or new_request_id(),
        )
        return _assessment(await self._connection.call(self._stub.CreateImpactAssessment, request))

    async def purposes(self) -> AsyncIterator[Purpose]:
        """Yield purposes by id."""

        async def fetch(token: str) -> tuple[list[Purpose], str]:
            request = registry_pb2.ListPurposesRequest(page_size=PAGE_SIZE, page_token=token)
            answer = await self._connection.call(self._stub.ListPurposes, request)
            return [_purpose(purpose) for purpose in answer.purposes], answer.next_page_token

        async for purpose in pages(fetch):
            yield purpose

    async def categories(self) -> AsyncIterator[Category]:
        """Yield categories by id."""

        async def fetch(token: str) -> tuple[list[Category], str]:
            request = registry_pb2.ListCategoriesRequest(page_size=PAGE_SIZE, page_token=token)
            answer = await self._connection.call(self._stub.ListCategories, request)
            return [_category(category) for category in answer.categories], answer.next_page_token

        async for category in pages(fetch):
            yield category

    async def impact_assessments(self) -> AsyncIterator[ImpactAssessment]:
        """Yield impact assessments by id and version."""

        async def fetch(token: str) -> tuple[list[ImpactAssessment], str]:
            request = registry_pb2.ListImpactAssessmentsRequest(page_size=PAGE_SIZE, page_token=token)
            answer = await self._connection.call(self._stub.ListImpactAssessments, request)
            return [_assessment(assessment) for assessment in answer.impact_assessments], answer.next_page_token

        async for assessment in pages(fetch):
            yield assessment

    async def create_basis_rule(self, rule: BasisRule, request_id: str | None = None) -> BasisRule:
        """Add a row to the basis rule table, or its next version; the newest again returns it."""
        request = registry_pb2.CreateBasisRuleRequest(
            basis_rule=registry_pb2.BasisRule(
                name=named("basisRules", rule.id),
                version=rule.version,
                basis=rule.basis,
                purpose=named("purposes", rule.purpose),
                recipients=[named("parties", party) for party in rule.recipients],
                own_use=rule.own_use,
                categories=[named("categories", category) for category in rule.categories],
                owner=rule.owner,
                evidence=rule.evidence,
                valid_from_time=stamp(rule.valid_from),
                valid_until_time=stamp(rule.valid_until),
            ),
            request_id=request_id or new_request_id(),
        )
        return _basis_rule(await self._connection.call(self._stub.CreateBasisRule, request))

    async def basis_rules(self) -> AsyncIterator[BasisRule]:
        """Yield the rows of the basis rule table by id and version."""

        async def fetch(token: str) -> tuple[list[BasisRule], str]:
            request = registry_pb2.ListBasisRulesRequest(page_size=PAGE_SIZE, page_token=token)
            answer = await self._connection.call(self._stub.ListBasisRules, request)
            return [_basis_rule(rule) for rule in answer.basis_rules], answer.next_page_token

        async for rule in pages(fetch):
            yield rule

    async def methods(self) -> AsyncIterator[Method]:
        """Yield the methods that exist, by id."""

        async def fetch(token: str) -> tuple[list[Method], str]:
            request = registry_pb2.ListMethodsRequest(page_size=PAGE_SIZE, page_token=token)
            answer = await self._connection.call(self._stub.ListMethods, request)
            found = [Method(method.method, method.publishes, method.stores_only) for method in answer.methods]
            return found, answer.next_page_token

        async for method in pages(fetch):
            yield method

    async def invitation(self) -> Invitation:
        """Return our own card, to be sent to a partner."""
        found = await self._connection.call(self._stub.GetInvitation, registry_pb2.GetInvitationRequest())
        return Invitation(found.card_file, found.fingerprint)

    async def accept_partner(self, card_file: bytes, fingerprint: str) -> Partner:
        """Accept a partner's card.

        Args:
            card_file: the file that the partner sent.
            fingerprint: as the partner read it out over another channel.
        """
        request = registry_pb2.AcceptPartnerRequest(card_file=card_file, fingerprint=fingerprint)
        return _partner(await self._connection.call(self._stub.AcceptPartner, request))

    async def partners(self) -> AsyncIterator[Partner]:
        """Yield partners by id."""

        async def fetch(token: str) -> tuple[list[Partner], str]:
            request = registry_pb2.ListPartnersRequest(page_size=PAGE_SIZE, page_token=token)
            answer = await self._connection.call(self._stub.ListPartners, request)
            return [_partner(partner) for partner in answer.partners], answer.next_page_token

        async for partner in pages(fetch):
            yield partner


def _purpose(message: registry_pb2.Purpose) -> Purpose:
    return Purpose(
        id=bare(message.name),
        text=message.text,
        automated=message.automated,
        personalised_marketing=message.personalised_marketing,
        owner=message.owner,
        created_at=time_of(message, "create_time"),
    )


def _category(message: registry_pb2.Category) -> Category:
    return Category(
        id=bare(message.name),
        text=message.text,
        sensitive=message.sensitive,
        written=message.written,
        anonymous_if_group=message.anonymous_if_group,
        base=bare(message.base),
        derived_from=tuple(bare(source) for source in message.derived_from),
        created_at=time_of(message, "create_time"),
    )


def _assessment(message: registry_pb2.ImpactAssessment) -> ImpactAssessment:
    return ImpactAssessment(
        id=bare(message.name),
        approved_at=required_time(message, "approve_time"),
        purposes=tuple(bare(purpose) for purpose in message.purposes),
        recipients=tuple(bare(party) for party in message.recipients),
        own_use=message.own_use,
        methods=tuple(message.methods),
        covers_sensitive=message.covers_sensitive,
        approver=message.approver,
        next_review=time_of(message, "next_review_time"),
        version=message.version,
        created_at=time_of(message, "create_time"),
    )


def _basis_rule(message: registry_pb2.BasisRule) -> BasisRule:
    return BasisRule(
        id=bare(message.name),
        basis=message.basis,
        purpose=bare(message.purpose),
        categories=tuple(bare(category) for category in message.categories),
        owner=message.owner,
        recipients=tuple(bare(party) for party in message.recipients),
        own_use=message.own_use,
        evidence=message.evidence,
        valid_from=time_of(message, "valid_from_time"),
        valid_until=time_of(message, "valid_until_time"),
        version=message.version,
        created_at=time_of(message, "create_time"),
    )


def _partner(message: registry_pb2.Partner) -> Partner:
    return Partner(
        party=bare(message.name),
        legal_name=message.legal_name,
        contact=message.contact,
        country=message.country,
        endpoint=message.endpoint,
        target_name=message.target_name,
        agreement_key=message.agreement_key,
        log_vkey=message.log_vkey,
        pins=tuple(message.pins),
        fingerprint=message.fingerprint,
        issued_at=required_time(message, "issue_time"),
        accepted_at=required_time(message, "accept_time"),
    )
