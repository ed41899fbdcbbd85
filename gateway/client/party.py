"""Legal entities that receive personal information: what they are, what happened to them, exports to them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.client.connection import Connection
from gateway.client.record import PAGE_SIZE, bare, named, new_request_id, pages, required_time, stamp, time_of
from gateway.errors import RequestError
from gateway.v1 import party_pb2, party_pb2_grpc


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyContract:
    """A contract in writing; what each type must say, see the protocol.

    Attributes:
        id: its number in the house's files.
        type: "PROVISION", "ENTRUSTMENT" or "JOINT".
        valid_until: first moment it holds no more.
    """

    id: str
    type: str
    valid_from: datetime
    valid_until: datetime
    purposes: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    security_duties: str = ""
    supervision: str = ""
    return_or_deletion: str = ""
    rights_routing: str = ""
    incident_duties: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """One version of a legal entity.

    Attributes:
        role: "HANDLER", "JOINT", "ENTRUSTED" or "FOREIGN_AUTHORITY".
        country: ISO 3166-1 alpha-2.
        processing_country: where it handles or looks in from, when elsewhere.
        sub_processor_of: party id of the entrusted party that engaged it.
        restricted: on the list of PIPL 42.
        version: 1, 2, ...; 0 in a party to be created means the next one.
        created_at: when the gateway took the version in; set by the gateway.
    """

    id: str
    role: str
    legal_name: str = ""
    contact: str = ""
    country: str = "CN"
    processing_country: str = ""
    contracts: tuple[PartyContract, ...] = ()
    sub_processor_of: str = ""
    sub_processing_approved: bool = False
    restricted: bool = False
    version: int = 0
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyEvent:
    """Something that happened to a party.

    Attributes:
        type: "SUSPENDED", "REINSTATED", "SUCCEEDED", "SCOPE_CHANGED", "AUTHORITY_APPROVAL", "INSPECTED" or
            "DELETION_CERTIFIED".
        successor: of a succession, who took over.
        notified: of a succession, people were told, by `notice`.
        until: of an approval, its end; None is open.
        created_at: when the gateway took it in; set by the gateway.
    """

    id: str
    type: str
    at: datetime
    party: str
    successor: str = ""
    notified: bool = False
    notice: str = ""
    purposes: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    until: datetime | None = None
    evidence: str = ""
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportMechanism:
    """What allows exports to one party for a time.

    Attributes:
        type: "STANDARD_CONTRACT", "CERTIFICATION", "SECURITY_ASSESSMENT" or "EXEMPT_SMALL_VOLUME".
        reference: number of the filing, the certificate or the approval.
        version: as of `Party`.
        created_at: set by the gateway.
    """

    id: str
    party: str
    type: str
    valid_from: datetime
    valid_until: datetime
    reference: str = ""
    version: int = 0
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ExportCounter:
    """People exported in a year, each counted once.

    Attributes:
        party: "" is the whole house, which the lines of the law are about.
        sensitive: only people of whom something sensitive went.
        line: to stay below; 0 is none.
        warning: 80 % of the line are reached.
    """

    year: int
    party: str
    sensitive: bool
    people: int
    line: int
    warning: bool
    updated_at: datetime


class AsyncParties:
    """Calls of PartyService."""

    def __init__(self, connection: Connection) -> None:
        """Use a connection."""
        self._connection = connection
        self._stub = party_pb2_grpc.PartyServiceStub(connection.channel)

    async def create(self, party: Party, request_id: str | None = None) -> Party:
        """Register a legal entity, or its next version, whole; the newest version again returns it."""
        message = party_pb2.Party(
            legal_name=party.legal_name,
            contact=party.contact,
            role=_number(party_pb2.PartyRole, "PARTY_ROLE_", party.role, "role"),
            country=party.country,
            processing_country=party.processing_country,
            contracts=[_contract_message(contract) for contract in party.contracts],
            sub_processor_of=named("parties", party.sub_processor_of),
            sub_processing_approved=party.sub_processing_approved,
            restricted=party.restricted,
        )
        request = party_pb2.CreatePartyRequest(
            party_id=party.id, version=party.version, party=message, request_id=request_id or new_request_id()
        )
        return _party(await self._connection.call(self._stub.CreateParty, request))

    async def get(self, party: str, version: int = 0) -> Party:
        """Return one version of a registered party, 0 = the newest."""
        name = named("parties", party) + (f"/versions/{version}" if version else "")
        return _party(await self._connection.call(self._stub.GetParty, party_pb2.GetPartyRequest(name=name)))

    async def list(self) -> AsyncIterator[Party]:
        """Yield registered parties by id and version."""

        async def fetch(token: str) -> tuple[list[Party], str]:
            request = party_pb2.ListPartiesRequest(page_size=PAGE_SIZE, page_token=token)
            answer = await self._connection.call(self._stub.ListParties, request)
            return [_party(party) for party in answer.parties], answer.next_page_token

        async for party in pages(fetch):
            yield party

    async def create_event(self, event: PartyEvent, request_id: str | None = None) -> PartyEvent:
        """Add what happened to a party; the same again returns the stored one."""
        message = party_pb2.PartyEvent(
            name=named("partyEvents", event.id),
            type=_number(party_pb2.PartyEventType, "PARTY_EVENT_TYPE_", event.type, "type"),
            act_time=stamp(event.at),
            party=named("parties", event.party),
            successor=named("parties", event.successor),
            notified=event.notified,
            notice=event.notice,
            purposes=[named("purposes", purpose) for purpose in event.purposes],
            methods=event.methods,
            until_time=stamp(event.until),
            evidence=event.evidence,
        )
        request = party_pb2.CreatePartyEventRequest(party_event=message, request_id=request_id or new_request_id())
        return _event(await self._connection.call(self._stub.CreatePartyEvent, request))

    async def events(self) -> AsyncIterator[PartyEvent]:
        """Yield what happened to parties, by id."""

        async def fetch(token: str) -> tuple[list[PartyEvent], str]:
            request = party_pb2.ListPartyEventsRequest(page_size=PAGE_SIZE, page_token=token)
            answer = await self._connection.call(self._stub.ListPartyEvents, request)
            return [_event(event) for event in answer.party_events], answer.next_page_token

        async for event in pages(fetch):
            yield event

    async def create_mechanism(self, mechanism: ExportMechanism, request_id: str | None = None) -> ExportMechanism:
        """Register what allows exports to a party, or its next version."""
        message = party_pb2.ExportMechanism(
            name=named("exportMechanisms", mechanism.id),
            version=mechanism.version,
            party=named("parties", mechanism.party),
            type=_number(party_pb2.ExportMechanismType, "EXPORT_MECHANISM_TYPE_", mechanism.type, "type"),
            reference=mechanism.reference,
            valid_from_time=stamp(mechanism.valid_from),
            valid_until_time=stamp(mechanism.valid_until),
        )
        request = party_pb2.CreateExportMechanismRequest(
            export_mechanism=message, request_id=request_id or new_request_id()
        )
        return _mechanism(await self._connection.call(self._stub.CreateExportMechanism, request))

    async def mechanisms(self) -> AsyncIterator[ExportMechanism]:
        """Yield export mechanisms by id and version."""

        async def fetch(token: str) -> tuple[list[ExportMechanism], str]:
            request = party_pb2.ListExportMechanismsRequest(page_size=PAGE_SIZE, page_token=token)
            answer = await self._connection.call(self._stub.ListExportMechanisms, request)
            return [_mechanism(mechanism) for mechanism in answer.export_mechanisms], answer.next_page_token

        async for mechanism in pages(fetch):
            yield mechanism

    async def export_counters(self, year: int = 0) -> AsyncIterator[ExportCounter]:
        """Yield the counters of a year, the whole house first; 0 is the present year."""

        async def fetch(token: str) -> tuple[list[ExportCounter], str]:
            request = party_pb2.ListExportCountersRequest(page_size=PAGE_SIZE, page_token=token, year=year)
            answer = await self._connection.call(self._stub.ListExportCounters, request)
            return [_counter(counter) for counter in answer.export_counters], answer.next_page_token

        async for counter in pages(fetch):
            yield counter


_TERMS = ("security_duties", "supervision", "return_or_deletion", "rights_routing", "incident_duties")


def _number(enum: Any, prefix: str, word: str, field: str) -> Any:
    try:
        return enum.Value(prefix + word.upper())
    except ValueError as error:
        words = ", ".join(name.removeprefix(prefix) for name in enum.keys()[1:])
        raise RequestError("BAD_FIELD", f"field {field} must be one of {words}") from error


def _contract_message(contract: PartyContract) -> party_pb2.PartyContract:
    return party_pb2.PartyContract(
        contract_id=contract.id,
        type=_number(party_pb2.ContractType, "CONTRACT_TYPE_", contract.type, "contracts.type"),
        valid_from_time=stamp(contract.valid_from),
        valid_until_time=stamp(contract.valid_until),
        purposes=[named("purposes", purpose) for purpose in contract.purposes],
        methods=contract.methods,
        categories=[named("categories", category) for category in contract.categories],
        **{name: getattr(contract, name) for name in _TERMS},
    )


def _party(message: party_pb2.Party) -> Party:
    party, _, version = bare(message.name).partition("/versions/")
    return Party(
        id=party,
        role=party_pb2.PartyRole.Name(message.role).removeprefix("PARTY_ROLE_"),
        legal_name=message.legal_name,
        contact=message.contact,
        country=message.country,
        processing_country=message.processing_country,
        contracts=tuple(
            PartyContract(
                id=contract.contract_id,
                type=party_pb2.ContractType.Name(contract.type).removeprefix("CONTRACT_TYPE_"),
                valid_from=required_time(contract, "valid_from_time"),
                valid_until=required_time(contract, "valid_until_time"),
                purposes=tuple(bare(purpose) for purpose in contract.purposes),
                methods=tuple(contract.methods),
                categories=tuple(bare(category) for category in contract.categories),
                **{name: getattr(contract, name) for name in _TERMS},
            )
            for contract in message.contracts
        ),
        sub_processor_of=bare(message.sub_processor_of),
        sub_processing_approved=message.sub_processing_approved,
        restricted=message.restricted,
        version=int(version),
        created_at=time_of(message, "create_time"),
    )


def _event(message: party_pb2.PartyEvent) -> PartyEvent:
    return PartyEvent(
        id=bare(message.name),
        type=party_pb2.PartyEventType.Name(message.type).removeprefix("PARTY_EVENT_TYPE_"),
        at=required_time(message, "act_time"),
        party=bare(message.party),
        successor=bare(message.successor),
        notified=message.notified,
        notice=message.notice,
        purposes=tuple(bare(purpose) for purpose in message.purposes),
        methods=tuple(message.methods),
        until=time_of(message, "until_time"),
        evidence=message.evidence,
        created_at=time_of(message, "create_time"),
    )


def _mechanism(message: party_pb2.ExportMechanism) -> ExportMechanism:
    return ExportMechanism(
        id=bare(message.name),
        party=bare(message.party),
        type=party_pb2.ExportMechanismType.Name(message.type).removeprefix("EXPORT_MECHANISM_TYPE_"),
        valid_from=required_time(message, "valid_from_time"),
        valid_until=required_time(message, "valid_until_time"),
        reference=message.reference,
        version=message.version,
        created_at=time_of(message, "create_time"),
    )


def _counter(message: party_pb2.ExportCounter) -> ExportCounter:
    return ExportCounter(
        year=message.year,
        party=bare(message.party),
        sensitive=message.sensitive,
        people=message.people,
        line=message.line,
        warning=message.warning,
        updated_at=required_time(message, "update_time"),
    )
