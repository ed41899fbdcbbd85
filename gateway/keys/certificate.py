"""X.509 leaves of the two ports, and the pins by which partners know them."""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.errors import HostileInput, RequestError

_BACKDATED = timedelta(minutes=5)  # the partner's clock may be a little behind


def spki_pin(pem: bytes | str) -> str:
    """Return a certificate's pin: SHA-256 of its SubjectPublicKeyInfo, hex.

    Args:
        pem: one certificate (the first counts), PEM.

    Raises:
        HostileInput: BAD_SHAPE when it is none.

    Source: RFC 7469, section 2.4 (which writes it in base64).
    """
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode() if isinstance(pem, str) else pem)
        spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, x509.InvalidVersion, UnsupportedAlgorithm) as error:
        raise HostileInput("BAD_SHAPE", "a certificate is not X.509 in PEM with a known kind of key") from error
    return hashlib.sha256(spki).hexdigest()


def certificate_end(pem: bytes | str) -> datetime:
    """Return the first moment (UTC) at which a certificate is no longer valid.

    Args:
        pem: one certificate (the first counts), PEM.

    Raises:
        HostileInput: BAD_SHAPE when it is none.

    Source: RFC 5280, section 4.1.2.5: notAfter is the last second.
    """
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode() if isinstance(pem, str) else pem)
        return certificate.not_valid_after_utc + timedelta(seconds=1)
    except (ValueError, OverflowError, x509.InvalidVersion, UnsupportedAlgorithm) as error:
        raise HostileInput("BAD_SHAPE", "a certificate is not X.509 in PEM with a known kind of key") from error


def self_signed(
    key: EllipticCurvePrivateKey, dns_name: str, further_names: Sequence[str], now: datetime, days: int
) -> bytes:
    """Make the certificate of a development gateway, PEM.

    It is its own trust anchor, serves and dials, and names the DNS name, every
    further name or address, localhost, 127.0.0.1 and spiffe://<dns>/gateway.

    Args:
        key: its private key, P-256.
        dns_name: the name that partners expect.
        further_names: more DNS names or IP addresses.
        now: start of validity, less five minutes.
        days: validity, 1 to 825.

    Raises:
        RequestError: BAD_FIELD for a name that cannot stand in a certificate.

    Source: RFC 5280, section 4.2; SPIFFE X.509-SVID, section 2.
    """
    if not 1 <= days <= 825:
        raise RequestError("BAD_FIELD", "field days must be from 1 to 825")
    names = list(dict.fromkeys([dns_name, "localhost", "127.0.0.1", *further_names]))
    try:
        alternatives = [_general_name(name) for name in names]
        alternatives.append(x509.UniformResourceIdentifier(f"spiffe://{dns_name}/gateway"))
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, dns_name[:64])])
    except ValueError as error:
        raise RequestError("BAD_FIELD", "field dns_name or tenant_target cannot stand in a certificate") from error
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(secrets.randbits(152) | 1 << 152)
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_signs_only(), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _signs_only() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
