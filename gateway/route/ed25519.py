"""Ed25519 public keys that may be trusted: canonical, on the curve, of full order.

RFC 8032 verifiers differ in how they treat odd keys. A low-order key accepts
signatures that fit many messages, and a key with two encodings has two names.
Such keys are refused when they are loaded, so that every verifier agrees.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.errors import HostileInput, RequestError

PUBLIC_KEY_BYTES = 32
SIGNATURE_BYTES = 64

_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P  # RFC 8032, section 5.1: -x² + y² = 1 + d x² y²
# y coordinates of the eight points whose order divides 8: (0, ±1), (±i, 0) and the four of order 8.
_ORDER_8_Y = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_LOW_ORDER_Y = frozenset({0, 1, _P - 1, _ORDER_8_Y, _P - _ORDER_8_Y})


def check_public_key(key: bytes) -> bytes:
    """Return an Ed25519 public key that is safe to trust.

    Args:
        key: 32 bytes.

    Raises:
        RequestError: BAD_FIELD for a wrong length, a non-canonical encoding, a
            value that is no point of the curve, or a point of low order.

    Source: RFC 8032, section 5.1.3.
    """
    if len(key) != PUBLIC_KEY_BYTES:
        raise RequestError("BAD_FIELD", f"an Ed25519 public key has {PUBLIC_KEY_BYTES} bytes")
    y = int.from_bytes(key, "little") & (2**255 - 1)  # the top bit is the sign of x
    if y >= _P:
        raise RequestError("BAD_FIELD", "an Ed25519 public key is not in canonical encoding")
    if y in _LOW_ORDER_Y:
        raise RequestError("BAD_FIELD", "an Ed25519 public key is a point of low order")
    x_squared = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    if pow(x_squared, (_P - 1) // 2, _P) != 1:  # Euler's criterion; 0 belongs to y = ±1 above
        raise RequestError("BAD_FIELD", "an Ed25519 public key is not a point of the curve")
    return key


def verify_signature(key: bytes, message: bytes, signature: bytes, subject: str) -> None:
    """Check an Ed25519 signature.

    Args:
        key: 32 bytes, as `check_public_key` returned it.
        message: the signed bytes.
        signature: 64 bytes.
        subject: what is signed, for the error's sentence, e.g. "the run record".

    Raises:
        HostileInput: BAD_SIGNATURE.

    Source: RFC 8032, section 5.1.7.
    """
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise HostileInput("BAD_SIGNATURE", f"the signature over {subject} does not verify") from error
