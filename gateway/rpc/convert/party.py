"""Parties, what happened to them, export mechanisms and counters, from and to messages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gateway.flow.export import ExportCounter
from gateway.flow.ports import RegistryItem
from gateway.rpc.convert.field import choice, refuse, some, text, time, time_or_none, time_to_proto
from gateway.rpc.convert.name import id_of, name_of
from gateway.rpc.convert.registry import MAX_LIST, ids_of, said, stored_time
from gateway.v1 import party_pb2

MAX_VERSION = 2**31 - 1
_VERSION = re.compile(r"(parties/[^/]+)/versions/([1-9][0-9]{0,8})")

_ROLES = {
    party_pb2.PARTY_ROLE_HANDLER: "handler",
    party_pb2.PARTY_ROLE_JOINT: "joint",
    party_pb2.PARTY_ROLE_ENTRUSTED: "entrusted",
    party_pb2.PARTY_ROLE_FOREIGN_AUTHORITY: "foreign_authority",
}
_CONTRACTS = {
    party_pb2.CONTRACT_TYPE_PROVISION: "provision",
    party_pb2.CONTRACT_TYPE_ENTRUSTMENT: "entrustment",
    party_pb2.CONTRACT_TYPE_JOINT: "joint",
}
_EVENTS = {
    party_pb2.PARTY_EVENT_TYPE_SUSPENDED: "recipient_suspended",
    party_pb2.PARTY_EVENT_TYPE_REINSTATED: "recipient_reinstated",
    party_pb2.PARTY_EVENT_TYPE_SUCCEEDED: "recipient_succeeded",
    party_pb2.PARTY_EVENT_TYPE_SCOPE_CHANGED: "recipient_scope_changed",
    party_pb2.PARTY_EVENT_TYPE_AUTHORITY_APPROVAL: "competent_authority_approval",
    party_pb2.PARTY_EVENT_TYPE_INSPECTED: "recipient_inspected",
    party_pb2.PARTY_EVENT_TYPE_DELETION_CERTIFIED: "recipient_deletion_certified",
}
_MECHANISMS = {
    party_pb2.EXPORT_MECHANISM_TYPE_STANDARD_CONTRACT: "standard_contract",
    party_pb2.EXPORT_MECHANISM_TYPE_CERTIFICATION: "certification",
    party_pb2.EXPORT_MECHANISM_TYPE_SECURITY_ASSESSMENT: "security_assessment",
    party_pb2.EXPORT_MECHANISM_TYPE_EXEMPT_SMALL_VOLUME: "exempt_small_volume",
}
_TERMS = ("security_duties", "supervision", "return_or_deletion", "rights_routing", "incident_duties")


def version_of(wanted: int, path: str) -> int:
    """Return the version that something is to be; 0 is the next one."""
    if wanted < 0:
        refuse(path, "must not be negative")
    return wanted


def party_version(name: str) -> tuple[str, int]:
    """Return id and version in "parties/courier/versions/2", 0 = the newest in "parties/courier".

    Raises:
        RequestError: BAD_FIELD.
    """
    match = _VERSION.fullmatch(name)
    return (id_of(name, "parties"), 0) if match is None else (id_of(match[1], "parties"), int(match[2]))


def party_from_proto(message: party_pb2.CreatePartyRequest) -> tuple[dict[str, object], int]:
    """Parse a party into the body of a registry item, and the version that it is to be.

    Raises:
        RequestError: BAD_FIELD.
    """
    if not message.HasField("party"):
        refuse("party", "is required")
    party = message.party
    contracts = some(party.contracts, "party.contracts", least=0, most=MAX_LIST)
    body: dict[str, object] = {
        "id": id_of(f"parties/{message.party_id}", "parties", "party_id"),
        "legal_name": party.legal_name,
        "contact": party.contact,
        "role": choice(party.role, _ROLES, "party.role"),
        "country": party.country,
        "processing_country": party.processing_country,
        "contracts": [_contract(entry, f"party.contracts[{row}]") for row, entry in enumerate(contracts)],
        "sub_processor_of": _one(party.sub_processor_of, "parties", "party.sub_processor_of"),
        "sub_processing_approved": party.sub_processing_approved,
        "restricted": party.restricted,
    }
    return said(body), version_of(message.version, "version")


def party_to_proto(item: RegistryItem) -> party_pb2.Party:
    """Write a stored version of a party."""
    body: Mapping[str, Any] = item.body
    return party_pb2.Party(
        name=f"parties/{item.item_id}/versions/{item.version}",
        legal_name=body.get("legal_name", ""),
        contact=body.get("contact", ""),
        role=_number(_ROLES, body["role"]),
        country=body["country"],
        processing_country=body.get("processing_country", ""),
        contracts=[_contract_to_proto(contract) for contract in body.get("contracts", ())],
        sub_processor_of=name_of("parties", body.get("sub_processor_of", "")),
        sub_processing_approved=body.get("sub_processing_approved", False),
        restricted=body.get("restricted", False),
        create_time=time_to_proto(item.at),
    )


def _contract(contract: party_pb2.PartyContract, path: str) -> dict[str, object]:
    body: dict[str, object] = {
        "id": text(contract.contract_id, f"{path}.contract_id"),
        "type": choice(contract.type, _CONTRACTS, f"{path}.type"),
        "valid_from": time(contract, "valid_from_time", f"{path}.valid_from_time").isoformat(),
        "valid_until": time(contract, "valid_until_time", f"{path}.valid_until_time").isoformat(),
        "purposes": ids_of(contract.purposes, "purposes", f"{path}.purposes"),
        "methods": list(some(contract.methods, f"{path}.methods", least=0, most=MAX_LIST)),
        "categories": ids_of(contract.categories, "categories", f"{path}.categories"),
    }
    return said(body | {name: getattr(contract, name) for name in _TERMS})


def _contract_to_proto(body: Mapping[str, Any]) -> party_pb2.PartyContract:
    contract = party_pb2.PartyContract(
        contract_id=body.get("id", ""),
        type=_number(_CONTRACTS, body["type"]),
        valid_from_time=stored_time(body, "valid_from"),
        valid_until_time=stored_time(body, "valid_until"),
        purposes=[name_of("purposes", purpose) for purpose in body.get("purposes", ())],
        methods=body.get("methods", ()),
        categories=[name_of("categories", category) for category in body.get("categories", ())],
    )
    for name in _TERMS:
        setattr(contract, name, body.get(name, ""))
    return contract


def event_from_proto(message: party_pb2.CreatePartyEventRequest) -> dict[str, object]:
    """Parse an event into the body of a registry item.

    Raises:
        RequestError: BAD_FIELD.
    """
    path = "party_event"
    if not message.HasField(path):
        refuse(path, "is required")
    event = message.party_event
    until = time_or_none(event, "until_time", f"{path}.until_time")
    body: dict[str, object] = {
        "id": id_of(event.name, "partyEvents", f"{path}.name"),
        "type": choice(event.type, _EVENTS, f"{path}.type"),
        "at": time(event, "act_time", f"{path}.act_time").isoformat(),
        "party": id_of(event.party, "parties", f"{path}.party"),
        "to": _one(event.successor, "parties", f"{path}.successor"),
        "notified": event.notified or "",
        "notice": event.notice,
        "purposes": ids_of(event.purposes, "purposes", f"{path}.purposes") or "",
        "methods": list(some(event.methods, f"{path}.methods", least=0, most=MAX_LIST)) or "",
        "until": "" if until is None else until.isoformat(),
        "evidence": event.evidence,
    }
    return said(body)


def event_to_proto(item: RegistryItem) -> party_pb2.PartyEvent:
    """Write a stored event."""
    body: Mapping[str, Any] = item.body
    return party_pb2.PartyEvent(
        name=name_of("partyEvents", item.item_id),
        type=_number(_EVENTS, body["type"]),
        act_time=stored_time(body, "at"),
        party=name_of("parties", body["party"]),
        successor=name_of("parties", body.get("to", "")),
        notified=body.get("notified", False),
        notice=body.get("notice", ""),
        purposes=[name_of("purposes", purpose) for purpose in body.get("purposes", ())],
        methods=body.get("methods", ()),
        until_time=stored_time(body, "until"),
        evidence=body.get("evidence", ""),
        create_time=stored_time(body, "recorded_at"),
    )


def mechanism_from_proto(message: party_pb2.CreateExportMechanismRequest) -> tuple[dict[str, object], int]:
    """Parse a mechanism into the body of a registry item, and the version that it is to be.

    Raises:
        RequestError: BAD_FIELD.
    """
    path = "export_mechanism"
    if not message.HasField(path):
        refuse(path, "is required")
    mechanism = message.export_mechanism
    body: dict[str, object] = {
        "id": id_of(mechanism.name, "exportMechanisms", f"{path}.name"),
        "party": id_of(mechanism.party, "parties", f"{path}.party"),
        "type": choice(mechanism.type, _MECHANISMS, f"{path}.type"),
        "reference": mechanism.reference,
        "valid_from": time(mechanism, "valid_from_time", f"{path}.valid_from_time").isoformat(),
        "valid_until": time(mechanism, "valid_until_time", f"{path}.valid_until_time").isoformat(),
    }
    return said(body), version_of(mechanism.version, f"{path}.version")


def mechanism_to_proto(item: RegistryItem) -> party_pb2.ExportMechanism:
    """Write a stored version of a mechanism."""
    body: Mapping[str, Any] = item.body
    return party_pb2.ExportMechanism(
        name=name_of("exportMechanisms", item.item_id),
        version=item.version,
        party=name_of("parties", body["party"]),
        type=_number(_MECHANISMS, body["type"]),
        reference=body.get("reference", ""),
        valid_from_time=stored_time(body, "valid_from"),
        valid_until_time=stored_time(body, "valid_until"),
        create_time=time_to_proto(item.at),
    )


def counter_to_proto(counter: ExportCounter) -> party_pb2.ExportCounter:
    """Write a counter with its line."""
    count = counter.count
    return party_pb2.ExportCounter(
        year=count.year,
        party=name_of("parties", count.recipient),
        sensitive=count.sensitive,
        people=count.people,
        line=counter.line or 0,
        warning=counter.warning,
        update_time=time_to_proto(count.at),
    )


def _one(name: str, collection: str, path: str) -> str:
    return id_of(name, collection, path) if name else ""


def _number(known: Mapping[Any, str], word: str) -> Any:
    return next(number for number, found in known.items() if found == word)
