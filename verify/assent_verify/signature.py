"""Ed25519, with keys that every verifier treats alike, and strict base64."""

from __future__ import annotations

import base64

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_P = 2**255 - 19
_D = (-121665 * pow(121666, _P - 2, _P)) % _P
_BASE_ORDER_EXPONENT = (_P - 1) // 2


def trusted_key(key: bytes) -> bytes:
    """Return a public key if it is canonical, on the curve and not of low order (RFC 8032, section 5.1).

    Raises:
        ValueError: with the reason.
    """
    if len(key) != 32:
        raise ValueError("an Ed25519 key has 32 bytes")
    y = int.from_bytes(key, "little") & (2**255 - 1)
    if y >= _P:
        raise ValueError("not a canonical Ed25519 key")
    numerator, denominator = (y * y - 1) % _P, (_D * y * y + 1) % _P
    x_squared = numerator * pow(denominator, _P - 2, _P) % _P
    if x_squared != 0 and pow(x_squared, _BASE_ORDER_EXPONENT, _P) != 1:
        raise ValueError("not a point of Edwards25519")
    # Doubling three times leads a point of low order, and no other, to the neutral element (y = 1).
    # The y of a doubled point follows from x² and y² alone: (y² + x²) / (2 - (y² - x²)) by the curve equation.
    for _ in range(3):
        if y == 1:
            break
        y, x_squared = _double(y, x_squared)
    if y == 1:
        raise ValueError("an Ed25519 key of low order")
    return key


def _double(y: int, x_squared: int) -> tuple[int, int]:
    """Double a point given by y and x²; returns the same of its double."""
    y_squared = y * y % _P
    doubled_y = (y_squared + x_squared) * pow(2 - y_squared + x_squared, _P - 2, _P) % _P
    square = doubled_y * doubled_y
    return doubled_y, (square - 1) * pow(_D * square + 1, _P - 2, _P) % _P


def signature_ok(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether an Ed25519 signature verifies."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def decode_base64(text: str) -> bytes:
    """Decode standard base64 in its only spelling.

    Raises:
        ValueError: for anything else.
    """
    value = base64.b64decode(text.encode("ascii"), validate=True)
    if base64.b64encode(value).decode() != text:
        raise ValueError("base64 with stray bits")
    return value
