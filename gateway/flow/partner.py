"""Partners: our card for them, and theirs once its fingerprint was read out.

A card replaces an earlier one of the same party only when it was issued later:
so an old file that turns up again cannot bring back an old key or certificate.
"""

from __future__ import annotations

import hashlib

from gateway.agreement.card import check_fingerprint, read_card_file
from gateway.errors import RequestError, StateError
from gateway.flow.access import require, require_reader
from gateway.flow.ports import House, Transaction
from gateway.route.audit import AuditEvent
from gateway.route.caller import Caller, Role
from gateway.route.party import Partner, PartyCard, SignedCard
from gateway.tlog.leaf import LeafType
from gateway.tlog.note import parse_vkey


def invitation(house: House) -> SignedCard:
    """Return our signed card, to hand to a partner; its fingerprint is read out apart from it."""
    return house.custody.own_card()


async def accept_partner(house: House, caller: Caller, card_file: bytes, fingerprint: str) -> Partner:
    """Store a partner's card, or the later card by which it rotates keys and certificates.

    Args:
        house: ports.
        caller: an administrator.
        card_file: the file {card, signature} that the partner sent.
        fingerprint: as the partner read it out over another channel.

    Returns:
        The partner; accepting the same card again changes nothing.

    Raises:
        HostileInput: BAD_SHAPE or BAD_SIGNATURE for a file that is no card.
        RequestError: BAD_FIELD for another fingerprint, our own card, or a
            certificate or key that is another partner's.
        StateError: REVISION_CONFLICT for a card that is not later than the one held.
    """
    require(caller, Role.ADMINISTRATOR)
    signed = read_card_file(card_file)
    check_fingerprint(signed, fingerprint)
    own = house.custody.own_card().card
    if signed.card.party == own.party:
        raise RequestError("BAD_FIELD", "field card_file holds our own party's card; ask the partner for its card")
    now = house.clock.now()
    async with house.store.begin() as tx:
        partners = await tx.partners.list()
        _check_distinct(signed.card, [own, *(partner.card for partner in partners)])
        held = next((partner for partner in partners if partner.card.party == signed.card.party), None)
        if held is not None and held.card == signed.card:
            return held
        if held is not None and held.card.issued_at >= signed.card.issued_at:
            raise StateError(
                "REVISION_CONFLICT",
                "a card of this party that was issued later is held already; ask for its latest card",
            )
        await tx.partners.put(signed, now)
        payload = {
            "party": signed.card.party,
            "fingerprint": signed.fingerprint,
            "card": hashlib.sha256(signed.record).hexdigest(),
            "replaces": held is not None,
            "by": caller.subject,
        }
        await tx.audit.append([AuditEvent(LeafType.PARTNER_ACCEPTED, now, "", payload)])
        accepted = await tx.partners.get(signed.card.party)
    house.bells.ring("audit")
    house.bells.ring("partners")
    return accepted


async def list_partners(house: House, caller: Caller) -> list[Partner]:
    """Return all partners ordered by id."""
    require_reader(caller)
    async with house.store.read() as tx:
        return await tx.partners.list()


async def accepted_partner(tx: Transaction, party: str) -> Partner:
    """Return a partner.

    Raises:
        StateError: NOT_FOUND, with the next step.
    """
    try:
        return await tx.partners.get(party)
    except StateError as error:
        if error.reason != "NOT_FOUND":
            raise
        raise StateError(
            "NOT_FOUND", "the other party of the agreement is no partner yet; accept its card first"
        ) from error


def _check_distinct(card: PartyCard, others: list[PartyCard]) -> None:
    """A pin names one partner on the peer port, and a key one signatory: neither is ever shared."""
    for other in others:
        if other.party == card.party:
            continue
        if not set(other.pins).isdisjoint(card.pins):
            raise RequestError("BAD_FIELD", "field card_file pins a certificate that is already another party's")
        if other.agreement_key == card.agreement_key or other.log_vkey == card.log_vkey:
            raise RequestError("BAD_FIELD", "field card_file names a key that is already another party's")
        if parse_vkey(other.log_vkey).name == parse_vkey(card.log_vkey).name:
            # A witness knows logs by their names: what one party shows must never stand in another's place.
            raise RequestError("BAD_FIELD", "field card_file names a log as another party's is named already")
