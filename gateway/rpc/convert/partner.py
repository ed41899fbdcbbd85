"""Partners, to messages."""

from __future__ import annotations

from gateway.agreement.card import card_record, fingerprint
from gateway.route.party import Partner
from gateway.rpc.convert.field import time_to_proto
from gateway.rpc.convert.name import name_of
from gateway.v1 import registry_pb2

MAX_CARD_FILE = 128 * 1024  # bytes


def partner_to_proto(partner: Partner) -> registry_pb2.Partner:
    """Write a partner."""
    card = partner.card
    return registry_pb2.Partner(
        name=name_of("parties", card.party),
        legal_name=card.legal_name,
        contact=card.contact,
        country=card.country,
        endpoint=card.endpoint,
        target_name=card.target_name,
        agreement_key=card.agreement_key,
        log_vkey=card.log_vkey,
        pins=card.pins,
        fingerprint=fingerprint(card_record(card)),
        issue_time=time_to_proto(card.issued_at),
        accept_time=time_to_proto(partner.accepted_at),
    )
