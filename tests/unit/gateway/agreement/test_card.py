from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.agreement.card import (
    card_file,
    card_record,
    check_fingerprint,
    fingerprint,
    parse_card,
    read_card_file,
    sign_card,
    verify_card,
)
from gateway.errors import HostileInput, RequestError
from gateway.route.canonical import canonical_bytes
from tests.unit.gateway.agreement.samples import (
    CERTIFICATE,
    PARTNER,
    RETAILER,
    STRANGER,
    card,
    public,
    sign,
    signed_card,
    vkey,
)


def test_a_card_survives_record_and_file() -> None:
    signed = signed_card()
    assert parse_card(signed.record) == card()
    assert read_card_file(card_file(signed)) == signed


def test_the_file_may_be_reformatted_but_not_changed() -> None:
    signed = signed_card()
    whole = json.loads(card_file(signed))
    assert set(whole) == {"card", "signature"}
    compact = json.dumps(whole, separators=(",", ":"), sort_keys=True).encode()
    assert read_card_file(compact) == signed
    whole["card"]["endpoint"] = "elsewhere.example:7444"
    with pytest.raises(HostileInput) as caught:
        read_card_file(json.dumps(whole).encode())
    assert caught.value.reason == "BAD_SIGNATURE"


def test_the_fingerprint_is_eight_groups_of_the_records_hash() -> None:
    record = card_record(card())
    letters = base64.b32encode(hashlib.sha256(record).digest()[:20]).decode().lower()
    assert fingerprint(record) == "-".join(letters[i : i + 4] for i in range(0, 32, 4))
    assert len(fingerprint(record)) == 39


def test_fingerprints_are_compared_as_people_read_them() -> None:
    signed = signed_card()
    check_fingerprint(signed, signed.fingerprint)
    check_fingerprint(signed, " " + signed.fingerprint.upper().replace("-", " ") + "\n")
    other = ("b" if signed.fingerprint[0] != "b" else "c") + signed.fingerprint[1:]
    for wrong in (other, "", signed.fingerprint[:-1], signed.fingerprint + "a", "é" * 32):
        with pytest.raises(RequestError, match="fingerprint"):
            check_fingerprint(signed, wrong)


def test_only_the_cards_own_key_signs_it() -> None:
    record = card_record(card())
    with pytest.raises(HostileInput) as caught:
        verify_card(record, sign(PARTNER, "card", record))
    assert caught.value.reason == "BAD_SIGNATURE"
    with pytest.raises(HostileInput):
        verify_card(record, sign(RETAILER, "agreement", record))


def test_our_own_card_is_checked_before_it_is_given_away() -> None:
    with pytest.raises(HostileInput, match="country"):
        sign_card(card(country="China"), lambda kind, record: sign(RETAILER, kind, record))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("v", 2),
        ("v", True),
        ("party", "Retailer"),
        ("party", "-retailer"),
        ("party", "a" * 64),
        ("party", "retailer\n"),
        ("legal_name", ""),
        ("legal_name", " padded"),
        ("legal_name", "a\u202eb"),
        ("legal_name", "a\nb"),
        ("legal_name", "x" * 201),
        ("contact", 5),
        ("country", "cn"),
        ("endpoint", "gateway.example"),
        ("endpoint", "gateway.example:0"),
        ("endpoint", "gateway.example:65536"),
        ("endpoint", "http://gateway.example:1"),
        ("target_name", "GATEWAY.example"),
        ("target_name", "a..b"),
        ("target_name", "a." * 130 + "b"),
        ("agreement_key", "AQ=="),
        ("agreement_key", base64.b64encode((1).to_bytes(32, "little")).decode()),
        ("agreement_key", base64.b64encode(b"\xff" * 32).decode()),
        ("log_vkey", "name+00000000+" + vkey("name", STRANGER).split("+", 2)[2]),
        ("log_vkey", vkey("name", RETAILER)),
        ("log_vkey", vkey("name", STRANGER).replace("name+", "other+")),
        ("log_vkey", "name"),
        ("pins", []),
        ("pins", ["AA" * 32]),
        ("pins", ["aa" * 32, "aa" * 32]),
        ("pins", "aa" * 32),
        ("trust", []),
        ("trust", ["-----BEGIN CERTIFICATE-----\n" + "A" * 120 + "\n-----END CERTIFICATE-----\n"]),
        ("trust", ["-----BEGIN PRIVATE KEY-----\n"]),
        ("issued_at", "2026-11-20T08:30:00Z"),
        ("issued_at", "2026-13-20T08:30:00.000000Z"),
        ("surprise", 1),
    ],
)
def test_a_malformed_field_is_refused_by_name_even_when_signed(field: str, value: Any) -> None:
    fields = json.loads(card_record(card())) | {field: value}
    record = canonical_bytes(fields)
    with pytest.raises(HostileInput) as caught:
        verify_card(record, sign(RETAILER, "card", record))
    assert caught.value.reason == "BAD_SHAPE"
    assert (field if field != "surprise" else "unknown field") in caught.value.message


