r"""Ed25519 signatures over records: "assent <kind> v1\n" || canonical bytes.

OpenSSL checks the equation of RFC 8032 and that S is reduced, but it takes any
32 bytes as a public key. A key of low order signs everything, and a key with
two encodings has two fingerprints; so every key is checked here when it is
loaded, before it is pinned or believed.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.errors import HostileInput
from gateway.route.canonical import record_message

PUBLIC_KEY_BYTES = 32
SIGNATURE_BYTES = 64

_P = 2**255 - 19  # RFC 8032, section 5.1: the field
_D = -121665 * pow(121666, -1, _P) % _P  # of the curve -x² + y² = 1 + d·x²·y²


def check_public_key(public_key: bytes) -> None:
    """Refuse bytes that are not the one encoding of an Ed25519 point of large order.

    Args:
        public_key: 32 bytes as in RFC 8032, section 5.1.2.

    Raises:
        HostileInput: BAD_SHAPE for a wrong length, y >= p, a sign bit on x = 0,
            a y that is on no point, and the eight points of low order.

    Source: RFC 8032, section 5.1.3 (decoding), which says nothing of low order.
    """
    if len(public_key) != PUBLIC_KEY_BYTES:
        raise HostileInput("BAD_SHAPE", f"an Ed25519 public key has {PUBLIC_KEY_BYTES} bytes")
    encoded = int.from_bytes(public_key, "little")
    sign, y = encoded >> 255, encoded & (2**255 - 1)
    if y >= _P:
        raise HostileInput("BAD_SHAPE", "an Ed25519 public key is not in canonical form; ask its owner for a new one")
    x2 = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    if x2 == 0 and sign:
        raise HostileInput("BAD_SHAPE", "an Ed25519 public key is not in canonical form; ask its owner for a new one")
    if x2 and pow(x2, (_P - 1) // 2, _P) != 1:
        raise HostileInput("BAD_SHAPE", "an Ed25519 public key is no point of the curve; ask its owner for it again")
    # 8·P = 0 exactly when 2·P = (2xy/.., (x² + y²)/..) has order 1, 2 or 4, that is a zero coordinate.
    if x2 == 0 or y == 0 or (x2 + y * y) % _P == 0:
        raise HostileInput("BAD_SHAPE", "an Ed25519 public key has low order, so that anyone could sign for it")


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
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, record_message(kind, record))
    except (InvalidSignature, ValueError) as error:
        raise HostileInput(
            "BAD_SIGNATURE", f"the signature of {signer} under the {kind} record does not verify; ask for it again"
        ) from error
