"""Agreements: propose, receive, accept, bind.

    proposer                              acceptor
    propose: PROPOSED, own signature  ->  receive_proposal: PROPOSED, theirs checked
    receive_countersignature:         <-  accept: own signature added, IN_FORCE
        theirs checked, IN_FORCE

Each side stores before it dials. When a dial fails the stored state stands, and
taking the same route again dials again; the partner takes repetitions calmly.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime

from gateway import identifier
from gateway.agreement.agreement import (
    agreement_of,
    counterparty,
    parse_agreement,
    signatory,
    verify_signature,
    verify_signatures,
)
from gateway.agreement.binding import check_binding, check_columns
from gateway.agreement.draft import agreement_id as id_of_request
from gateway.agreement.draft import complete
from gateway.errors import HostileInput, RequestError, StateError
from gateway.flow.access import require, require_reader
from gateway.flow.match_key import mismatch, takes_one
from gateway.flow.partner import accepted_partner
from gateway.flow.ports import House, Transaction
from gateway.flow.registry import find_item
from gateway.he.layout import layout
from gateway.route.agreement import Agreement, AgreementBinding, AgreementCopy, AgreementState, Operation
from gateway.route.audit import AuditEvent
from gateway.route.caller import Caller, Role
from gateway.route.canonical import record_hash
from gateway.route.party import Partner, PartyCard
from gateway.tlog.leaf import LeafType


async def propose(house: House, caller: Caller, document: Mapping[str, object], request_id: str) -> AgreementCopy:
    """Sign an agreement, store it as PROPOSED and hand it to the partner.

    Args:
        house: ports.
        caller: an administrator.
        document: the document; what `agreement.draft` can fill in may be missing.
        request_id: uuid; names the agreement when the document has no id, so
            that a repeated request is the same proposal.

    Raises:
        RequestError: BAD_FIELD with the field's path.
        StateError: NOT_FOUND when the other party is no partner;
            REVISION_CONFLICT when the id is taken by another document;
            PEER_UNAVAILABLE when the partner could not be dialled: the proposal
            is stored, the same request dials again.
    """
    require(caller, Role.ADMINISTRATOR)
    proposed_id = id_of_request(request_id, house.custody.party)
    now = house.clock.now()
    async with house.store.begin() as tx:
        agreement = agreement_of(complete(document, await _cards(tx, house), proposed_id))
        partner = await _check_terms(tx, house, agreement, now)
        signature = house.custody.sign_record("agreement", agreement.document)
        copy, changed = await _held(tx, agreement, house.custody.party, signature, now)
        if changed:
            await tx.agreements.put(copy)
            event = _event(LeafType.AGREEMENT_PROPOSED, now, agreement, house.custody.party, caller.subject)
            await tx.audit.append([event])
    house.bells.ring("audit")
    await house.peer.propose_agreement(partner.card, agreement.document, signature)
    return copy


async def receive_proposal(house: House, partner: Partner, document: bytes, signature: bytes) -> AgreementCopy:
    """Store a partner's proposal; nothing is in force before `accept`.

    Args:
        house: ports.
        partner: who dialled, by its pinned certificate.
        document: RFC 8785 bytes.
        signature: the partner's, 64 bytes.

    Raises:
        HostileInput: BAD_SHAPE or BAD_SIGNATURE.
        RequestError: BAD_FIELD with the field's path.
        StateError: REVISION_CONFLICT when the id is taken by another document.
    """
    agreement = parse_agreement(document)
    now = house.clock.now()
    _check_parties(house, agreement, partner, now)
    verify_signature(agreement, partner.card.party, signature)
    async with house.store.begin() as tx:
        copy, changed = await _held(tx, agreement, partner.card.party, signature, now)
        if changed:
            await tx.agreements.put(copy)
            # We may have proposed the very same document: then this is the second signature.
            second = copy.state is AgreementState.IN_FORCE
            type = LeafType.AGREEMENT_COUNTERSIGNED if second else LeafType.AGREEMENT_PROPOSED
            await tx.audit.append([_event(type, now, agreement, partner.card.party)])
    house.bells.ring("audit")
    return copy


async def accept(house: House, caller: Caller, agreement_id: str, expected_hash: str) -> AgreementCopy:
    """Countersign a partner's proposal, which puts it in force, and tell the partner.

    Args:
        house: ports.
        caller: an administrator.
        agreement_id: uuid.
        expected_hash: hex of the hash that was read and approved; "" accepts any.

    Raises:
        RequestError: BAD_FIELD for another hash, or terms that our registry does not carry.
        StateError: NOT_FOUND; STAGE_ORDER when the partner has not signed;
            PEER_UNAVAILABLE when the partner could not be dialled: the acceptance
            is stored, accepting again dials again.
    """
    require(caller, Role.ADMINISTRATOR)
    now, own = house.clock.now(), house.custody.party
    async with house.store.begin() as tx:
        copy = await tx.agreements.get(agreement_id)
        agreement = copy.agreement
        if expected_hash and not hmac.compare_digest(expected_hash.lower().encode(), agreement.hash.hex().encode()):
            raise RequestError(
                "BAD_FIELD", "field expected_hash is not that of the stored proposal; read the proposal again"
            )
        other = counterparty(agreement, own).party
        if other not in dict(copy.signatures):
            raise StateError("STAGE_ORDER", "we proposed this agreement; it waits for the partner's countersignature")
        if own in dict(copy.signatures):
            partner = await accepted_partner(tx, other)
        else:
            partner = await _check_terms(tx, house, agreement, now)
            signature = house.custody.sign_record("agreement", agreement.document)
            copy, _ = await _held(tx, agreement, own, signature, now)
            await tx.agreements.put(copy)
            event = _event(LeafType.AGREEMENT_COUNTERSIGNED, now, agreement, own, caller.subject)
            await tx.audit.append([event])
    house.bells.ring("audit")
    await house.peer.countersign_agreement(partner.card, agreement_id, agreement.hash, dict(copy.signatures)[own])
    return copy


async def receive_countersignature(
    house: House, partner: Partner, agreement_id: str, hash: bytes, signature: bytes
) -> AgreementCopy:
    """Take the partner's signature under what we proposed: the agreement is in force.

    Raises:
        HostileInput: DIGEST_MISMATCH for another hash; BAD_SIGNATURE.
        StateError: NOT_FOUND, also when the agreement is another partner's;
            STAGE_ORDER when we have not signed it ourselves.
    """
    now, own = house.clock.now(), house.custody.party
    async with house.store.begin() as tx:
        copy = await tx.agreements.get(agreement_id)
        agreement = copy.agreement
        if counterparty(agreement, own).party != partner.card.party:
            raise StateError("NOT_FOUND", "there is no such agreement with this partner")
        if not hmac.compare_digest(agreement.hash, hash):
            raise HostileInput("DIGEST_MISMATCH", "the countersigned agreement is not the one that is held here")
        verify_signature(agreement, partner.card.party, signature)
        if own not in dict(copy.signatures):
            raise StateError(
                "STAGE_ORDER", "this agreement was not signed here yet; it must be accepted, not countersigned"
            )
        copy, changed = await _held(tx, agreement, partner.card.party, signature, now)
        if changed:
            await tx.agreements.put(copy)
            await tx.audit.append([_event(LeafType.AGREEMENT_COUNTERSIGNED, now, agreement, partner.card.party)])
    house.bells.ring("audit")
    return copy


async def bind(house: House, caller: Caller, binding: AgreementBinding) -> AgreementBinding:
    """Say which data set and columns answer for an agreement; a later binding replaces the earlier.

    Raises:
        RequestError: BAD_FIELD when it does not answer for what was agreed.
        StateError: NOT_FOUND for an unknown agreement or data set.
        SourceError: when the data set cannot be read.
    """
    require(caller, Role.ADMINISTRATOR)
    description = await house.datasets.describe(binding.dataset)
    now = house.clock.now()
    async with house.store.begin() as tx:
        agreement = (await tx.agreements.get(binding.agreement_id)).agreement
        check_binding(agreement, house.custody.party, binding)
        check_columns(binding, {name for name, _ in description.columns}, description.subject_column)
        unfit = mismatch(binding, await house.datasets.identifiers(binding.dataset))
        if unfit is not None:
            raise RequestError(
                "BAD_FIELD",
                f"field match_key_columns.{unfit[0]}: {unfit[1]}; bind another column, or agree on its form and hash",
            )
        await tx.agreements.bind(binding)
        payload: dict[str, object] = {
            "agreement": agreement.agreement_id,
            "hash": agreement.hash.hex(),
            "dataset": binding.dataset,
            "subject_type": binding.subject_type,
            "columns": record_hash("binding", _columns(binding)).hex(),
            "by": caller.subject,
        }
        await tx.audit.append([AuditEvent(LeafType.AGREEMENT_BOUND, now, "", payload)])
    house.bells.ring("audit")
    return binding


async def get(house: House, caller: Caller, agreement_id: str) -> AgreementCopy:
    """Return our copy of an agreement; StateError NOT_FOUND."""
    require_reader(caller)
    async with house.store.read() as tx:
        return await tx.agreements.get(agreement_id)


async def list_agreements(house: House, caller: Caller, after: str = "", limit: int = 1000) -> list[AgreementCopy]:
    """Return our copies ordered by id, strictly after `after`."""
    require_reader(caller)
    async with house.store.read() as tx:
        return await tx.agreements.list(after, limit)


async def _held(
    tx: Transaction, agreement: Agreement, signer: str, signature: bytes, now: datetime
) -> tuple[AgreementCopy, bool]:
    """Add a signature to what is stored of an agreement; say whether that changes it."""
    try:
        stored = await tx.agreements.get(agreement.agreement_id)
    except StateError as error:
        if error.reason != "NOT_FOUND":
            raise
        return AgreementCopy(agreement, AgreementState.PROPOSED, ((signer, signature),), 1), True
    if stored.agreement.hash != agreement.hash:
        raise StateError(
            "REVISION_CONFLICT", "this agreement id is held with another document; propose it under a new id"
        )
    if signer in dict(stored.signatures):
        return stored, False
    signatures = (*stored.signatures, (signer, signature))
    # Two valid signatures are what being in force means; both are checked together, whoever brought them.
    verify_signatures(agreement, signatures)
    return AgreementCopy(agreement, AgreementState.IN_FORCE, signatures, stored.revision + 1, now), True


async def _cards(tx: Transaction, house: House) -> dict[str, PartyCard]:
    own = house.custody.own_card().card
    return {own.party: own} | {partner.card.party: partner.card for partner in await tx.partners.list()}


async def _check_terms(tx: Transaction, house: House, agreement: Agreement, now: datetime) -> Partner:
    """Check that we may sign: the parties are we and a partner, and our registry carries the terms."""
    partner = await accepted_partner(tx, counterparty(agreement, house.custody.party).party)
    _check_parties(house, agreement, partner, now)
    _check_packing(agreement)
    _check_keys(agreement)
    for name in agreement.match_keys:
        identifier.parse(name)  # a key that this release cannot make would only be found out by the first run
    own = signatory(agreement, house.custody.party)
    wanted = [("assessment", own.impact_assessment, f"parties[{agreement.parties.index(own)}].impact_assessment")]
    wanted += [("purpose", purpose, f"purposes[{row}]") for row, purpose in enumerate(agreement.purposes)]
    wanted += [
        ("category", category, f"match_keys[{row}].category")
        for row, category in enumerate(agreement.match_key_categories)
    ]
    wanted += [
        ("category", column.category, f"columns[{row}].category") for row, column in enumerate(agreement.columns)
    ]
    for kind, item_id, path in wanted:
        if await find_item(tx, kind, item_id) is None:
            raise RequestError(
                "BAD_FIELD", f"field {path} names no {kind} of our registry; create it there, or agree on another"
            )
    return partner


def _check_keys(agreement: Agreement) -> None:
    """Refuse a direction that this release could never run with the agreed match keys."""
    for row, direction in enumerate(agreement.directions):
        if len(agreement.match_keys) > 1 and takes_one(agreement, direction):
            raise RequestError(
                "BAD_FIELD",
                f"field directions[{row}]: several match keys run in MATCH and ENRICH for the receiver alone, without "
                "padding, and in statistics without dummies and noise; agree on one match key, or make an agreement of "
                "its own for this direction",
            )


def _check_packing(agreement: Agreement) -> None:
    """Refuse terms whose sums fit no ciphertext at the agreed size of a run."""
    terms, columns = agreement.aggregate, {column.name: column for column in agreement.columns}
    if terms is None:
        return
    rows = agreement.caps.rows_sender + 2 * terms.t * terms.segments
    for direction in agreement.directions:
        if direction.operation is Operation.AGGREGATE:
            layout(terms, tuple(columns[name] for name in direction.columns), rows)


def _check_parties(house: House, agreement: Agreement, partner: Partner, now: datetime) -> None:
    """Check that the document names exactly us and this partner, each with the key and name of its card."""
    cards = {card.party: card for card in (house.custody.own_card().card, partner.card)}
    for row, entry in enumerate(agreement.parties):
        card = cards.get(entry.party)
        if card is None:
            raise RequestError("BAD_FIELD", f"field parties[{row}].id is neither of the two gateways that talk here")
        if entry.agreement_key != card.agreement_key:
            raise RequestError(
                "BAD_FIELD", f"field parties[{row}].agreement_key is not that of the party's card; exchange cards again"
            )
        if entry.legal_name != card.legal_name:
            raise RequestError("BAD_FIELD", f"field parties[{row}].legal_name is not that of the party's card")
    if agreement.valid_until <= now:
        raise RequestError("BAD_FIELD", "field valid_until lies in the past")


def _event(type: LeafType, now: datetime, agreement: Agreement, signer: str, by: str = "") -> AuditEvent:
    payload: dict[str, object] = {
        "agreement": agreement.agreement_id,
        "hash": agreement.hash.hex(),
        "parties": [entry.party for entry in agreement.parties],
        "signer": signer,
    }
    return AuditEvent(type, now, "", payload | ({"by": by} if by else {}))


def _columns(binding: AgreementBinding) -> dict[str, object]:
    return {
        "subject": binding.subject_column,
        "match_keys": [list(pair) for pair in binding.match_key_columns],
        "values": [list(pair) for pair in binding.value_columns],
        "segment": binding.segment_column,
        "minimum_cohort": binding.minimum_cohort,
    }