@pytest.mark.parametrize("field", sorted(json.loads(card_record(card()))))
def test_every_field_is_needed(field: str) -> None:
    fields = json.loads(card_record(card()))
    del fields[field]
    with pytest.raises(HostileInput, match=f"{field} is missing"):
        parse_card(canonical_bytes(fields))


@pytest.mark.parametrize("key", [b"\x06" + public(STRANGER), b"\x01" + public(STRANGER)[:-1], b"\x01" * 31])
def test_a_verifier_key_of_another_algorithm_or_length_is_refused(key: bytes) -> None:
    encoded = base64.b64encode(key).decode().ljust(44, "=")[:44]
    log_vkey = f"name+{hashlib.sha256(b'name' + bytes([10]) + key).digest()[:4].hex()}+{encoded}"
    with pytest.raises(HostileInput, match="log_vkey"):
        parse_card(card_record(card(log_vkey=log_vkey)))


def test_a_verifier_key_has_one_spelling() -> None:
    typed = b"\x01" + public(STRANGER)
    encoded = base64.b64encode(typed).decode()
    log_vkey = vkey("name", STRANGER).replace(encoded, encoded[:-1] + "A" if encoded[-1] != "A" else encoded[:-1] + "B")
    with pytest.raises(HostileInput, match="log_vkey"):
        parse_card(card_record(card(log_vkey=log_vkey)))


def test_an_endless_record_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(HostileInput, match="longer than"):
        parse_card(b"{" * (64 * 1024 + 1))


def test_a_record_in_other_spacing_is_refused() -> None:
    with pytest.raises(HostileInput, match="canonical"):
        parse_card(json.dumps(json.loads(card_record(card())), ensure_ascii=False).encode())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"card":{},"signature":5}',
        b'{"card":{},"signature":"AA=="}',
        b'{"card":{"v":1.5},"signature":""}',
        b'{"card":{},"card":{},"signature":""}',
        b"[" * 100_000,
        b" " * 200_000,
    ],
)
def test_a_broken_file_is_hostile_not_a_crash(content: bytes) -> None:
    with pytest.raises(HostileInput) as caught:
        read_card_file(content)
    assert caught.value.reason == "BAD_SHAPE"


def test_a_certificate_of_an_unknown_version_is_refused() -> None:
    der = bytearray(x509.load_pem_x509_certificate(CERTIFICATE.encode()).public_bytes(Encoding.DER))
    version = der.index(bytes.fromhex("a003020102"))  # [0] EXPLICIT INTEGER 2, that is X.509 v3
    der[version + 4] = 7
    pem = "-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(bytes(der)).decode() + "-----END CERTIFICATE-----\n"
    with pytest.raises(HostileInput, match=r"trust\[0\]"):
        parse_card(card_record(card(trust=(pem,))))


def test_a_repeated_key_inside_the_card_is_refused() -> None:
    content = card_file(signed_card()).decode().replace('"country": "CN"', '"country": "CN", "country": "CN"')
    with pytest.raises(HostileInput):
        read_card_file(content.encode())


def test_the_log_key_is_another_key_than_the_agreement_key() -> None:
    fields = card(log_vkey=vkey("retailer.example/audit", RETAILER))
    assert fields.agreement_key == public(RETAILER)
    with pytest.raises(HostileInput, match="another key"):
        parse_card(card_record(fields))
