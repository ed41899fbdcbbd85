"""The registry: purposes, categories and impact assessments of the house, and what the rule needs of them.

Purposes and categories never change under their id: consents, notices and agreements refer
to them, and a correction is a new id. Impact assessments, notices (`notice.py`), parties
(`party.py`), export mechanisms (`export.py`) and basis rules (`basis.py`) grow versions, and
none is ever overwritten.
"""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from consent.assessment import Assessment
from consent.basis import BasisRule
from consent.contract import ContractType
from consent.errors import ConsentError
from consent.fields import said
from consent.mechanism import ExportMechanism
from consent.notice import Notice
from consent.party import Contract, Party, PartyEvent
from consent.party import Role as PartyRole
from consent.purpose import METHODS, Category, Method, Purpose, inheriting
from consent.registry import Registry
from gateway.agreement.record import ITEM_ID
from gateway.errors import RequestError, StateError
from gateway.flow.access import require, require_reader
from gateway.flow.ports import House, RegistryItem, Store, Transaction
from gateway.route.agreement import AgreementCopy, AgreementState
from gateway.route.audit import AuditEvent
from gateway.route.caller import Caller, Role
from gateway.route.canonical import canonical_bytes, record_hash
from gateway.route.party import KnownCard
from gateway.tlog.leaf import LeafType

ACTIVE = "active"
KINDS = ("purpose", "category", "assessment", "party", "party_event", "mechanism", "basis_rule")
MAX_PAGE = 1000


async def create_purpose(house: House, caller: Caller, body: Mapping[str, object]) -> RegistryItem:
    """Register a purpose.

    Args:
        house: ports.
        caller: an administrator.
        body: as `consent.purpose.Purpose` reads it.

    Returns:
        The stored item; the same body again is the same item.

    Raises:
        RequestError: BAD_FIELD.
        StateError: REVISION_CONFLICT when the id stands for something else.
    """
    require(caller, Role.ADMINISTRATOR)
    with reading():
        purpose = Purpose.from_mapping(body)
    async with house.store.begin() as tx:
        return await create_item(tx, house, caller, "purpose", purpose.id, purpose.to_mapping())


async def create_category(house: House, caller: Caller, body: Mapping[str, object]) -> RegistryItem:
    """Register a category of personal information; arguments and errors as `create_purpose`."""
    require(caller, Role.ADMINISTRATOR)
    with reading():
        category = Category.from_mapping(body)
    async with house.store.begin() as tx:
        if category.base is not None:
            await check_known(tx, "category", category.base, "base")
        for source in category.derived_from:
            await check_known(tx, "category", source, "derived_from")
        known = (await load_registry(tx, house)).categories
        # What is stored and shown is what counts: a label is as sensitive as what it is concluded from.
        declared = inheriting(category, known)
        return await create_item(tx, house, caller, "category", declared.id, declared.to_mapping())


async def create_assessment(house: House, caller: Caller, body: Mapping[str, object], version: int = 0) -> RegistryItem:
    """Register an approved impact assessment (PIPL 55), or its next version; either holds from now at the earliest.

    The next version takes the place of the one before: it is the whole assessment, and one with another
    `next_review` ends it, or prolongs it.

    Args:
        house: ports.
        caller: an administrator.
        body: as `consent.assessment.Assessment` reads it; its purposes must be registered.
        version: that it is to be; 0 is the next one.

    Returns:
        The stored version; the newest again is the newest.

    Raises:
        RequestError: BAD_FIELD.
        StateError: REVISION_CONFLICT when `version` is not the next one.
    """
    require(caller, Role.ADMINISTRATOR)
    refuse_set_by_server(body)
    with reading():
        assessment = Assessment.from_mapping(body)
    if unknown := sorted(assessment.methods - METHODS.keys()):
        raise RequestError("BAD_FIELD", f"field methods names {len(unknown)} method(s) that do not exist")
    async with house.store.begin() as tx:
        for purpose in assessment.purposes:
            await check_known(tx, "purpose", purpose, "purposes")
        return await create_version(tx, house, caller, "assessment", assessment.id, assessment.to_mapping(), version)


async def list_items(
    house: House, caller: Caller, kind: str, after: tuple[str, int] = ("", 0), limit: int = MAX_PAGE
) -> list[RegistryItem]:
    """Return items of a kind ordered by id, strictly after `after`.

    Raises:
        RequestError: BAD_FIELD for an unknown kind.
    """
    require_reader(caller)
    if kind not in KINDS:
        raise RequestError("BAD_FIELD", f"field kind must be one of {', '.join(KINDS)}")
    async with house.store.read() as tx:
        return await tx.registry.list(kind, after, limit)


def list_methods(caller: Caller) -> list[Method]:
    """Return the methods that exist, ordered by id; a new one is a new release."""
    require_reader(caller)
    return [METHODS[name] for name in sorted(METHODS)]


