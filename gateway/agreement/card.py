r"""The party card: who a party is, signed by its own agreement key.

The record is RFC 8785 JSON; the signature covers "assent card v1\n" || record.
A card proves nothing about who sent it until its fingerprint was read out over
another channel: base32 of SHA-256(record)[:20], eight groups of four letters.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable
from typing import Any, NoReturn

from cryptography import x509

from gateway.agreement.record import PARTY_ID, SHA256_HEX, Record
from gateway.agreement.signature import SIGNATURE_BYTES, check_public_key, verify_record
from gateway.errors import HostileInput, RequestError
from gateway.route.canonical import canonical_bytes, parse_canonical, time_text
from gateway.route.party import PartyCard, SignedCard

CARD_VERSION = 1
MAX_CARD_BYTES = 64 * 1024

_COUNTRY = re.compile(r"[A-Z]{2}")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DNS_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_ENDPOINT = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]{{2,45}}\]):([1-9][0-9]{{0,4}})")
_VKEY = re.compile(r"([!-*,-~]{1,200})\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})")
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]{100,12000}-----END CERTIFICATE-----\n")
_ED25519 = 0x01  # C2SP signed-note: signature type


def card_record(card: PartyCard) -> bytes:
    """Encode a card as the canonical bytes that are signed and fingerprinted."""
    return canonical_bytes(
        {
            "v": CARD_VERSION,
            "party": card.party,
            "legal_name": card.legal_name,
            "contact": card.contact,
            "country": card.country,
            "endpoint": card.endpoint,
            "target_name": card.target_name,
            "agreement_key": base64.b64encode(card.agreement_key).decode(),
            "log_vkey": card.log_vkey,
            "pins": list(card.pins),
            "trust": list(card.trust),
            "issued_at": time_text(card.issued_at),
        }
    )


def parse_card(record: bytes) -> PartyCard:
    """Read a card's record, every field checked; the signature is not looked at.

    Raises:
        HostileInput: BAD_SHAPE, naming the field.
    """
    if len(record) > MAX_CARD_BYTES:
        raise HostileInput("BAD_SHAPE", f"a card is longer than {MAX_CARD_BYTES} bytes; ask its owner for it again")
    try:
        return _card(parse_canonical(record))
    except RequestError as error:
        raise HostileInput("BAD_SHAPE", f"a card is malformed: {error.message}") from error


def sign_card(card: PartyCard, sign: Callable[[str, bytes], bytes]) -> SignedCard:
    """Sign our own card.

    Args:
        card: the card; it must be readable by `parse_card`.
        sign: (kind, record) -> 64 bytes, as `KeyCustody.sign_record`.

    Raises:
        HostileInput: BAD_SHAPE when the card itself is malformed.
    """
    record = card_record(card)
    return verify_card(record, sign("card", record))


def verify_card(record: bytes, signature: bytes) -> SignedCard:
    """Read a card and check that its own agreement key signed it.

    Raises:
        HostileInput: BAD_SHAPE or BAD_SIGNATURE.
    """
    card = parse_card(record)
    verify_record(card.agreement_key, "card", record, signature, "the card's owner")
    return SignedCard(card=card, record=record, signature=signature, fingerprint=fingerprint(record))


def fingerprint(record: bytes) -> str:
    """Name a card by what people read out, e.g. "mzxw-6ytb-..." (32 letters in eight groups)."""
    letters = base64.b32encode(hashlib.sha256(record).digest()[:20]).decode().lower()
    return "-".join(letters[at : at + 4] for at in range(0, len(letters), 4))


def check_fingerprint(signed: SignedCard, read_out: str) -> None:
    """Compare a card with the fingerprint that its owner read out; case, spaces and hyphens do not count.

    Raises:
        RequestError: BAD_FIELD when they differ.
    """
    heard = re.sub(r"[\s-]", "", read_out).lower()
    if not hmac.compare_digest(heard.encode(), signed.fingerprint.replace("-", "").encode()):
        raise RequestError(
            "BAD_FIELD",
            "field fingerprint is not that of the card; have it read out again over a channel you trust, "
            "and accept the card only when they agree",
        )


def card_file(signed: SignedCard) -> bytes:
    """Write a signed card as the file that parties exchange: JSON {card, signature}, indented for people."""
    whole = {"card": json.loads(signed.record), "signature": base64.b64encode(signed.signature).decode()}
    return (json.dumps(whole, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()


def read_card_file(content: bytes) -> SignedCard:
    """Read an exchanged file and check its signature; spacing and order of the file do not matter.

    Raises:
        HostileInput: BAD_SHAPE or BAD_SIGNATURE.
    """
    if len(content) > 2 * MAX_CARD_BYTES:
        raise HostileInput("BAD_SHAPE", f"a card file is longer than {2 * MAX_CARD_BYTES} bytes; ask for it again")
    try:
        whole = json.loads(content.decode("utf-8"), object_pairs_hook=_object, parse_float=_no_number)
        fields = Record(whole)
        record, signature = canonical_bytes(fields.value("card")), fields.octets("signature", SIGNATURE_BYTES)
        fields.close()
    except (ValueError, RecursionError, RequestError) as error:
        raise HostileInput(
            "BAD_SHAPE", "a card file is not JSON {card, signature}; ask its owner for it again"
        ) from error
    return verify_card(record, signature)


def _card(value: object) -> PartyCard:
    fields = Record(value)
    fields.integer("v", CARD_VERSION, CARD_VERSION)
    card = PartyCard(
        party=fields.text("party", PARTY_ID, "1 to 63 of a-z, 0-9 and hyphens inside"),
        legal_name=fields.words("legal_name", 200),
        contact=fields.words("contact", 300),
        country=fields.text("country", _COUNTRY, "an ISO 3166-1 alpha-2 code"),
        endpoint=fields.text("endpoint", _ENDPOINT, "host:port"),
        target_name=fields.text("target_name", _DNS_NAME, "a DNS name in lower case"),
        agreement_key=_public_key(fields, "agreement_key", fields.octets("agreement_key", 32)),
        log_vkey=fields.text("log_vkey", _VKEY, "a C2SP verifier key name+hash+key"),
        pins=fields.texts("pins", 1, 4, SHA256_HEX, "64 hex digits"),
        trust=fields.texts("trust", 1, 4, _PEM, "one PEM certificate"),
        issued_at=fields.time("issued_at"),
    )
    fields.close()
    if int(card.endpoint.rpartition(":")[2]) > 65_535:
        fields.refuse("endpoint", "has a port above 65535")
    if _log_key(fields, card.log_vkey) == card.agreement_key:
        fields.refuse("log_vkey", "must be another key than agreement_key")
    for row, pem in enumerate(card.trust):
        _check_certificate(fields, f"trust[{row}]", pem)
    return card


def _log_key(fields: Record, vkey: str) -> bytes:
    """Take the raw key out of a verifier key. Source: C2SP signed-note, section Verifier keys."""
    name, key_id, encoded = vkey.split("+", 2)
    typed = base64.b64decode(encoded)  # 44 letters without padding are 33 bytes, in one spelling
    if typed[0] != _ED25519:
        fields.refuse("log_vkey", "must hold an Ed25519 key")
    if hashlib.sha256(name.encode() + b"\n" + typed).digest()[:4].hex() != key_id:
        fields.refuse("log_vkey", "has a key id that is not that of its name and key")
    return _public_key(fields, "log_vkey", typed[1:])


def _public_key(fields: Record, name: str, key: bytes) -> bytes:
    try:
        check_public_key(key)
    except HostileInput as error:
        raise RequestError("BAD_FIELD", f"field {fields.path(name)}: {error.message}") from error
    return key


def _check_certificate(fields: Record, name: str, pem: str) -> None:
    try:
        x509.load_pem_x509_certificate(pem.encode())
    except (ValueError, x509.InvalidVersion) as error:
        raise RequestError("BAD_FIELD", f"field {fields.path(name)} must be an X.509 certificate in PEM") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object with repeated keys: two readers could see two cards."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("repeated key")
    return found


def _no_number(text: str) -> NoReturn:
    raise ValueError("decimal number")
