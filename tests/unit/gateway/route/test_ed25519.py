from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.errors import HostileInput, RequestError
from gateway.route.ed25519 import check_public_key, verify_signature

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
SQRT_MINUS_1 = pow(2, (P - 1) // 4, P)
Point = tuple[int, int]


def add(a: Point, b: Point) -> Point:
    (x1, y1), (x2, y2) = a, b
    k = D * x1 * x2 * y1 * y2 % P
    return (x1 * y2 + x2 * y1) * pow(1 + k, -1, P) % P, (y1 * y2 + x1 * x2) * pow(1 - k, -1, P) % P


def encode(point: Point) -> bytes:
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


def low_order_points() -> list[Point]:
    # Any point times the prime order L has an order that divides 8; take one with order 8.
    order = 2**252 + 27742317777372353535851937790883648493
    for y in range(2, 100):
        square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
        x = pow(square, (P + 3) // 8, P)
        if x * x % P != square:
            x = x * SQRT_MINUS_1 % P
        if x * x % P != square:
            continue
        point, doubled, scalar = (0, 1), (x, y), order
        while scalar:
            if scalar & 1:
                point = add(point, doubled)
            doubled, scalar = add(doubled, doubled), scalar >> 1
        multiples = [(0, 1)]
        for _ in range(7):
            multiples.append(add(multiples[-1], point))
        if len(set(multiples)) == 8:
            return multiples
    raise AssertionError("no generator found")


def test_the_eight_points_of_low_order_are_refused() -> None:
    points = low_order_points()
    assert add(points[-1], points[1]) == (0, 1)
    for point in points:
        for sign in (0, 0x80):  # also the second spelling of x = 0
            key = bytearray(encode(point))
            key[31] ^= sign
            with pytest.raises(RequestError, match="low order"):
                check_public_key(bytes(key))


@pytest.mark.parametrize("y", [P, P + 1, P + 18, 2**255 - 1])
def test_other_spellings_are_refused(y: int) -> None:
    for sign in (0, 1):
        with pytest.raises(RequestError, match="canonical"):
            check_public_key((y | sign << 255).to_bytes(32, "little"))


def test_half_of_all_values_are_no_points() -> None:
    refused = 0
    for y in range(2, 202):
        try:
            check_public_key(y.to_bytes(32, "little"))
        except RequestError as error:
            assert "not a point" in error.message
            refused += 1
    assert 60 < refused < 140


@pytest.mark.parametrize("length", [0, 31, 33])
def test_other_lengths_are_refused(length: int) -> None:
    with pytest.raises(RequestError, match="32 bytes"):
        check_public_key(b"\x05" * length)


def test_real_keys_pass_and_verify() -> None:
    # RFC 8032, section 7.1, test 2
    private = Ed25519PrivateKey.from_private_bytes(
        bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    )
    key = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    assert private.public_key().public_bytes_raw() == key
    assert check_public_key(key) == key
    signature = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    verify_signature(key, b"\x72", signature, "a test")
    for wrong in (signature[:-1], bytes([signature[0] ^ 1]) + signature[1:], b""):
        with pytest.raises(HostileInput, match="over a test") as caught:
            verify_signature(key, b"\x72", wrong, "a test")
        assert caught.value.reason == "BAD_SIGNATURE"


def test_a_signature_with_s_above_the_order_is_refused() -> None:
    private = Ed25519PrivateKey.generate()
    signature = private.sign(b"message")
    order = 2**252 + 27742317777372353535851937790883648493
    malleable = signature[:32] + (int.from_bytes(signature[32:], "little") + order).to_bytes(32, "little")
    with pytest.raises(HostileInput):
        verify_signature(private.public_key().public_bytes_raw(), b"message", malleable, "a test")