async def load_registry(tx: Transaction, house: House) -> Registry:
    """Return everything that a decision needs besides a person's own history.

    A partner is a handler whose contracts are our agreements with it that both signed; a registered party
    of its id adds to that, see `_added`. What is accepted or registered later changes no answer as known
    before. Kept per store as long as nothing of it changed. Call it before the transaction writes to the
    registry: what may still be rolled back must not be kept.
    """
    stand = await tx.registry.stand()
    kept = _kept.get(house.store)
    if kept is not None and kept[0] == stand:
        return kept[1]
    cards = await tx.partners.cards()
    copies = [copy async for copy in _all_agreements(tx) if copy.state is AgreementState.IN_FORCE]
    own = house.custody.own_card().card
    own_party = Party(id=own.party, legal_name=own.legal_name, contact=own.contact, country=own.country)
    registered = [Party.from_mapping(item.body) async for item in all_items(tx, "party")]
    registry = Registry.of(
        purposes=[
            replace(Purpose.from_mapping(item.body), recorded_at=item.at) async for item in all_items(tx, "purpose")
        ],
        categories=[
            replace(Category.from_mapping(item.body), recorded_at=item.at) async for item in all_items(tx, "category")
        ],
        notices=[Notice.from_mapping(item.body) async for item in all_items(tx, "notice")],
        assessments=[Assessment.from_mapping(item.body) async for item in all_items(tx, "assessment")],
        parties=[own_party, *_parties(cards, copies, registered)],
        party_events=[PartyEvent.from_mapping(item.body) async for item in all_items(tx, "party_event")],
        mechanisms=[ExportMechanism.from_mapping(item.body) async for item in all_items(tx, "mechanism")],
        basis_rules=[BasisRule.from_mapping(item.body) async for item in all_items(tx, "basis_rule")],
    )
    _kept[house.store] = (stand, registry)
    return registry


async def all_items(tx: Transaction, kind: str) -> AsyncIterator[RegistryItem]:
    """Yield every item of a kind, all versions, page after page."""
    after = ("", 0)
    while page := await tx.registry.list(kind, after, MAX_PAGE):
        for item in page:
            yield item
        after = (page[-1].item_id, page[-1].version)


@contextmanager
def reading() -> Iterator[None]:
    """Turn what `consent` says of a field into RequestError BAD_FIELD."""
    try:
        yield
    except ConsentError as error:
        raise RequestError("BAD_FIELD", f"field {error.message}") from error


async def find_item(tx: Transaction, kind: str, item_id: str, version: int = 0) -> RegistryItem | None:
    """Return one version of an item, 0 = the latest, or None."""
    try:
        return await tx.registry.get(kind, item_id, version)
    except StateError as error:
        if error.reason != "NOT_FOUND":
            raise
        return None


def check_id(item_id: str) -> None:
    """Refuse an id that could not stand in an agreement or a resource name.

    Raises:
        RequestError: BAD_FIELD.
    """
    if ITEM_ID.fullmatch(item_id) is None:
        raise RequestError(
            "BAD_FIELD", "field id must be 1 to 200 letters, digits and _.:@/-, beginning with a letter or digit"
        )


_kept: weakref.WeakKeyDictionary[Store, tuple[int, Registry]] = weakref.WeakKeyDictionary()


def _party(known: KnownCard, copies: list[AgreementCopy]) -> Party:
    card = known.card
    ours = [copy for copy in copies if card.party in {entry.party for entry in copy.agreement.parties}]
    return Party(
        id=card.party,
        legal_name=card.legal_name,
        contact=card.contact,
        role=PartyRole.HANDLER,
        country=card.country,
        contracts=tuple(
            Contract(
                valid_from=copy.agreement.valid_from,
                valid_until=copy.agreement.valid_until,
                purposes=frozenset(copy.agreement.purposes),
                id=copy.agreement.agreement_id,
                type=ContractType.PROVISION,
                recorded_at=copy.in_force_at,
            )
            for copy in ours
        ),
        recorded_at=known.known_at,
    )


def _parties(cards: list[KnownCard], copies: list[AgreementCopy], registered: list[Party]) -> Iterator[Party]:
    by_card: dict[str, list[Party]] = {}
    for known in cards:
        by_card.setdefault(known.card.party, []).append(_party(known, copies))
    yield from (party for party in registered if party.id not in by_card)
    for party_id, of_cards in by_card.items():
        yield from _stands(of_cards, [party for party in registered if party.id == party_id])


def _stands(of_cards: list[Party], registered: list[Party]) -> Iterator[Party]:
    """Yield what was known of a partner, a version for each time that a card or a registered version changed it."""
    told = [*of_cards, *registered]
    always = [None] if any(party.recorded_at is None for party in told) else []
    times = sorted({party.recorded_at for party in told if party.recorded_at is not None})
    for version, at in enumerate((*always, *times)):
        card, said = (_newest(versions, at) for versions in (of_cards, registered))
        stand = _added(card, said) if card is not None and said is not None else card or said
        if stand is not None:
            yield replace(stand, version=version, recorded_at=at)


