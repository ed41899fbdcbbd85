from __future__ import annotations

import ipaddress
import os
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.agreement.card import read_card_file
from gateway.errors import RequestError, StateError
from gateway.keys import folder
from gateway.keys.certificate import spki_pin
from gateway.keys.material import initialise
from tests.unit.gateway.keys.homes import NOW, make_home

PRIVATE = ["agreement.key", "log.key", "token.key", "tls.key", "local.key", "wrap.key"]


def test_a_new_home_has_every_file_with_its_permissions(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        make_home(tmp_path / "home")
    finally:
        os.umask(previous)
    keys = tmp_path / "home" / "keys"
    assert sorted(file.name for file in keys.iterdir()) == sorted([*PRIVATE, "tls.crt", "card.json"])
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    for name in PRIVATE:
        assert stat.S_IMODE((keys / name).stat().st_mode) == 0o600, name
    assert len((keys / "local.key").read_bytes()) == len((keys / "wrap.key").read_bytes()) == 32
    assert not [file for file in (tmp_path / "home").iterdir() if file.name != "keys"]


def test_the_card_is_what_partners_get(tmp_path: Path) -> None:
    signed = make_home(tmp_path)
    content = (tmp_path / "keys" / "card.json").read_bytes()
    assert read_card_file(content) == signed
    assert signed.card.party == "retailer"
    assert signed.card.pins == (spki_pin((tmp_path / "keys" / "tls.crt").read_bytes()),)
    assert signed.card.trust == ((tmp_path / "keys" / "tls.crt").read_text(),)
    assert signed.card.log_vkey.startswith("gateway.retailer.example/audit+")


def test_the_certificate_names_the_gateway_and_may_serve_and_dial(tmp_path: Path) -> None:
    make_home(tmp_path)
    certificate = x509.load_pem_x509_certificate((tmp_path / "keys" / "tls.crt").read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["gateway.retailer.example", "localhost", "tenant.internal"]
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("127.0.0.1")]
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["spiffe://gateway.retailer.example/gateway"]
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(usage) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    assert certificate.not_valid_after_utc == NOW + timedelta(days=365)
    assert certificate.not_valid_before_utc < NOW
    key = certificate.public_key()
    assert isinstance(key, EllipticCurvePublicKey)
    assert isinstance(key.curve, SECP256R1)
    certificate.verify_directly_issued_by(certificate)


def test_existing_keys_are_never_overwritten(tmp_path: Path) -> None:
    make_home(tmp_path)
    before = {file.name: file.read_bytes() for file in (tmp_path / "keys").iterdir()}
    with pytest.raises(StateError) as caught:
        make_home(tmp_path)
    assert caught.value.reason == "REVISION_CONFLICT"
    assert {file.name: file.read_bytes() for file in (tmp_path / "keys").iterdir()} == before


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StateError) as caught:
        make_home(tmp_path)
    assert caught.value.reason == "DISK_FULL"
    assert list(tmp_path.iterdir()) == []


def test_two_homes_share_no_key(tmp_path: Path) -> None:
    make_home(tmp_path / "a")
    make_home(tmp_path / "b")
    for name in PRIVATE:
        assert (tmp_path / "a/keys" / name).read_bytes() != (tmp_path / "b/keys" / name).read_bytes()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"party": "Retailer"}, "party"),
        ({"country": "China"}, "country"),
        ({"peer_endpoint": "nowhere"}, "endpoint"),
        ({"dns_name": "bücher.example"}, "dns_name"),
        ({"dns_name": "Gateway.example"}, "target_name"),
        ({"legal_name": ""}, "legal_name"),
        ({"days": 0}, "days"),
        ({"days": 826}, "days"),
    ],
)
def test_a_bad_field_makes_no_home(tmp_path: Path, changes: dict[str, Any], named: str) -> None:
    fields: dict[str, Any] = {
        "party": "retailer",
        "legal_name": "Retailer",
        "contact": "privacy@retailer.example",
        "country": "CN",
        "peer_endpoint": "gateway.retailer.example:7444",
        "tenant_target": "[::1]:7443",
        "dns_name": "gateway.retailer.example",
        "now": NOW,
    }
    initialise(tmp_path / "good", **fields)
    with pytest.raises(RequestError) as caught:
        initialise(tmp_path / "bad", **(fields | changes))
    assert named in caught.value.message
    assert not (tmp_path / "bad" / folder.FOLDER).exists()
