"""Paillier keys in phe's format: c = (1 + m n) r^n mod n^2, the generator being n + 1.

Source: Paillier, "Public-Key Cryptosystems Based on Composite Degree Residuosity Classes", EUROCRYPT 1999; the format
is that of python-paillier (`phe`) 1.5. Security: plaintexts are hidden under the decisional composite residuosity
assumption (DCR); n of 3072 bits is rated at 128 bits, 2048 at 112 (NIST SP 800-57 part 1). Not protected: integrity
(anyone can change a plaintext under encryption), the future (a quantum computer factors n), and side channels of the
machine: gmpy2 is not constant time. Decryption and roots use GMP's `powmod_sec`, which hides the exponent from
timing; everything else here may be timed by who shares the processor.

This is the only module that touches phe, and imports it where it is needed: phe makes the keys, the rest works
without it.
"""

from __future__ import annotations

import importlib.util
import secrets
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import gmpy2

from gateway.errors import Misuse, RequestError, StateError
from gateway.he.ciphertext import Bytes, to_block, to_integers

KEY_BITS: Final = (2048, 3072)
"""Sizes of n in use; 2048 only where the agreement says "legacy"."""

_CLOSE = 100  # FIPS 186-5 A.1.3: |p - q| > 2^(bits/2 - 100), against Fermat's factoring


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The modulus, checked: made by `proof.parse_key_record` or by a private key.

    Attributes:
        bits: bits of n, exactly.
        n: the modulus.
    """

    bits: int
    n: int

    @property
    def n_squared(self) -> int:
        """The modulus of ciphertexts (gmpy2's integer)."""
        return gmpy2.mpz(self.n) ** 2  # type: ignore[no-any-return]

    @property
    def plaintext_bytes(self) -> int:
        """Bytes of a plaintext."""
        return self.bits // 8

    @property
    def ciphertext_bytes(self) -> int:
        """Bytes of a ciphertext."""
        return self.bits // 4


class PrivateKey:
    """The factors of n. Shows nothing, does not pickle or copy; `to_secret_bytes` is the one way out.

    `destroy` drops the factors; the memory they lay in is Python's and is not wiped (best effort). End the process
    that held a key to be rid of it.
    """

    __slots__ = ("_p", "_p_inverse", "_q", "_q_inverse", "public")
    __hash__ = None  # type: ignore[assignment]

    # gmpy2's integers, None once destroyed.
    _p: Any
    _q: Any
    _p_inverse: Any
    _q_inverse: Any

    def __init__(self, p: int, q: int) -> None:
        """Keep two different odd primes of one size; use `generate` or `from_secret_bytes`.

        Raises:
            Misuse: the factors make no key.
        """
        p, q = gmpy2.mpz(p), gmpy2.mpz(q)
        n = p * q
        bits = n.bit_length()
        if p == q or bits % 16 or p.bit_length() * 2 != bits or q.bit_length() * 2 != bits:
            raise Misuse("two different primes of half the key's bits each make a key")
        # gcd(n, phi(n)) = 1 follows: neither of two odd primes of one size divides the other less one.
        self.public = PublicKey(bits, int(n))
        self._p, self._q = p, q
        # L_p((1 + n)^(p-1) mod p^2) = (p - 1) q = -q mod p, so that one inverse serves decryption and CRT.
        self._q_inverse = gmpy2.invert(q, p)
        self._p_inverse = gmpy2.invert(p, q)

    @classmethod
    def from_secret_bytes(cls, encoded: bytes | bytearray) -> PrivateKey:
        """Return the key that `to_secret_bytes` wrote.

        Raises:
            Misuse: these are not such bytes.
        """
        half, odd = divmod(len(encoded), 2)
        p, q = int.from_bytes(encoded[:half], "big"), int.from_bytes(encoded[half:], "big")
        if odd or not half or p.bit_length() != half * 8 or q.bit_length() != half * 8:
            raise Misuse("the secret bytes of a Paillier key are p and q, of one full size")
        return cls(p, q)

    def to_secret_bytes(self) -> bytes:
        """Return p and q, big-endian, of bits / 16 bytes each: only to be sealed, or sent to a worker's pipe."""
        p, q = self.factors()
        return b"".join(factor.to_bytes(self.public.bits // 16, "big") for factor in (p, q))

    def factors(self) -> tuple[Any, Any]:
        """Return p and q for the computations of this package.

        Raises:
            Misuse: the key was destroyed.
        """
        if self._p is None:
            raise Misuse("this Paillier key was destroyed")
        return self._p, self._q

    def decrypt(self, ciphertext: int) -> int:
        """Return the plaintext, 0 to n - 1, of a ciphertext that was checked.

        Source:
            Paillier 1999, section 7: decryption by the Chinese remainder theorem.
        """
        p, q = self.factors()
        at_p = (gmpy2.powmod_sec(ciphertext, p - 1, p * p) - 1) // p * -self._q_inverse % p
        at_q = (gmpy2.powmod_sec(ciphertext, q - 1, q * q) - 1) // q * -self._p_inverse % q
        return self._join(at_p, at_q)

    def nth_root(self, value: int) -> int:
        """Return the n-th root modulo n of a unit: unique, since n and phi(n) have no common factor."""
        p, q = self.factors()
        at_p = gmpy2.powmod_sec(value, gmpy2.invert(q, p - 1), p)
        at_q = gmpy2.powmod_sec(value, gmpy2.invert(p, q - 1), q)
        return self._join(at_p, at_q)

    def _join(self, at_p: int, at_q: int) -> int:
        p, q = self.factors()
        return at_q + q * ((at_p - at_q) * self._q_inverse % p)  # type: ignore[no-any-return]

    def destroy(self) -> None:
        """Forget the factors; every later use is a Misuse. May be called again."""
        self._p = self._q = self._p_inverse = self._q_inverse = None

    def __repr__(self) -> str:
        """Show the size only."""
        return f"PrivateKey({self.public.bits} bits{', destroyed' if self._p is None else ''})"

    def __reduce__(self) -> NoReturn:
        raise Misuse("a Paillier key does not pickle or copy: send to_secret_bytes() through a pipe")


def check_bits(bits: int) -> None:
    """Refuse sizes of n that no agreement may name.

    Raises:
        RequestError: BAD_FIELD.
    """
    if bits not in KEY_BITS:
        known = " or ".join(str(size) for size in reversed(KEY_BITS))
        raise RequestError("BAD_FIELD", f"scheme.key_bits: {bits} is not in use; choose {known}")


def can_generate() -> bool:
    """Return whether `generate` finds phe, without loading it."""
    return importlib.util.find_spec("phe") is not None


def generate(bits: int) -> PrivateKey:
    """Make a key with phe, whose primes come from the operating system's generator.

    Args:
        bits: 3072, or 2048 for an agreement that says "legacy".

    Returns:
        A fresh key: n has exactly `bits` bits, both factors half of them.

    Raises:
        RequestError: BAD_FIELD: another size.
        StateError: NOT_FOUND: phe is not installed.
    """
    check_bits(bits)
    phe = _phe()
    while True:
        _, made = phe.generate_paillier_keypair(n_length=bits)
        # phe takes the next prime after a random number, which may in principle be one bit longer.
        whole = made.p.bit_length() == made.q.bit_length() == bits // 2
        if whole and abs(made.p - made.q) >> (bits // 2 - _CLOSE):
            return PrivateKey(made.p, made.q)


def draw_unit(n: int) -> int:
    """Return a uniform unit modulo n, by rejection, from the operating system's generator."""
    while True:
        drawn = secrets.randbelow(n)
        if drawn and gmpy2.gcd(drawn, n) == 1:
            return drawn


def encrypt_public(public: PublicKey, plaintext: int, r: int | None = None) -> int:
    """Encrypt with the public key alone and a full-sized random r.

    Args:
        public: a checked key: for a unit r of a key with gcd(n, phi(n)) = 1 the answer is uniform among the encryptions
            of the plaintext, whatever the key's owner did.
        plaintext: any integer; taken modulo n.
        r: a unit modulo n; fresh and uniform when absent. Given only to compare with published figures.

    Returns:
        (1 + plaintext * n) r^n mod n^2.
    """
    n, n_squared = gmpy2.mpz(public.n), public.n_squared
    unit = draw_unit(public.n) if r is None else r
    return (1 + plaintext % n * n) * gmpy2.powmod(unit, n, n_squared) % n_squared  # type: ignore[no-any-return]


def decrypt(private: PrivateKey, ciphertexts: Bytes) -> Bytes:
    """Decrypt a block that was checked.

    Args:
        private: the key.
        ciphertexts: (n, C, ciphertext bytes).

    Returns:
        (n, C, plaintext bytes): values modulo n.
    """
    opened = (private.decrypt(ciphertext) for ciphertext in to_integers(ciphertexts))
    return to_block(opened, ciphertexts.shape[:2], private.public.plaintext_bytes)


def to_phe(key: PrivateKey | PublicKey) -> Any:
    """Return phe's key of the same kind: `raw_decrypt` and `raw_encrypt` take and give our integers.

    Raises:
        StateError: NOT_FOUND: phe is not installed.
    """
    phe = _phe()
    if isinstance(key, PublicKey):
        return phe.PaillierPublicKey(key.n)
    p, q = key.factors()
    return phe.PaillierPrivateKey(phe.PaillierPublicKey(key.public.n), int(p), int(q))


def from_phe(key: Any) -> PrivateKey:
    """Return our key of a phe PaillierPrivateKey.

    Raises:
        Misuse: its primes differ in size, as phe's own never do.
    """
    return PrivateKey(key.p, key.q)


def _phe() -> Any:
    try:
        import phe
    except ImportError as error:
        words = (
            "the package phe, which makes Paillier keys, is not installed; install assent-gateway with its dependencies"
        )
        raise StateError("NOT_FOUND", words) from error
    return phe
