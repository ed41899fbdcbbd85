"""ristretto255 and its OPRF in plain Python integers: slow, variable time, and close to the RFCs' words.

The native kernel is tested against this, never the other way round. Names follow the RFCs; the numbers in the
comments are their steps. Not for use with real secrets.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

p = 2**255 - 19
l = 2**252 + 27742317777372353535851937790883648493  # noqa: E741 - the name in RFC 9496

# RFC 9496 section 4.1
D = 37095705934669439343138083508754565189542113879843219016388785533085940283555
SQRT_M1 = 19681161376707505956807079304988542015446066515923890162744021073123829784752
SQRT_AD_MINUS_ONE = 25063068953384623474111414158702152701244531502492656460079210482610430750235
INVSQRT_A_MINUS_D = 54469307008909316920995813868745141605393597292927456921205312896311721017578
ONE_MINUS_D_SQ = 1159843021668779879193775521855586647937357759715417654439879720876111806838
D_MINUS_ONE_SQ = 40440834346308536858101042469323190826248399146238708352240133220865137265952


class Point(NamedTuple):
    """A point of the Edwards curve -x^2 + y^2 = 1 + d x^2 y^2 as x = X/Z, y = Y/Z, xy = T/Z."""

    X: int
    Y: int
    Z: int
    T: int


IDENTITY = Point(0, 1, 1, 0)


class Invalid(ValueError):
    """The bytes are no element, or an element that the OPRF forbids."""


# ---- field ------------------------------------------------------------------------------------------------------


def is_negative(e: int) -> bool:
    """RFC 9496 section 3.1: the least non-negative representative is odd."""
    return e % p % 2 == 1


def ct_abs(e: int) -> int:
    """RFC 9496 section 3.1."""
    return -e % p if is_negative(e) else e % p


def sqrt_ratio_m1(u: int, v: int) -> tuple[bool, int]:
    """RFC 9496 section 4.2."""
    r = u * v**3 * pow(u * v**7, (p - 5) // 8, p) % p
    check = v * r**2 % p
    u %= p
    correct_sign_sqrt = check == u
    flipped_sign_sqrt = check == -u % p
    flipped_sign_sqrt_i = check == -u * SQRT_M1 % p
    if flipped_sign_sqrt or flipped_sign_sqrt_i:
        r = SQRT_M1 * r % p
    return correct_sign_sqrt or flipped_sign_sqrt, ct_abs(r)


# ---- group ------------------------------------------------------------------------------------------------------


def decode(s_bytes: bytes) -> Point:
    """RFC 9496 section 4.3.1."""
    # 1, 2
    s = int.from_bytes(s_bytes, "little")
    if len(s_bytes) != 32 or s >= p or is_negative(s):
        raise Invalid("not a canonical field element")
    # 3
    ss = s**2 % p
    u1 = (1 - ss) % p
    u2 = (1 + ss) % p
    u2_sqr = u2**2 % p
    v = (-(D * u1**2) - u2_sqr) % p
    was_square, invsqrt = sqrt_ratio_m1(1, v * u2_sqr % p)
    den_x = invsqrt * u2 % p
    den_y = invsqrt * den_x * v % p
    x = ct_abs(2 * s * den_x)
    y = u1 * den_y % p
    t = x * y % p
    # 4
    if not was_square or is_negative(t) or y == 0:
        raise Invalid("not a group element")
    return Point(x, y, 1, t)


def encode(q: Point) -> bytes:
    """RFC 9496 section 4.3.2."""
    x0, y0, z0, t0 = q
    u1 = (z0 + y0) * (z0 - y0) % p
    u2 = x0 * y0 % p
    _, invsqrt = sqrt_ratio_m1(1, u1 * u2**2 % p)
    den1 = invsqrt * u1 % p
    den2 = invsqrt * u2 % p
    z_inv = den1 * den2 * t0 % p
    ix0 = x0 * SQRT_M1 % p
    iy0 = y0 * SQRT_M1 % p
    enchanted_denominator = den1 * INVSQRT_A_MINUS_D % p
    if is_negative(t0 * z_inv):
        x, y, den_inv = iy0, ix0, enchanted_denominator
    else:
        x, y, den_inv = x0, y0, den2
    if is_negative(x * z_inv):
        y = -y
    return ct_abs(den_inv * (z0 - y)).to_bytes(32, "little")


def map_to_curve(t: int) -> Point:
    """MAP of RFC 9496 section 4.3.4."""
    r = SQRT_M1 * t**2 % p
    u = (r + 1) * ONE_MINUS_D_SQ % p
    v = (-1 - r * D) * (r + D) % p
    was_square, s = sqrt_ratio_m1(u, v)
    if was_square:
        c = -1
    else:
        s, c = -ct_abs(s * t) % p, r
    n = (c * (r - 1) * D_MINUS_ONE_SQ - v) % p
    w0 = 2 * s * v % p
    w1 = n * SQRT_AD_MINUS_ONE % p
    w2 = (1 - s**2) % p
    w3 = (1 + s**2) % p
    return Point(w0 * w3 % p, w2 * w1 % p, w1 * w3 % p, w0 * w2 % p)


def one_way_map(b: bytes) -> Point:
    """RFC 9496 section 4.3.4: bit 255 of either half is ignored."""
    t1, t2 = (int.from_bytes(half, "little") % 2**255 for half in (b[:32], b[32:]))
    return add(map_to_curve(t1), map_to_curve(t2))


def add(q: Point, r: Point) -> Point:
    """Hisil et al. 2008, section 3.1, a = -1: complete, so it doubles as well."""
    a = (q.Y - q.X) * (r.Y - r.X)
    b = (q.Y + q.X) * (r.Y + r.X)
    c = 2 * D * q.T * r.T % p
    d = 2 * q.Z * r.Z
    e, f, g, h = b - a, d - c, d + c, b + a
    return Point(e * f % p, g * h % p, f * g % p, e * h % p)


def double(q: Point) -> Point:
    """Hisil et al. 2008, section 3.3, a = -1."""
    a, b = q.X * q.X, q.Y * q.Y
    e, g, h = 2 * q.X * q.Y, b - a, a + b
    f = 2 * q.Z * q.Z - g
    e, f, g, h = e % p, f % p, g % p, h % p
    return Point(e * f % p, g * h % p, f * g % p, e * h % p)


def multiply(k: int, q: Point) -> Point:
    """k * q by windows of four bits from the top."""
    multiples = [IDENTITY]
    for _ in range(15):
        multiples.append(add(multiples[-1], q))
    r = IDENTITY
    for digit in f"{k % l:x}":
        r = double(double(double(double(r))))
        r = add(r, multiples[int(digit, 16)])
    return r


def is_identity(q: Point) -> bool:
    """RFC 9496 section 4.3.3 against the identity."""
    return q.X % p == 0 or q.Y % p == 0


# ---- OPRF -------------------------------------------------------------------------------------------------------

CONTEXT = b"OPRFV1-" + b"\x00" + b"-" + b"ristretto255-SHA512"
HASH_TO_GROUP_DST = b"HashToGroup-" + CONTEXT


def expand_message_xmd(msg: bytes, dst: bytes, len_in_bytes: int) -> bytes:
    """RFC 9380 section 5.3.1 with SHA-512; the numbers are its steps."""
    ell = -(-len_in_bytes // 64)  # 1
    assert ell <= 255 and len_in_bytes <= 65535 and len(dst) <= 255  # 2
    dst_prime = dst + bytes([len(dst)])  # 3
    z_pad = bytes(128)  # 4
    l_i_b_str = len_in_bytes.to_bytes(2, "big")  # 5
    msg_prime = z_pad + msg + l_i_b_str + b"\x00" + dst_prime  # 6
    b_0 = hashlib.sha512(msg_prime).digest()  # 7
    b = [hashlib.sha512(b_0 + b"\x01" + dst_prime).digest()]  # 8
    for i in range(2, ell + 1):  # 9, 10
        strxor = bytes(x ^ y for x, y in zip(b_0, b[-1], strict=True))
        b.append(hashlib.sha512(strxor + bytes([i]) + dst_prime).digest())
    return b"".join(b)[:len_in_bytes]  # 11, 12


def hash_to_group(message: bytes) -> Point:
    """RFC 9497 section 4.1, mode 0x00."""
    return one_way_map(expand_message_xmd(message, HASH_TO_GROUP_DST, 64))


def deserialize_element(encoding: bytes) -> Point:
    """RFC 9497 section 2.1: the identity is refused too."""
    element = decode(encoding)
    if is_identity(element):
        raise Invalid("identity")
    return element


def blind(message: bytes, scalar: int) -> bytes:
    """RFC 9497 section 3.3.1, Blind with the scalar given."""
    element = hash_to_group(message)
    if is_identity(element):
        raise Invalid("InvalidInputError")
    return encode(multiply(scalar, element))


def evaluate(encoding: bytes, scalar: int) -> bytes:
    """RFC 9497 section 3.3.1, BlindEvaluate; with 1/scalar it unblinds."""
    return encode(multiply(scalar, deserialize_element(encoding)))


def finalize(message: bytes, unblinded: bytes) -> bytes:
    """RFC 9497 section 3.3.1, Finalize after unblinding."""
    framed = b"".join(len(part).to_bytes(2, "big") + part for part in (message, unblinded))
    return hashlib.sha512(framed + b"Finalize").digest()
