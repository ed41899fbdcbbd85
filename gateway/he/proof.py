"""The key record: n and a proof that n fits Paillier, bound to the session.

record = n || root_0 || ... || root_7, each of bits / 8 bytes, big-endian; root_i^n = H(session id, n, i) modulo n.

Source: Goldberg, Reyzin, Sagga, Baldimtsi, "Efficient Noninteractive Certification of RSA Moduli and Beyond", ASIACRYPT
2019, ePrint 2018/057, the protocol for gcd(N, phi(N)) = 1, with alpha = 2^16 and 8 values: were a prime above 2^16 to
divide both, fewer than one value in 2^16 would have a root, so that a false key passes with 2^-128 per try at the hash
(random oracle: SHAKE-256). Smaller primes are tried one by one.

What it gives: under such an n, (1 + mask n) r^n with uniform mask and r is a uniform unit modulo n^2, so that R's
masked answer tells S nothing, whatever S chose. Not proved: that n has two factors, that they are good, or that S keeps
them to itself; that hurts S alone.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Final

import gmpy2

from gateway.errors import HostileInput, Misuse
from gateway.he.ciphertext import OVER
from gateway.he.paillier import PrivateKey, PublicKey, check_bits

ROOTS: Final = 8
SMALL_FACTOR_BITS: Final = 16
_DOMAIN = b"assent paillier key v1\n"
_WHERE = "stage CIPHERTEXTS, key record"


def key_record_bytes(bits: int) -> int:
    """Return the size of a key record."""
    return (1 + ROOTS) * bits // 8


def key_record(private: PrivateKey, session_id: bytes) -> bytes:
    """Return the record that a partner accepts for this session only.

    Args:
        private: the owner's key, fresh for the session.
        session_id: 32 bytes.
    """
    public = private.public
    roots = (private.nth_root(_challenge(public.n, public.bits, session_id, index)) for index in range(ROOTS))
    return b"".join(int(value).to_bytes(public.bits // 8, "big") for value in (public.n, *roots))


def parse_key_record(encoded: bytes, bits: int, session_id: bytes) -> PublicKey:
    """Check a partner's key.

    Args:
        encoded: what came, any bytes.
        bits: the agreed size of n.
        session_id: 32 bytes.

    Returns:
        The key.

    Raises:
        HostileInput: BAD_CIPHERTEXT: size, oddness, a factor below 2^16, a perfect power, a prime, or the proof.
        RequestError: BAD_FIELD: `bits` is no size in use.
    """
    check_bits(bits)
    if len(encoded) != key_record_bytes(bits):
        raise _bad(f"{len(encoded)} bytes, where n of {bits} bits and {ROOTS} roots have {key_record_bytes(bits)}")
    width = bits // 8
    n, *roots = (int.from_bytes(encoded[start : start + width], "big") for start in range(0, len(encoded), width))
    if n.bit_length() != bits:
        raise _bad(f"n has {n.bit_length()} bits, not {bits}")
    if n % 2 == 0:
        raise _bad("n is even")
    if gmpy2.gcd(n, _small_primes()) != 1:
        raise _bad(f"n has a factor below 2^{SMALL_FACTOR_BITS}")
    if gmpy2.is_power(n):
        raise _bad("n is a power of one number")
    if gmpy2.is_prime(n):
        raise _bad("n is a prime")
    for index, root in enumerate(roots):
        value = _challenge(n, bits, session_id, index)
        if not 0 < root < n or gmpy2.gcd(value, n) != 1 or gmpy2.powmod(root, n, n) != value:
            raise _bad(f"root {index} of the proof that gcd(n, phi(n)) = 1 is wrong for this n and session")
    return PublicKey(bits, n)


def _challenge(n: int, bits: int, session_id: bytes, index: int) -> int:
    if len(session_id) != 32:
        raise Misuse(f"a session id has 32 bytes, not {len(session_id)}")
    width = bits // 8
    hashed = hashlib.shake_256(_DOMAIN + session_id + n.to_bytes(width, "big") + bytes([index]))
    # 128 bits more than n: uniform modulo n up to 2^-128.
    return int.from_bytes(hashed.digest(width + 16), "big") % n


@cache
def _small_primes() -> int:
    return gmpy2.primorial(1 << SMALL_FACTOR_BITS)  # type: ignore[no-any-return]


def _bad(words: str) -> HostileInput:
    return HostileInput("BAD_CIPHERTEXT", f"{_WHERE}: {words}; {OVER}")