def _newest(versions: list[Party], at: datetime | None) -> Party | None:
    """Return the last of some versions that was known by a time; None is what was known always."""
    known = [one for one in versions if one.recorded_at is None or (at is not None and one.recorded_at <= at)]
    return known[-1] if known else None


def _added(by_card: Party, registered: Party) -> Party:
    """Return a registered version of a partner: its words go before the card's, and nothing gets milder by them.

    The contracts of both count. It is abroad when either says so, and name and contact that the version leaves
    out are the card's.
    """
    abroad = registered if registered.abroad or not by_card.abroad else by_card
    return replace(
        registered,
        legal_name=registered.legal_name or by_card.legal_name,
        contact=registered.contact or by_card.contact,
        country=abroad.country,
        processing_country=abroad.processing_country,
        contracts=(*registered.contracts, *by_card.contracts),
    )


async def _all_agreements(tx: Transaction) -> AsyncIterator[AgreementCopy]:
    after = ""
    while page := await tx.agreements.list(after, MAX_PAGE):
        for copy in page:
            yield copy
        after = page[-1].agreement.agreement_id


def refuse_set_by_server(body: Mapping[str, object]) -> None:
    """Refuse a body that states what the server alone sets.

    Raises:
        RequestError: BAD_FIELD.
    """
    for name in ("recorded_at", "version"):
        if name in body:
            raise RequestError("BAD_FIELD", f"field {name} is set by the server that records; leave it out")


async def create_item(
    tx: Transaction, house: House, caller: Caller, kind: str, item_id: str, body: Mapping[str, object]
) -> RegistryItem:
    """Store an item that never changes, with its audit entry; the same again is the stored one.

    Raises:
        RequestError: BAD_FIELD for an id or a text that no record can carry.
        StateError: REVISION_CONFLICT when the id stands for something else.
    """
    check_id(item_id)
    canonical_bytes(body)  # text that no record could carry is refused before anything is stored
    item = RegistryItem(kind, item_id, 1, ACTIVE, body, house.clock.now())
    stored = await find_item(tx, kind, item_id)
    if stored is not None:
        if _said(stored.body) != _said(body):
            raise StateError(
                "REVISION_CONFLICT", f"this {kind} is registered with other contents, which never change; use a new id"
            )
        return stored
    return await _put(tx, house, caller, item)


async def create_version(
    tx: Transaction, house: House, caller: Caller, kind: str, item_id: str, body: Mapping[str, object], version: int
) -> RegistryItem:
    """Store the next version of an item, with its audit entry; the newest again is the newest.

    Args:
        tx: for writing.
        house: ports.
        caller: who asks.
        kind: of the item.
        item_id: id within the kind.
        body: without `version` and `recorded_at`, which are set here.
        version: that it is to be; 0 is the next one.

    Raises:
        RequestError: BAD_FIELD for an id or a text that no record can carry.
        StateError: REVISION_CONFLICT when somebody else made that version, or it is not the next.
    """
    check_id(item_id)
    canonical_bytes(body)
    newest = await find_item(tx, kind, item_id)
    before = 0 if newest is None else newest.version
    if newest is not None and version in (0, before) and _said(newest.body) == _said(body):
        return newest
    if version not in (0, before + 1):
        raise StateError(
            "REVISION_CONFLICT", f"the newest version of this {kind} is {before}; look at it, then make the next one"
        )
    now = house.clock.now()
    written = {**_said(body), "version": before + 1, "recorded_at": said(now)}
    return await _put(tx, house, caller, RegistryItem(kind, item_id, before + 1, ACTIVE, written, now))


async def _put(tx: Transaction, house: House, caller: Caller, item: RegistryItem) -> RegistryItem:
    await tx.registry.put(item)
    await tx.audit.append([changed(item, caller)])
    house.bells.ring("audit")
    return item


def changed(item: RegistryItem, caller: Caller) -> AuditEvent:
    """Make the audit entry of a registry change: what changed, by its hash."""
    payload: dict[str, object] = {
        "kind": item.kind,
        "id": item.item_id,
        "version": item.version,
        "state": item.state,
        "hash": record_hash("registry-item", item.body).hex(),
        "by": caller.subject,
    }
    return AuditEvent(LeafType.REGISTRY_CHANGED, item.at, "", payload)


def _said(body: Mapping[str, object]) -> dict[str, object]:
    """Leave out what the server added, so that a repeated request is known as one."""
    return {name: value for name, value in body.items() if name not in ("recorded_at", "version")}


async def check_known(tx: Transaction, kind: str, item_id: str, field: str) -> None:
    """Refuse a name that is not registered; RequestError BAD_FIELD."""
    if await find_item(tx, kind, item_id) is None:
        raise RequestError("BAD_FIELD", f"field {field} names a {kind} that is not registered; create it first")
