r"""The agreement: one document, the same bytes on both sides, signed by both.

The document is RFC 8785 JSON with every field present and no other; decimals
are strings. Its hash is SHA-256("assent agreement v1\n" || document), and each
party signs what is hashed. Nothing is filled in here: `draft` does that before
the first signature, so that nobody signs a default that he did not see.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from gateway.agreement.aggregate import aggregate_terms
from gateway.agreement.column import column
from gateway.agreement.direction import check_match_keys, directions
from gateway.agreement.record import ITEM_ID, PARTY_ID, SHA256_HEX, Record
from gateway.agreement.signature import check_public_key, verify_record
from gateway.errors import HostileInput, RequestError
from gateway.route.agreement import Agreement, AgreementParty, Caps, Column, Padding
from gateway.route.canonical import canonical_bytes, parse_canonical, record_message

AGREEMENT_VERSION = 1
MAX_DOCUMENT_BYTES = 256 * 1024
KIND = "agreement"

# One value each as yet; a second one (SM2, SM3, SM4) is a further word here and a branch where it is used.
SUITES = {"psi": "ristretto255-SHA512", "signature": "Ed25519", "digest": "SHA-256", "seal": "AES-256-GCM"}

MAX_ROWS = 10**9  # rows per run and side
MAX_RUNS_PER_DAY = 10_000
CONSENT_AGE_S = (60, 86_400)
MAX_SESSION_LIFE_S = 604_800  # 7 days: scalars die then at the latest (protocols.md, section 1)
MAX_RETENTION_DAYS = 36_500

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_MATCH_KEY = re.compile(r"(?=.{1,64}\Z)[a-z][a-z0-9_]*(?:\.[a-z0-9_]+){0,2}")
_WORD = re.compile(r"[A-Za-z0-9-]{1,40}")
_ID_FORM = "an id of 1 to 200 letters, digits and _.:@/-"


def parse_agreement(document: bytes) -> Agreement:
    """Read an agreement document.

    Args:
        document: RFC 8785 bytes, at most 256 KiB.

    Raises:
        HostileInput: BAD_SHAPE when the bytes are not canonical.
        RequestError: BAD_FIELD with the path of the first wrong field.
    """
    if len(document) > MAX_DOCUMENT_BYTES:
        raise RequestError("BAD_FIELD", f"the agreement document is longer than {MAX_DOCUMENT_BYTES} bytes")
    fields = Record(parse_canonical(document))
    fields.integer("v", AGREEMENT_VERSION, AGREEMENT_VERSION)
    parties = _parties(fields)
    columns = _columns(fields)
    match_keys, match_key_categories = _match_keys(fields)
    aggregate = aggregate_terms(fields, columns)
    agreed = directions(fields, [party.party for party in parties], columns, aggregate)
    check_match_keys(fields, agreed, match_keys, aggregate)
    agreement = Agreement(
        agreement_id=fields.text("id", _UUID, "a uuid in lower case"),
        hash=hashlib.sha256(record_message(KIND, document)).digest(),
        document=document,
        parties=parties,
        purposes=fields.texts("purposes", 1, 64, ITEM_ID, _ID_FORM),
        directions=agreed,
        suite=_suites(fields),
        match_keys=match_keys,
        match_key_categories=match_key_categories,
        columns=columns,
        aggregate=aggregate,
        padding=fields.choice("padding", Padding),
        caps=_caps(fields),
        consent_age_s=fields.integer("consent_age_s", *CONSENT_AGE_S),
        session_life_s=fields.integer("session_life_s", CONSENT_AGE_S[0], MAX_SESSION_LIFE_S),
        retention_days=fields.integer("retention_days", 1, MAX_RETENTION_DAYS),
        valid_from=fields.time("valid_from"),
        valid_until=fields.time("valid_until"),
        legal_text_hash=fields.text("legal_text_hash", SHA256_HEX, "64 hex digits in lower case"),
        sandbox=fields.flag("sandbox"),
    )
    fields.close()
    if agreement.valid_until <= agreement.valid_from:
        fields.refuse("valid_until", "must lie after valid_from")
    return agreement


def agreement_of(document: Mapping[str, object]) -> Agreement:
    """Canonicalise and read a complete document.

    Raises:
        RequestError: BAD_FIELD with the path of the first wrong field.
    """
    return parse_agreement(canonical_bytes(document))


def document_of(agreement: Agreement) -> dict[str, object]:
    """Return an agreement's document as a mapping; `agreement_of` of it is the agreement again."""
    document: dict[str, object] = parse_canonical(agreement.document)
    return document


