r"""Ed25519 signatures over records: "assent <kind> v1\n" || canonical bytes.

OpenSSL checks the equation of RFC 8032 and that S is reduced, but it takes any
32 bytes as a public key. A key of low order signs everything, and a key with
two encodings has two fingerprints; so every key is checked here when it is
loaded, before it is pinned or believed.
"""

from __future__ import annotations

from gateway.errors import HostileInput, RequestError
from gateway.route import ed25519
from gateway.route.canonical import record_message

PUBLIC_KEY_BYTES = ed25519.PUBLIC_KEY_BYTES
SIGNATURE_BYTES = ed25519.SIGNATURE_BYTES


def check_public_key(public_key: bytes) -> None:
    """Refuse bytes of a partner that are not the one encoding of an Ed25519 point of large order.

    Args:
        public_key: 32 bytes as in RFC 8032, section 5.1.2.

    Raises:
        HostileInput: BAD_SHAPE.
    """
    try:
        ed25519.check_public_key(public_key)
    except RequestError as error:
        raise HostileInput("BAD_SHAPE", f"{error.message}; ask its owner for a new one") from error


def verify_record(public_key: bytes, kind: str, record: bytes, signature: bytes, signer: str) -> None:
    """Check the signature of a record, or raise.

    Args:
        public_key: 32 bytes.
        kind: what the record is, e.g. "agreement".
        record: its canonical bytes.
        signature: 64 bytes.
        signer: who should have signed, in words for the message, e.g. "the proposer".

    Raises:
        HostileInput: BAD_SIGNATURE when it does not verify; BAD_SHAPE for a bad key.

    Source: RFC 8032, section 5.1.7.
    """
    check_public_key(public_key)
    ed25519.verify_signature(public_key, record_message(kind, record), signature, f"the {kind} record by {signer}")
