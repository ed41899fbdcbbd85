#include "ristretto.h"

#include "bytes.h"
#include "secret.h"

namespace assent {

namespace {

// RFC 9496 section 4.3.1 step 1: below p and not negative. The bytes are public, the answer is too.
bool is_canonical_vartime(const uint8_t bytes[32]) {
    if (bytes[0] & 1) return false;
    if (bytes[31] != 0x7f) return bytes[31] < 0x7f;
    for (int i = 30; i > 0; i--) {
        if (bytes[i] != 0xff) return true;
    }
    return bytes[0] < 0xed;
}

// MAP of RFC 9496 section 4.3.4.
Point map(const Field &t) {
    const Field r = mul(SQRT_M1, square(t));
    const Field u = mul(add(r, FIELD_ONE), ONE_MINUS_D_SQ);
    const Field minus_one = negate(FIELD_ONE);
    const Field v = mul(subtract(minus_one, mul(r, EDWARDS_D)), add(r, EDWARDS_D));

    Field s;
    const uint64_t was_square = sqrt_ratio_m1(s, u, v);
    const Field s_prime = negate(absolute(mul(s, t)));
    s = select(s_prime, s, was_square);
    const Field c = select(r, minus_one, was_square);

    const Field n = subtract(mul(mul(c, subtract(r, FIELD_ONE)), D_MINUS_ONE_SQ), v);
    const Field s_squared = square(s);
    const Field w0 = mul(add(s, s), v);
    const Field w1 = mul(n, SQRT_AD_MINUS_ONE);
    const Field w2 = subtract(FIELD_ONE, s_squared);
    const Field w3 = add(FIELD_ONE, s_squared);
    return {mul(w0, w3), mul(w2, w1), mul(w1, w3), mul(w0, w2)};
}

// What is left of 2P before the division: the four factors of the doubled coordinates, and their products.
struct Doubled {
    Field e, f, g, h, eg, fh;
};

Doubled doubled(const Point &p) {
    const Field xx = square(p.X), yy = square(p.Y), zz = square(p.Z);
    const Field d_tt = mul(square(p.T), EDWARDS_D);
    Doubled r;
    r.e = mul(p.X, add(p.Y, p.Y));
    r.f = add(zz, d_tt);
    r.g = add(yy, xx);
    r.h = subtract(zz, d_tt);
    r.eg = mul(r.e, r.g);
    r.fh = mul(r.f, r.h);
    return r;
}

// The encoding of 2P given 1/(efgh). Where RFC 9496 section 4.3.2 takes a square root, the point being a double
// gives it: rotating by the torsion point and the sign choices (its steps 5 to 8) are the two checks below.
Field compress(const Doubled &p, const Field &inverse) {
    const Field z_inverse = mul(p.eg, inverse);
    const Field t_inverse = mul(p.fh, inverse);

    const uint64_t rotate = is_negative(mul(p.eg, z_inverse));
    const Field e = select(p.e, p.g, rotate);
    Field g = select(p.g, negate(p.e), rotate);
    const Field h = select(p.h, mul(p.f, SQRT_M1), rotate);
    const Field magic = select(INVSQRT_A_MINUS_D, SQRT_M1, rotate);

    g = negate_if(g, is_negative(mul(mul(h, e), z_inverse)));
    const Field s = mul(subtract_wide(h, g), mul(magic, mul(g, t_inverse)));
    return absolute(s);
}

}  // namespace

uint64_t decode(Point &element, const uint8_t bytes[ELEMENT_BYTES]) {
    // Step 1 and 2
    if (!is_canonical_vartime(bytes)) return 0;
    const Field s = field_from_bytes(bytes);
    // Step 3
    const Field ss = square(s);
    const Field u1 = subtract(FIELD_ONE, ss);
    const Field u2 = add(FIELD_ONE, ss);
    const Field u2_squared = square(u2);
    const Field v = subtract(negate(mul(EDWARDS_D, square(u1))), u2_squared);

    Field inverse_root;
    const uint64_t was_square = sqrt_ratio_m1(inverse_root, FIELD_ONE, mul(v, u2_squared));
    const Field den_x = mul(inverse_root, u2);
    const Field den_y = mul(mul(inverse_root, den_x), v);
    element.X = mul(absolute(mul(add(s, s), den_x)), FIELD_ONE);
    element.Y = mul(u1, den_y);
    element.Z = FIELD_ONE;
    element.T = mul(element.X, element.Y);
    // Step 4
    return was_square & (1 ^ is_negative(element.T)) & (1 ^ is_zero(element.Y));
}

void encode(uint8_t bytes[ELEMENT_BYTES], const Point &p) {
    const Field u1 = mul(add(p.Z, p.Y), subtract(p.Z, p.Y));
    const Field u2 = mul(p.X, p.Y);
    Field inverse_root;
    sqrt_ratio_m1(inverse_root, FIELD_ONE, mul(u1, square(u2)));
    const Field den1 = mul(inverse_root, u1);
    const Field den2 = mul(inverse_root, u2);
    const Field z_inverse = mul(mul(den1, den2), p.T);

    const Field ix = mul(p.X, SQRT_M1);
    const Field iy = mul(p.Y, SQRT_M1);
    const Field enchanted_denominator = mul(den1, INVSQRT_A_MINUS_D);
    const uint64_t rotate = is_negative(mul(p.T, z_inverse));
    const Field x = select(p.X, iy, rotate);
    const Field y = negate_if(select(p.Y, ix, rotate), is_negative(mul(x, z_inverse)));
    const Field den_inverse = select(den2, enchanted_denominator, rotate);
    field_to_bytes(bytes, absolute(mul(den_inverse, subtract_wide(p.Z, y))));
}

Point one_way_map(const uint8_t bytes[64]) {
    return add(map(field_from_bytes(bytes)), map(field_from_bytes(bytes + 32)));
}

uint64_t is_identity(const Point &element) {
    // The four representatives of the identity are the points with x = 0 or y = 0 (RFC 9496 section 4.3.3).
    return is_zero(element.X) | is_zero(element.Y);
}

void double_and_encode(uint8_t *bytes, const Point *elements, size_t count) {
    Doubled points[ENCODE_BATCH];
    Field before[ENCODE_BATCH];  // the product of efgh of all points in front
    uint64_t vanished[ENCODE_BATCH];
    Field product = FIELD_ONE;
    for (size_t i = 0; i < count; i++) {
        points[i] = doubled(elements[i]);
        Field efgh = mul(points[i].eg, points[i].fh);
        // 2P is the identity: its factor must not make the whole product zero.
        vanished[i] = is_zero(efgh);
        efgh = select(efgh, FIELD_ONE, vanished[i]);
        before[i] = product;
        product = mul(product, efgh);
    }
    Field inverse = invert(product);
    for (size_t i = count; i-- > 0;) {
        const Doubled &p = points[i];
        const Field efgh = select(mul(p.eg, p.fh), FIELD_ONE, vanished[i]);
        const Field s = compress(p, mul(inverse, before[i]));
        inverse = mul(inverse, efgh);
        field_to_bytes(bytes + i * ELEMENT_BYTES, select(s, FIELD_ZERO, vanished[i]));
    }
}

}  // namespace assent
