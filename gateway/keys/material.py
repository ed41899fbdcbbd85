"""Development material: everything that a new home needs, made at once.

For production the same files come from the organisation's own authority and
key ceremony; only the card must be signed again then.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.agreement.card import card_file, sign_card
from gateway.errors import HostileInput, RequestError
from gateway.keys import folder
from gateway.keys.certificate import self_signed, spki_pin
from gateway.keys.custody import HomeKeys
from gateway.route.canonical import record_message
from gateway.route.party import PartyCard, SignedCard
from gateway.tlog.note import VerifierKey, parse_vkey


def initialise(
    home: Path,
    party: str,
    legal_name: str,
    contact: str,
    country: str,
    peer_endpoint: str,
    tenant_target: str,
    dns_name: str,
    now: datetime,
    days: int = 365,
) -> SignedCard:
    """Make all keys, a self-signed certificate and the signed card of a new home.

    Args:
        home: the home; it must have no key folder yet.
        party: our party id.
        legal_name: legal entity as it must stand in notices.
        contact: how a data subject reaches it.
        country: ISO 3166-1 alpha-2.
        peer_endpoint: host:port that partners dial.
        tenant_target: host, or host:port, by which our own clients reach the
            tenant port; its host is named in the certificate.
        dns_name: name in the certificate that partners expect.
        now: time of issue (UTC).
        days: validity of the certificate, 1 to 825.

    Returns:
        The card; its fingerprint is read out to partners.

    Raises:
        RequestError: BAD_FIELD.
        StateError: REVISION_CONFLICT when there are keys already; DISK_FULL.
    """
    agreement_key, log_key, token_key = (Ed25519PrivateKey.generate() for _ in range(3))
    tls_key = ec.generate_private_key(ec.SECP256R1())
    certificate = self_signed(tls_key, dns_name, [_host(tenant_target)], now, days)
    card = PartyCard(
        party=party,
        legal_name=legal_name,
        contact=contact,
        country=country,
        endpoint=peer_endpoint,
        target_name=dns_name,
        agreement_key=agreement_key.public_key().public_bytes_raw(),
        log_vkey=VerifierKey(f"{dns_name}/audit", log_key.public_key().public_bytes_raw()).vkey,
        pins=(spki_pin(certificate),),
        trust=(certificate.decode(),),
        issued_at=now,
    )
    try:
        signed = sign_card(card, lambda kind, record: agreement_key.sign(record_message(kind, record)))
    except HostileInput as error:
        # The only hand in this card is the caller's.
        raise RequestError("BAD_FIELD", error.message) from error
    folder.create(
        home,
        private={
            folder.AGREEMENT_KEY: _pem(agreement_key),
            folder.LOG_KEY: _pem(log_key),
            folder.TOKEN_KEY: _pem(token_key),
            folder.TLS_KEY: _pem(tls_key),
            folder.LOCAL_KEY: secrets.token_bytes(folder.KEY_BYTES),
            folder.WRAP_KEY: secrets.token_bytes(folder.KEY_BYTES),
        },
        public={folder.TLS_CERTIFICATE: certificate, folder.CARD: card_file(signed)},
    )
    return signed


def _host(target: str) -> str:
    """Take the host of host, host:port or [v6]:port."""
    if target.startswith("["):
        return target[1:].partition("]")[0]
    return target.partition(":")[0] if target.count(":") == 1 else target


def rename_log(home: Path, keys: HomeKeys, origin: str, now: datetime) -> SignedCard:
    """Sign and store a card whose log has another name; its key stays.

    Args:
        home: of these keys.
        keys: whose card is replaced.
        origin: name of the log.
        now: time of issue (UTC).

    Raises:
        RequestError: BAD_FIELD for a name that no card has.
        StateError: DISK_FULL.
    """
    card = keys.own_card().card
    log = VerifierKey(origin, parse_vkey(card.log_vkey).public_key)
    # Partners take a card only when it is later than the one they hold.
    issued = max(now, card.issued_at + timedelta(seconds=1))
    try:
        signed = sign_card(replace(card, log_vkey=log.vkey, issued_at=issued), keys.sign_record)
    except HostileInput as error:
        raise RequestError("BAD_FIELD", error.message) from error
    folder.replace_public(home, folder.CARD, card_file(signed))
    return signed


def _pem(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
