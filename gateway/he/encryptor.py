"""Fast encryption by the key's owner: fixed-base tables modulo p^2 and q^2.

A ciphertext is (1 + m n) s mod n^2 with s = h^e, where h = x^n is drawn with the encryptor, x a uniform unit, and e is
fresh for every ciphertext. The owner computes h^e modulo p^2 and q^2 by multiplying table entries and joins the two.

- "exact": e is uniform over 128 bits more than n has, then reduced modulo p - 1 and q - 1. Hidden under DCR alone, by
  one instance of it: were h a uniform unit modulo n^2 in place of an n-th power, then (1 + m n) h^e with e uniform
  modulo n phi(n) would hide m perfectly, and nobody can tell the two h apart. That h generates everything is not
  needed. Statistical loss per ciphertext: 2^-128.
- "short_exponent": e is uniform over 264 bits. Hidden under DCR and the assumption that h^e for a short e looks like
  h^e for a full one (Damgard, Jurik, Nielsen, Int. J. Inf. Security 9, 2010, with half-size exponents; short
  ones: Koshiba and Kurosawa, PKC 2004). The best generic attack costs 2^132.

Not protected: table look-ups and GMP's arithmetic take a time that depends on e (`_power_vartime`). Who shares the
processor with the owner may learn it; the partner sees batches only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, Final

import gmpy2
import numpy as np

from gateway.errors import Misuse, RequestError
from gateway.he.ciphertext import Bytes, to_block, to_integers
from gateway.he.paillier import PrivateKey, draw_unit

MODES: Final = ("exact", "short_exponent")

_SHORT_WINDOW, _SHORT_WINDOWS = 11, 24  # 264 bits; tables of about 40 MB and a quarter of a second at 3072 bits
_BATCH = 4096  # exponents drawn at once


class Encryptor:
    """One owner's tables. Shows nothing, does not pickle: a worker builds its own from the secret bytes."""

    __slots__ = ("_key", "_mode", "_p_squared", "_p_table", "_q_squared", "_q_table", "_weight")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, private: PrivateKey, mode: str) -> None:
        """Draw the base and fill the tables.

        Args:
            private: the owner's key.
            mode: "exact" or "short_exponent"; see the module.

        Raises:
            RequestError: BAD_FIELD: another mode.
        """
        check_mode(mode)
        p, q = private.factors()
        self._key, self._mode = private, mode
        self._p_squared, self._q_squared = p * p, q * q
        base = draw_unit(private.public.n)
        short = mode == "short_exponent"
        window, windows = (_SHORT_WINDOW, _SHORT_WINDOWS) if short else (8, private.public.bits // 16)
        self._p_table = _table(gmpy2.powmod(base, p * q, self._p_squared), self._p_squared, window, windows)
        self._q_table = _table(gmpy2.powmod(base, p * q, self._q_squared), self._q_squared, window, windows)
        # s = at_q + q^2 ((at_p - at_q) / q^2 mod p^2)
        self._weight = gmpy2.invert(self._q_squared, self._p_squared)

    def encrypt(self, plaintexts: Bytes) -> Bytes:
        """Encrypt a block.

        Args:
            plaintexts: (n, C, plaintext bytes), each below n.

        Returns:
            (n, C, ciphertext bytes): each under a randomiser of its own.
        """
        public = self._key.public
        if plaintexts.ndim != 3 or plaintexts.shape[2] != public.plaintext_bytes:
            raise Misuse(f"plaintexts of {public.bits} bits have {public.plaintext_bytes} bytes: {plaintexts.shape}")
        n, n_squared = gmpy2.mpz(public.n), public.n_squared
        integers = to_integers(plaintexts)
        if any(integer >= n for integer in integers):
            raise Misuse("a plaintext is not below n: the layout is for another key")
        hidden = (
            (1 + integer * n) * randomiser % n_squared
            for integer, randomiser in zip(integers, self._randomisers(len(integers)), strict=True)
        )
        return to_block(hidden, plaintexts.shape[:2], public.ciphertext_bytes)

    def _randomisers(self, count: int) -> Iterator[int]:
        for start in range(0, count, _BATCH):
            batch = min(_BATCH, count - start)
            digits = self._short(batch) if self._mode == "short_exponent" else self._full(batch)
            for p_digits, q_digits in digits:
                at_p = _power_vartime(self._p_table, p_digits, self._p_squared)
                at_q = _power_vartime(self._q_table, q_digits, self._q_squared)
                yield at_q + self._q_squared * ((at_p - at_q) * self._weight % self._p_squared)

    def _short(self, count: int) -> Iterator[tuple[Sequence[int], Sequence[int]]]:
        drawn = np.frombuffer(os.urandom(2 * count * _SHORT_WINDOWS), dtype=np.uint16) & ((1 << _SHORT_WINDOW) - 1)
        for digits in drawn.reshape(count, _SHORT_WINDOWS).tolist():
            yield digits, digits

    def _full(self, count: int) -> Iterator[tuple[Sequence[int], Sequence[int]]]:
        p, q = self._key.factors()
        width = self._key.public.bits // 8 + 16
        drawn = os.urandom(width * count)
        for start in range(0, len(drawn), width):
            exponent = gmpy2.mpz.from_bytes(drawn[start : start + width], "big")
            # Bytes, little-endian, are the digits of a window of 8 bits.
            yield tuple((exponent % (prime - 1)).to_bytes(width // 2 - 8, "little") for prime in (p, q))

    def __repr__(self) -> str:
        """Show size and mode only."""
        return f"Encryptor({self._key.public.bits} bits, {self._mode})"

    def __reduce__(self) -> Any:
        raise Misuse("an Encryptor does not pickle or copy: build it from the key where it runs")


def check_mode(mode: str) -> None:
    """Refuse a mode that no agreement may name.

    Raises:
        RequestError: BAD_FIELD.
    """
    if mode not in MODES:
        raise RequestError("BAD_FIELD", f"scheme.mode: {mode!r} is not known; choose {' or '.join(MODES)}")


def _table(base: int, modulus: int, window: int, windows: int) -> list[list[int]]:
    """Return base^(d * 2^(window * i)) for each window i and digit d."""
    table = []
    for _ in range(windows):
        entries = [gmpy2.mpz(1)]
        for _ in range((1 << window) - 1):
            entries.append(entries[-1] * base % modulus)
        base = entries[-1] * base % modulus
        table.append(entries)
    return table


def _power_vartime(table: list[list[int]], digits: Sequence[int], modulus: int) -> int:
    power = table[0][digits[0]]
    for entries, digit in zip(table[1:], digits[1:], strict=True):
        power = power * entries[digit] % modulus
    return power
