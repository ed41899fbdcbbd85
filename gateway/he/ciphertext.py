"""Ciphertexts as byte rows: between rows and integers, and the check of what a partner sent.

A block is a numpy array (rows, ciphertexts per row, bytes) of unsigned big-endian integers of one width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import gmpy2
import numpy as np
import numpy.typing as npt

from gateway.errors import HostileInput, Misuse

if TYPE_CHECKING:
    from gateway.he.paillier import PublicKey

Bytes = npt.NDArray[np.uint8]

OVER = "the session ends; ask the partner which release it runs"


def to_integers(block: Bytes) -> list[int]:
    """Read a block.

    Args:
        block: (n, C, width) uint8, big-endian.

    Returns:
        n * C integers (gmpy2's), row by row.
    """
    if block.ndim != 3 or block.dtype != np.uint8:
        raise Misuse(f"a block is (rows, ciphertexts, bytes) of uint8, not {block.shape} of {block.dtype}")
    width = block.shape[2]
    raw = np.ascontiguousarray(block).tobytes()
    read = gmpy2.mpz.from_bytes
    return [read(raw[start : start + width], "big") for start in range(0, len(raw), width or 1)]


def to_block(integers: Iterable[int], shape: tuple[int, int], width: int) -> Bytes:
    """Write integers of less than `width` bytes as a block (shape[0], shape[1], width)."""
    raw = bytearray().join(gmpy2.mpz(integer).to_bytes(width, "big") for integer in integers)
    return np.frombuffer(raw, dtype=np.uint8).reshape(*shape, width)


def checked_integers(public: PublicKey, ciphertexts: Bytes, at: Callable[[int], str]) -> list[int]:
    """Read a partner's ciphertexts, each a unit modulo n^2.

    One gcd serves all: the product modulo n of what came has a factor in common with n exactly if some ciphertext has.
    What passes is *some* encryption of *some* plaintext; nothing is proved about which.

    Args:
        public: the key that they are under.
        ciphertexts: (n, C, public.ciphertext_bytes).
        at: words for the place of a row, given its index.

    Returns:
        n * C integers, row by row.

    Raises:
        HostileInput: BAD_CIPHERTEXT: one is 0, not below n^2, or shares a factor with n.

    Source:
        Paillier, EUROCRYPT 1999, section 4: ciphertexts are the units modulo n^2. protocols.md section 4.
    """
    if ciphertexts.ndim != 3 or ciphertexts.shape[2] != public.ciphertext_bytes:
        raise Misuse(f"ciphertexts of {public.bits} bits have {public.ciphertext_bytes} bytes: {ciphertexts.shape}")
    integers = to_integers(ciphertexts)
    n, limit = gmpy2.mpz(public.n), public.n_squared
    product = gmpy2.mpz(1)
    for place, integer in enumerate(integers):
        if not 0 < integer < limit:
            words = "is zero" if integer == 0 else "is not below n squared"
            raise _bad(at, place, ciphertexts.shape[1], words)
        product = product * (integer % n) % n
    if gmpy2.gcd(product, n) != 1:
        guilty = next(place for place, integer in enumerate(integers) if gmpy2.gcd(integer, n) != 1)
        raise _bad(at, guilty, ciphertexts.shape[1], "shares a factor with n")
    return integers


def check_ciphertexts(public: PublicKey, ciphertexts: Bytes, at: Callable[[int], str]) -> None:
    """Refuse what `checked_integers` refuses, with the same arguments and errors."""
    checked_integers(public, ciphertexts, at)


def _bad(at: Callable[[int], str], place: int, per_row: int, words: str) -> HostileInput:
    row, column = divmod(place, per_row)
    return HostileInput("BAD_CIPHERTEXT", f"{at(row)}, ciphertext {column}: {words}; {OVER}")
