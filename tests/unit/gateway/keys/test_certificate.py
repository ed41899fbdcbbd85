from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from gateway.errors import HostileInput
from gateway.keys.certificate import spki_pin
from tests.unit.gateway.keys.homes import make_home


def test_the_pin_is_what_openssl_computes(tmp_path: Path) -> None:
    make_home(tmp_path)
    path = tmp_path / "keys/tls.crt"
    public = subprocess.run(["openssl", "x509", "-in", path, "-noout", "-pubkey"], capture_output=True, check=True)
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-outform", "DER"], input=public.stdout, capture_output=True, check=True
    )
    assert spki_pin(path.read_bytes()) == hashlib.sha256(der.stdout).hexdigest()
    assert spki_pin(path.read_text()) == spki_pin(path.read_bytes())


@pytest.mark.parametrize("pem", [b"", "", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "é"])
def test_what_is_no_certificate_has_no_pin(pem: bytes | str) -> None:
    with pytest.raises(HostileInput) as caught:
        spki_pin(pem)
    assert caught.value.reason == "BAD_SHAPE"
