"""Legal entities that receive personal information, and what happened to them.

A gateway partner needs no entry: its card and agreements stand for it. An entry of its
id adds what they do not say (role, place of handling, contracts on paper, the list of
PIPL 42). A party is one legal entity with a name and a contact: its id is no pattern,
and there is no word for "any".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from consent.contract import ContractType
from consent.party import Party, PartyEvent, PartyEventType
from consent.party import Role as PartyRole
from consent.purpose import METHODS
from consent.registry import Registry
from gateway.errors import RequestError
from gateway.flow.access import require, require_reader
from gateway.flow.ports import House, RegistryItem
from gateway.flow.registry import check_known, create_item, create_version, load_registry, reading, refuse_set_by_server
from gateway.route.caller import Caller, Role

PARTY = "party"
PARTY_EVENT = "party_event"
PARTY_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
COUNTRY = re.compile(r"[A-Z]{2}")

_CONTRACTS = {
    PartyRole.HANDLER: ContractType.PROVISION,
    PartyRole.JOINT: ContractType.JOINT,
    PartyRole.ENTRUSTED: ContractType.ENTRUSTMENT,
}
_MAY_LIE_AHEAD = (PartyEventType.SUCCEEDED, PartyEventType.REINSTATED, PartyEventType.AUTHORITY_APPROVAL)
_NEED_EVIDENCE = (PartyEventType.AUTHORITY_APPROVAL, PartyEventType.INSPECTED, PartyEventType.DELETION_CERTIFIED)


async def create_party(house: House, caller: Caller, body: Mapping[str, object], version: int = 0) -> RegistryItem:
    """Register a legal entity, or the next version of one.

    Args:
        house: ports.
        caller: an administrator or a compliance officer.
        body: as `consent.party.Party` reads it, whole: what it leaves out is gone from the version.
        version: that it is to be; 0 is the next one.

    Returns:
        The stored version; the newest again is the newest.

    Raises:
        RequestError: BAD_FIELD; a contract must say what NDSR 12, PIPL 20 or PIPL 21 ask of it.
        StateError: REVISION_CONFLICT when `version` is not the next one.
    """
    require(caller, Role.ADMINISTRATOR, Role.COMPLIANCE_OFFICER)
    refuse_set_by_server(body)
    with reading():
        party = Party.from_mapping(body)
    _check_entity(party, house)
    async with house.store.begin() as tx:
        registry = await load_registry(tx, house)
        known = registry.parties.get(party.id)
        for name in ("legal_name", "contact"):
            if not getattr(party, name) and not (known is not None and getattr(known, name)):
                raise RequestError("BAD_FIELD", f"field {name} is required: people are told of it (PIPL 23)")
        if party.sub_processor_of is not None:
            engaged_by = registry.parties.get(party.sub_processor_of)
            if engaged_by is None or not engaged_by.entrusted or engaged_by.id == party.id:
                raise RequestError(
                    "BAD_FIELD", "field sub_processor_of names no other entrusted party; register it first"
                )
        for row, contract in enumerate(party.contracts):
            for field, names, registered in (
                ("purposes", contract.purposes, registry.purposes),
                ("categories", contract.categories, registry.categories),
                ("methods", contract.methods, METHODS),
            ):
                if not names <= registered.keys():
                    raise RequestError(
                        "BAD_FIELD", f"field contracts[{row}].{field} holds a name that is not registered"
                    )
        return await create_version(tx, house, caller, PARTY, party.id, party.to_mapping(), version)


async def get_party(house: House, caller: Caller, party: str, version: int = 0) -> RegistryItem:
    """Return one registered version, 0 = the newest; StateError NOT_FOUND."""
    require_reader(caller)
    async with house.store.read() as tx:
        return await tx.registry.get(PARTY, party, version)


async def create_party_event(house: House, caller: Caller, body: Mapping[str, object]) -> RegistryItem:
    """Add what happened to a party; arguments and errors as `create_party`, as `consent.party.PartyEvent` reads it.

    It is never changed: what was wrong is answered by another event, as a suspension by a reinstatement. What is dated
    ahead must allow something: what protects people would count at once, and be answered by nothing before its date.
    """
    require(caller, Role.ADMINISTRATOR, Role.COMPLIANCE_OFFICER)
    refuse_set_by_server(body)
    with reading():
        event = PartyEvent.from_mapping(body)
    if event.type in _NEED_EVIDENCE and not event.evidence:
        raise RequestError("BAD_FIELD", "field evidence is required: the number of the approval, report or certificate")
    if not event.methods <= METHODS.keys():
        raise RequestError("BAD_FIELD", "field methods names a method that does not exist")
    async with house.store.begin() as tx:
        registry = await load_registry(tx, house)
        if event.type not in _MAY_LIE_AHEAD and event.at > house.clock.now() + registry.policy.clock_tolerance:
            raise RequestError("BAD_FIELD", "field at lies in the future, and it counts at once: tell when it happened")
        for field, party in (("party", event.party), ("to", event.to)):
            if party is not None and party not in registry.parties:
                raise RequestError(
                    "BAD_FIELD", f"field {field} names a party that is not registered; register it first"
                )
        if event.to == event.party:
            raise RequestError("BAD_FIELD", "field to names the party itself")
        for purpose in event.purposes:
            await check_known(tx, "purpose", purpose, "purposes")
        if event.type is PartyEventType.SUCCEEDED:
            _check_notified(event, registry)
        recorded = replace(event, recorded_at=house.clock.now())
        return await create_item(tx, house, caller, PARTY_EVENT, event.id, recorded.to_mapping())


def _check_entity(party: Party, house: House) -> None:
    """Check what the party says of itself."""
    if PARTY_ID.fullmatch(party.id) is None:
        raise RequestError("BAD_FIELD", "field id must be 1 to 63 of a-z, 0-9 and -: one legal entity, no pattern")
    if party.id == house.custody.party:
        raise RequestError("BAD_FIELD", "field id is our own, which our card describes")
    for name in ("country", "processing_country"):
        code = getattr(party, name)
        if code is not None and COUNTRY.fullmatch(code) is None:
            raise RequestError("BAD_FIELD", f"field {name} must be two letters, ISO 3166-1, such as CN")
    if party.sub_processor_of is not None and not party.entrusted:
        raise RequestError("BAD_FIELD", "field sub_processor_of is of entrusted parties alone")
    if party.sub_processing_approved and party.sub_processor_of is None:
        raise RequestError("BAD_FIELD", "field sub_processing_approved goes with sub_processor_of")
    for row, contract in enumerate(party.contracts):
        if contract.type is not _CONTRACTS.get(party.role):
            raise RequestError("BAD_FIELD", f"field contracts[{row}].type does not fit the role of the party")
        if missing := contract.missing():
            raise RequestError("BAD_FIELD", f"field contracts[{row}].{missing[0]} is required, and {_and(missing[1:])}")
        if contract.valid_until <= contract.valid_from:
            raise RequestError("BAD_FIELD", f"field contracts[{row}].valid_until must lie after valid_from")


def _and(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "nothing else"


def _check_notified(event: PartyEvent, registry: Registry) -> None:
    """People were told of a succession only by a published notice that names the successor (PIPL 22)."""
    if not event.notified:
        if event.notice is not None:
            raise RequestError("BAD_FIELD", "field notice goes with notified")
        return
    notice = registry.notices.get(event.notice or "")
    told = () if notice is None else notice.recipients
    if not any(entry.party == event.to and entry.name and entry.contact for entry in told):
        raise RequestError(
            "BAD_FIELD", "field notice must name a published notice that tells the successor's name and contact"
        )
