"""Who takes part: our own party, its partners, and the cards they exchange."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class PartyCard:
    """What a party tells its partners about itself, once, signed.

    Attributes:
        party: id of the party, [a-z0-9-]{1,63}; also its role in every record.
        legal_name: legal entity as it must stand in notices (PIPL 23).
        contact: how a data subject reaches it.
        country: ISO 3166-1 alpha-2.
        endpoint: host:port of its peer port.
        target_name: DNS name in its certificate, which the dialling side expects.
        agreement_key: raw Ed25519 public key (32 bytes) for agreements and records.
        log_vkey: C2SP verifier key of its audit log.
        pins: SHA-256 of accepted SubjectPublicKeyInfo, hex; two may overlap.
        trust: PEM certificates that anchor its TLS leaf.
        issued_at: when the card was signed (UTC).
    """

    party: str
    legal_name: str
    contact: str
    country: str
    endpoint: str
    target_name: str
    agreement_key: bytes
    log_vkey: str
    pins: tuple[str, ...]
    trust: tuple[str, ...]
    issued_at: datetime


@dataclass(frozen=True, slots=True)
class SignedCard:
    """A card with the signature of its own agreement key, as exchanged in a file."""

    card: PartyCard
    record: bytes
    signature: bytes
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Partner:
    """A party whose card we accepted after reading the fingerprint out."""

    card: PartyCard
    accepted_at: datetime
    revision: int


@dataclass(frozen=True, slots=True)
class KnownCard:
    """A card of a partner, its present one or an earlier one.

    Attributes:
        card: as accepted.
        known_at: since when it was known here (UTC); None is always.
    """

    card: PartyCard
    known_at: datetime | None