def signatory(agreement: Agreement, party: str) -> AgreementParty:
    """Return a party's entry.

    Raises:
        RequestError: BAD_FIELD when the party is none of the two.
    """
    for entry in agreement.parties:
        if entry.party == party:
            return entry
    raise RequestError("BAD_FIELD", "field parties does not name this gateway's own party; propose another document")


def counterparty(agreement: Agreement, party: str) -> AgreementParty:
    """Return the entry of the other party.

    Raises:
        RequestError: BAD_FIELD when `party` is none of the two.
    """
    own = signatory(agreement, party)
    return next(entry for entry in agreement.parties if entry is not own)


def is_valid_at(agreement: Agreement, at: datetime) -> bool:
    """Whether a time lies in the agreed period [valid_from, valid_until)."""
    return agreement.valid_from <= at < agreement.valid_until


def verify_signature(agreement: Agreement, party: str, signature: bytes) -> None:
    """Check a party's signature under the document with the key that the document names.

    Raises:
        HostileInput: BAD_SIGNATURE.
        RequestError: BAD_FIELD when the party is none of the two.
    """
    verify_record(signatory(agreement, party).agreement_key, KIND, agreement.document, signature, "the other party")


def verify_signatures(agreement: Agreement, signatures: Iterable[tuple[str, bytes]]) -> None:
    """Check that both parties signed, each once, and that both signatures verify.

    Raises:
        HostileInput: BAD_SIGNATURE when one is missing, foreign or wrong.
    """
    held = list(signatures)
    if sorted(party for party, _ in held) != sorted(entry.party for entry in agreement.parties):
        raise HostileInput("BAD_SIGNATURE", "an agreement needs one signature of each of its two parties")
    for party, signature in held:
        verify_signature(agreement, party, signature)


def _parties(fields: Record) -> tuple[AgreementParty, ...]:
    parties: list[AgreementParty] = []
    for entry in fields.records("parties", 2, 2):
        party = AgreementParty(
            party=entry.text("id", PARTY_ID, "a party id"),
            legal_name=entry.words("legal_name", 200),
            agreement_key=_agreement_key(entry),
            gate=entry.text("gate", _WORD, "gateway"),
            impact_assessment=entry.text("impact_assessment", ITEM_ID, _ID_FORM),
        )
        entry.close()
        if party.gate == "attested":
            entry.refuse("gate", "is attested, which this release does not support; agree on gateway")
        if party.gate != "gateway":
            entry.refuse("gate", "must be gateway")
        parties.append(party)
    first, second = parties
    if first.party == second.party or first.agreement_key == second.agreement_key:
        fields.refuse("parties", "must name two parties with two keys")
    return first, second


def _agreement_key(entry: Record) -> bytes:
    key = entry.octets("agreement_key", 32)
    try:
        check_public_key(key)
    except HostileInput as error:
        raise RequestError("BAD_FIELD", f"field {entry.path('agreement_key')}: {error.message}") from error
    return key


def _columns(fields: Record) -> tuple[Column, ...]:
    columns = tuple(column(entry) for entry in fields.records("columns", 0, 64))
    if len({one.name for one in columns}) != len(columns):
        fields.refuse("columns", "names a column twice")
    return columns


def _match_keys(fields: Record) -> tuple[tuple[str, ...], tuple[str, ...]]:
    names: list[str] = []
    categories: list[str] = []
    for entry in fields.records("match_keys", 1, 8):
        names.append(entry.text("name", _MATCH_KEY, "<type>[.<form>][.<hash>], e.g. phone.e164"))
        categories.append(entry.text("category", ITEM_ID, _ID_FORM))
        entry.close()
        if names[-1].startswith("assent."):
            entry.refuse("name", "begins with assent., which is kept for dummies")
    if len(set(names)) != len(names):
        fields.refuse("match_keys", "names a match key twice")
    return tuple(names), tuple(categories)


def _caps(fields: Record) -> Caps:
    entry = fields.record("caps")
    caps = Caps(
        rows_receiver=entry.integer("rows_receiver", 1, MAX_ROWS),
        rows_sender=entry.integer("rows_sender", 1, MAX_ROWS),
        runs_per_day=entry.integer("runs_per_day", 1, MAX_RUNS_PER_DAY),
    )
    entry.close()
    return caps


def _suites(fields: Record) -> str:
    entry = fields.record("suites")
    for name, supported in SUITES.items():
        if entry.text(name, _WORD, "a suite's name") != supported:
            entry.refuse(name, f"names a suite that this release does not support; agree on {supported}")
    entry.close()
    return SUITES["psi"]
