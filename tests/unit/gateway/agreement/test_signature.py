from __future__ import annotations

import pytest

from gateway.agreement.signature import check_public_key, verify_record
from gateway.errors import HostileInput
from tests.unit.gateway.agreement.samples import PARTNER, RETAILER, public, sign

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
BASE_Y = 4 * pow(5, -1, P) % P


def root(x2: int) -> int | None:
    """Square root mod p = 5 mod 8, or None."""
    x = pow(x2, (P + 3) // 8, P)
    if x * x % P != x2 % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    return x if x * x % P == x2 % P else None


def add(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    """The complete addition law of RFC 8032 in affine coordinates."""
    (x1, y1), (x2, y2) = a, b
    t = D * x1 * x2 * y1 * y2
    return (x1 * y2 + x2 * y1) * pow(1 + t, -1, P) % P, (y1 * y2 + x1 * x2) * pow(1 - t, -1, P) % P


def encode(point: tuple[int, int]) -> bytes:
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def times(k: int, point: tuple[int, int]) -> tuple[int, int]:
    total = (0, 1)
    while k:
        if k & 1:
            total = add(total, point)
        point, k = add(point, point), k >> 1
    return total


def torsion() -> list[tuple[int, int]]:
    """All eight points of low order: L times a random-looking point runs through a generator of them."""
    order = 2**252 + 27742317777372353535851937790883648493
    for y in range(2, 400):
        x = root((y * y - 1) * pow(D * y * y + 1, -1, P) % P)
        if x is None:
            continue
        generator = times(order, (x, y))
        points = [times(k, generator) for k in range(8)]
        if len(set(points)) == 8:
            return points
    raise AssertionError("no generator of the torsion group found")


def test_honest_keys_pass() -> None:
    for key in (RETAILER, PARTNER):
        check_public_key(public(key))
    x = root((BASE_Y * BASE_Y - 1) * pow(D * BASE_Y * BASE_Y + 1, -1, P) % P)
    assert x is not None
    check_public_key(encode((x, BASE_Y)))


def test_all_points_of_low_order_are_refused() -> None:
    points = torsion()
    assert len(points) == 8
    for point in points:
        with pytest.raises(HostileInput, match="low order") as caught:
            check_public_key(encode(point))
        assert caught.value.reason == "BAD_SHAPE"


@pytest.mark.parametrize("y", range(P, 2**255))
def test_y_beyond_the_field_is_refused(y: int) -> None:
    for sign_bit in (0, 1 << 255):
        with pytest.raises(HostileInput, match="canonical"):
            check_public_key((y | sign_bit).to_bytes(32, "little"))


@pytest.mark.parametrize("y", [1, P - 1])
def test_a_sign_on_zero_is_refused(y: int) -> None:
    with pytest.raises(HostileInput, match="low order"):
        check_public_key((y | 1 << 255).to_bytes(32, "little"))


def test_bytes_that_are_no_point_are_refused() -> None:
    off_curve = next(y for y in range(2, 50) if root((y * y - 1) * pow(D * y * y + 1, -1, P) % P) is None)
    with pytest.raises(HostileInput, match="not a point"):
        check_public_key(off_curve.to_bytes(32, "little"))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_other_lengths_are_refused(length: int) -> None:
    with pytest.raises(HostileInput, match="32 bytes"):
        check_public_key(b"\x05" * length)


def test_rfc_8032_vector_3_is_a_good_key() -> None:
    check_public_key(bytes.fromhex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"))


def test_a_record_verifies_only_as_what_was_signed() -> None:
    signature = sign(RETAILER, "agreement", b"{}")
    verify_record(public(RETAILER), "agreement", b"{}", signature, "the proposer")
    flipped = bytes([signature[0] ^ 1]) + signature[1:]
    for key, kind, record, given in [
        (public(PARTNER), "agreement", b"{}", signature),
        (public(RETAILER), "card", b"{}", signature),
        (public(RETAILER), "agreement", b"[]", signature),
        (public(RETAILER), "agreement", b"{}", flipped),
        (public(RETAILER), "agreement", b"{}", signature[:-1]),
        (public(RETAILER), "agreement", b"{}", b""),
    ]:
        with pytest.raises(HostileInput) as caught:
            verify_record(key, kind, record, given, "the proposer")
        assert caught.value.reason == "BAD_SIGNATURE"
        assert "the proposer" in caught.value.message


def test_a_low_order_key_never_verifies() -> None:
    identity = (1).to_bytes(32, "little")
    everywhere = identity + bytes(32)  # R = identity, S = 0: the equation holds for every message
    with pytest.raises(HostileInput, match="low order"):
        verify_record(identity, "card", b"anything", everywhere, "nobody")
