from __future__ import annotations

from collections.abc import Iterator

import gmpy2
import pytest

from gateway.errors import HostileInput, Misuse, RequestError
from gateway.he.proof import _challenge, key_record, key_record_bytes, parse_key_record
from tests.unit.gateway.he.made import SESSION, SMALL, small_key, small_keys_allowed

WIDTH = SMALL // 8


@pytest.fixture(autouse=True)
def small_keys() -> Iterator[None]:
    with small_keys_allowed():
        yield


def refused(encoded: bytes, session: bytes = SESSION) -> str:
    with pytest.raises(HostileInput) as caught:
        parse_key_record(encoded, SMALL, session)
    assert caught.value.reason == "BAD_CIPHERTEXT"
    assert "key record" in caught.value.message
    return caught.value.message


def with_modulus(n: int) -> bytes:
    return n.to_bytes(WIDTH, "big") + key_record(small_key(), SESSION)[WIDTH:]


def prime(bits: int, after: int = 0) -> int:
    return int(gmpy2.next_prime((3 << (bits - 2)) + after))


def test_an_honest_key_passes() -> None:
    record = key_record(small_key(), SESSION)
    assert len(record) == key_record_bytes(SMALL) == 9 * WIDTH
    assert parse_key_record(record, SMALL, SESSION) == small_key().public
    assert key_record_bytes(3072) == 3456


def test_the_proof_is_of_this_session_and_key() -> None:
    assert "root 0" in refused(key_record(small_key(), SESSION), bytes(32))
    with pytest.raises(Misuse):
        key_record(small_key(), b"short")


@pytest.mark.parametrize("size", [0, 1, WIDTH, 9 * WIDTH - 1, 9 * WIDTH + 1])
def test_truncated_or_long(size: int) -> None:
    assert "bytes" in refused((key_record(small_key(), SESSION) + b"\0")[:size])


def test_malformed_moduli() -> None:
    n = small_key().public.n
    assert "even" in refused(with_modulus(n + 1))
    assert "0 bits" in refused(with_modulus(0))
    assert "1023 bits" in refused(with_modulus(n >> 1))
    assert "below 2^16" in refused(with_modulus(65521 * prime(SMALL - 16)))
    smooth = 3**644 * 5
    assert smooth.bit_length() == 1024
    assert "below 2^16" in refused(with_modulus(smooth))
    assert "power" in refused(with_modulus(prime(SMALL // 2) ** 2))
    assert "prime" in refused(with_modulus(prime(SMALL)))


def test_a_square_factor_has_no_proof() -> None:
    """n = p^2 q: nobody knows n-th roots of values that have none, not even who knows the factors."""
    p, q = prime(341), prime(343)
    n = p * p * q
    # The best a cheat can do: roots modulo p q, where they exist, taken for roots modulo n.
    exponent = int(gmpy2.invert(q * p % ((p - 1) * (q - 1)), (p - 1) * (q - 1)))
    roots = [pow(_challenge(n, SMALL, SESSION, index), exponent, n) for index in range(8)]
    assert "gcd(n, phi(n)) = 1 is wrong" in refused(b"".join(value.to_bytes(WIDTH, "big") for value in (n, *roots)))


def test_a_factor_that_divides_another_less_one_has_no_proof() -> None:
    """n = p q with p | q - 1: gcd(n, phi(n)) = p."""
    p = prime(300)
    multiple = (3 << SMALL - 2) // (p * p) & ~1
    q = next(one for k in range(multiple, 2 * multiple, 2) if gmpy2.is_prime(one := k * p + 1))
    n = p * q
    roots = [_challenge(n, SMALL, SESSION, index) for index in range(8)]
    assert "root 0" in refused(b"".join(value.to_bytes(WIDTH, "big") for value in (n, *roots)))


@pytest.mark.parametrize("index", range(8))
def test_every_root_counts(index: int) -> None:
    record = key_record(small_key(), SESSION)
    start = WIDTH * (1 + index)
    root = int.from_bytes(record[start : start + WIDTH], "big")
    n = small_key().public.n
    for wrong in (0, n, n - root, (root + 1) % n, root + n):
        if wrong.bit_length() > SMALL:
            continue
        encoded = record[:start] + wrong.to_bytes(WIDTH, "big") + record[start + WIDTH :]
        assert f"root {index}" in refused(encoded)


def test_a_size_that_nobody_agreed() -> None:
    with pytest.raises(RequestError, match="key_bits"):
        parse_key_record(key_record(small_key(), SESSION), 2048, SESSION)
