"""Two parties and an agreement of theirs, for tests: keys from fixed seeds, never used elsewhere."""

from __future__ import annotations

import base64
import copy
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from gateway.agreement.card import sign_card
from gateway.route.canonical import record_message
from gateway.route.party import PartyCard, SignedCard

NOW = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)
RETAILER = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
PARTNER = Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)
STRANGER = Ed25519PrivateKey.from_private_bytes(b"\x03" * 32)


def public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def sign(key: Ed25519PrivateKey, kind: str, record: bytes) -> bytes:
    return key.sign(record_message(kind, record))


def vkey(name: str, key: Ed25519PrivateKey) -> str:
    typed = b"\x01" + public(key)
    key_id = hashlib.sha256(name.encode() + b"\n" + typed).digest()[:4].hex()
    return f"{name}+{key_id}+{base64.b64encode(typed).decode()}"


def certificate() -> str:
    key = ec.derive_private_key(7, ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway.example")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM).decode()


CERTIFICATE = certificate()


def card(party: str = "retailer", key: Ed25519PrivateKey = RETAILER, **changes: Any) -> PartyCard:
    fields: dict[str, Any] = {
        "party": party,
        "legal_name": "示例零售商有限公司",
        "contact": "privacy@retailer.example",
        "country": "CN",
        "endpoint": "gateway.retailer.example:7444",
        "target_name": "gateway.retailer.example",
        "agreement_key": public(key),
        "log_vkey": vkey("retailer.example/audit", STRANGER),
        "pins": (hashlib.sha256(b"spki").hexdigest(),),
        "trust": (CERTIFICATE,),
        "issued_at": NOW,
    }
    return PartyCard(**(fields | changes))


def signed_card(party: str = "retailer", key: Ed25519PrivateKey = RETAILER, **changes: Any) -> SignedCard:
    return sign_card(card(party, key, **changes), lambda kind, record: sign(key, kind, record))


def document(**changes: Any) -> dict[str, Any]:
    """A complete agreement document; the keyword arguments replace top-level fields."""
    complete: dict[str, Any] = {
        "v": 1,
        "id": "0f7c2a52-6a6b-4c0e-9d5c-2b7e8f1a3c4d",
        "parties": [
            {
                "id": "retailer",
                "legal_name": "示例零售商有限公司",
                "agreement_key": base64.b64encode(public(RETAILER)).decode(),
                "gate": "gateway",
                "impact_assessment": "pia-2026-07",
            },
            {
                "id": "platform",
                "legal_name": "示例广告平台有限公司",
                "agreement_key": base64.b64encode(public(PARTNER)).decode(),
                "gate": "gateway",
                "impact_assessment": "PIA/12",
            },
        ],
        "purposes": ["profile_enrichment"],
        "directions": [
            {
                "operation": "MATCH",
                "receiver": "retailer",
                "sender": "platform",
                "columns": [],
                "result_to": ["retailer"],
            },
            {
                "operation": "ENRICH",
                "receiver": "retailer",
                "sender": "platform",
                "columns": ["recency", "channel"],
                "result_to": ["retailer"],
            },
        ],
        "suites": {"psi": "ristretto255-SHA512", "signature": "Ed25519", "digest": "SHA-256", "seal": "AES-256-GCM"},
        "match_keys": [{"name": "phone.e164", "category": "phone_hash"}],
        "columns": [
            {
                "name": "recency",
                "category": "purchase_history",
                "type": "number",
                "min": "0",
                "max": "120.50",
                "scale": 2,
                "max_bytes": 0,
            },
            {
                "name": "channel",
                "category": "purchase_history",
                "type": "category",
                "min": None,
                "max": None,
                "scale": 0,
                "max_bytes": 16,
            },
        ],
        "aggregate": None,
        "caps": {"rows_receiver": 100_000, "rows_sender": 200_000, "runs_per_day": 24},
        "consent_age_s": 900,
        "session_life_s": 604_800,
        "retention_days": 180,
        "valid_from": "2026-11-01T00:00:00.000000Z",
        "valid_until": "2027-11-01T00:00:00.000000Z",
        "legal_text_hash": hashlib.sha256(b"contract").hexdigest(),
        "padding": "NONE",
        "sandbox": True,
    }
    return copy.deepcopy(complete) | changes


def terms(**changes: Any) -> dict[str, Any]:
    """Complete terms of statistics; the keyword arguments replace fields."""
    complete: dict[str, Any] = {
        "segments": 8,
        "minimum_cohort": 50,
        "count_step": 1,
        "dummies": "LAPLACE",
        "noise": "LAPLACE",
        "epsilon_count": "1",
        "t": 14,
        "epsilon_receiver": "1",
        "delta": "0.000001",
        "epsilon_cap": "20",
        "delta_cap": "0.001",
        "period_days": 30,
        "cells_per_period": 1000,
        "late_withdrawals": "STAND",
        "scheme": {"name": "paillier", "key_bits": 3072, "mode": "short_exponent"},
        "measures": [
            {"column": "recency", "values": [], "step": "0.01", "epsilon": {"sum": "0.5", "sum_of_squares": "0.5"}},
            {"column": "channel", "values": ["web", "phone"], "step": "1", "epsilon": {"share": "1"}},
        ],
    }
    return copy.deepcopy(complete) | changes


# What makes every figure of the terms exact, as both would sign it.
EXACT: dict[str, Any] = {
    "dummies": "NONE",
    "noise": "NONE",
    "epsilon_count": "0",
    "t": 0,
    "epsilon_receiver": "0",
    "delta": "0",
    "measures": [
        {"column": "recency", "values": [], "step": "0.01", "epsilon": {"sum": "0", "sum_of_squares": "0"}},
        {"column": "channel", "values": ["web", "phone"], "step": "1", "epsilon": {"share": "0"}},
    ],
}


def statistics_document(aggregate: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A complete document that allows AGGREGATE and OVERLAP to the retailer."""
    made = document(aggregate=aggregate or terms(), **changes)
    made["directions"] = [
        {
            "operation": "AGGREGATE",
            "receiver": "retailer",
            "sender": "platform",
            "columns": ["recency", "channel"],
            "result_to": ["retailer", "platform"],
        },
        {
            "operation": "OVERLAP",
            "receiver": "retailer",
            "sender": "platform",
            "columns": [],
            "result_to": ["retailer"],
        },
    ]
    return made
