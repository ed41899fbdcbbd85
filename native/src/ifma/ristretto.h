// ristretto255 of RFC 9496 on vectors of eight elements; ../ristretto.h says what each operation is.
#pragma once

#include "edwards.h"
#include "powers.h"

namespace assent::ifma {
namespace {

// Decodes N vectors (RFC 9496 section 4.3.1) and returns the lanes that hold the one encoding of an element.
template <int N>
void decode(Mask accepted[N], Point points[N], const Words encodings[N]) {
    const Field one = field(ONE);
    Field s[N], u1[N], u2[N], v[N], v_u2_squared[N], inverse_root[N], ones[N];
    Mask was_square[N];
    for (int n = 0; n < N; n++) {
        // Step 1 and 2: s is below p and not negative when it encodes to the very same bytes, the lowest bit clear.
        s[n] = field_from_words(encodings[n]);
        const Words canonical_words = words_from_field(s[n]);
        U64x8 difference = both(encodings[n].w[0], broadcast(1));
        for (int i = 0; i < 4; i++) {
            difference = either(difference, _mm512_xor_si512(canonical_words.w[i], encodings[n].w[i]));
        }
        accepted[n] = none_of(difference, difference);
        // Step 3
        const Field ss = square(s[n]);
        u1[n] = subtract(one, ss);
        u2[n] = add(one, ss);
        const Field u2_squared = square(u2[n]);
        v[n] = subtract(negate(mul(field(EDWARDS_D), square(u1[n]))), u2_squared);
        v_u2_squared[n] = mul(v[n], u2_squared);
        ones[n] = one;
    }
    sqrt_ratio_m1<N>(was_square, inverse_root, ones, v_u2_squared);
    for (int n = 0; n < N; n++) {
        const Field den_x = mul(inverse_root[n], u2[n]);
        const Field den_y = mul(mul(inverse_root[n], den_x), v[n]);
        Point &p = points[n];
        p.X = absolute(mul(add(s[n], s[n]), den_x));
        p.Y = mul(u1[n], den_y);
        p.Z = one;
        p.T = mul(p.X, p.Y);
        // Step 4
        accepted[n] &= Mask(was_square[n] & ~is_negative(p.T) & ~is_zero(p.Y));
    }
}

// RFC 9496 section 4.3.2 for N vectors.
template <int N>
void encode(Words encodings[N], const Point points[N]) {
    Field u1[N], u2[N], u1_u2_squared[N], inverse_root[N], ones[N];
    Mask was_square[N];
    for (int n = 0; n < N; n++) {
        const Point &p = points[n];
        u1[n] = mul(add(p.Z, p.Y), subtract(p.Z, p.Y));
        u2[n] = mul(p.X, p.Y);
        u1_u2_squared[n] = mul(u1[n], square(u2[n]));
        ones[n] = field(ONE);
    }
    sqrt_ratio_m1<N>(was_square, inverse_root, ones, u1_u2_squared);
    for (int n = 0; n < N; n++) {
        const Point &p = points[n];
        const Field den1 = mul(inverse_root[n], u1[n]);
        const Field den2 = mul(inverse_root[n], u2[n]);
        const Field z_inverse = mul(mul(den1, den2), p.T);
        const Field ix = mul(p.X, field(SQRT_M1));
        const Field iy = mul(p.Y, field(SQRT_M1));
        const Field enchanted_denominator = mul(den1, field(INVSQRT_A_MINUS_D));
        const Mask rotate = is_negative(mul(p.T, z_inverse));
        const Field x = select(p.X, iy, rotate);
        const Field y = negate_if(select(p.Y, ix, rotate), is_negative(mul(x, z_inverse)));
        const Field den_inverse = select(den2, enchanted_denominator, rotate);
        encodings[n] = words_from_field(absolute(mul(den_inverse, subtract(p.Z, y))));
    }
}

// MAP of RFC 9496 section 4.3.4 for N vectors; the same time for all inputs.
template <int N>
void map(Point points[N], const Field t[N]) {
    const Field one = field(ONE), minus_one = negate(one);
    Field r[N], u[N], v[N], root[N];
    Mask was_square[N];
    for (int n = 0; n < N; n++) {
        r[n] = mul(field(SQRT_M1), square(t[n]));
        u[n] = mul(add(r[n], one), field(ONE_MINUS_D_SQ));
        v[n] = mul(subtract(minus_one, mul(r[n], field(EDWARDS_D))), add(r[n], field(EDWARDS_D)));
    }
    sqrt_ratio_m1<N>(was_square, root, u, v);
    for (int n = 0; n < N; n++) {
        const Field s_prime = negate(absolute(mul(root[n], t[n])));
        const Field s = select(s_prime, root[n], was_square[n]);
        const Field c = select(r[n], minus_one, was_square[n]);
        const Field numerator = subtract(mul(mul(c, subtract(r[n], one)), field(D_MINUS_ONE_SQ)), v[n]);
        const Field s_squared = square(s);
        const Field w0 = mul(add(s, s), v[n]);
        const Field w1 = mul(numerator, field(SQRT_AD_MINUS_ONE));
        const Field w2 = subtract(one, s_squared);
        const Field w3 = add(one, s_squared);
        points[n] = {mul(w0, w3), mul(w2, w1), mul(w1, w3), mul(w0, w2)};
    }
}

// The one-way map of RFC 9496 section 4.3.4 for N vectors of 64-byte rows: first and second halves. Returns the lanes
// that became the identity, which has x = 0 or y = 0 in all of its four representatives (section 4.3.3).
template <int N>
void one_way_map(Mask identity[N], Point points[N], const Words first[N], const Words second[N]) {
    Field t[2 * N];
    Point halves[2 * N];
    const WipeAtExit<Field[2 * N]> wipe_t(t);
    const WipeAtExit<Point[2 * N]> wipe_halves(halves);
    for (int n = 0; n < N; n++) {
        t[2 * n] = field_from_words(first[n]);
        t[2 * n + 1] = field_from_words(second[n]);
    }
    map<2 * N>(halves, t);
    for (int n = 0; n < N; n++) {
        points[n] = add(halves[2 * n], cache(halves[2 * n + 1]));
        identity[n] = Mask(is_zero(points[n].X) | is_zero(points[n].Y));
    }
}

// What is left of 2P before the division: the four factors of the doubled coordinates.
struct Doubled {
    Field e, f, g, h;
};

inline Doubled doubled(const Point &p) {
    const Field xx = square(p.X), yy = square(p.Y), zz = square(p.Z);
    const Field d_tt = mul(square(p.T), field(EDWARDS_D));
    return {mul(p.X, add(p.Y, p.Y)), add(zz, d_tt), add(yy, xx), subtract(zz, d_tt)};
}

// The encoding of 2P given 1/(efgh); eg and fh are e g and f h.
inline Field compress(const Doubled &p, const Field &eg, const Field &fh, const Field &inverse) {
    const Field z_inverse = mul(eg, inverse);
    const Field t_inverse = mul(fh, inverse);

    const Mask rotate = is_negative(mul(eg, z_inverse));
    const Field e = select(p.e, p.g, rotate);
    Field g = select(p.g, negate(p.e), rotate);
    const Field h = select(p.h, mul(p.f, field(SQRT_M1)), rotate);
    const Field magic = select(field(INVSQRT_A_MINUS_D), field(SQRT_M1), rotate);

    g = negate_if(g, is_negative(mul(mul(h, e), z_inverse)));
    return absolute(mul(subtract(h, g), mul(magic, mul(g, t_inverse))));
}

// Encodes 2P for `count` vectors of points, with one inversion by Montgomery's trick, lane by lane. `before` is
// working memory for as many elements; the points are overwritten.
inline void double_and_encode(Words *encodings, Point *points, Field *before, size_t count) {
    static_assert(sizeof(Point) == sizeof(Doubled));
    const Field zero = field(ZERO), one = field(ONE);
    Field product = one;
    for (size_t i = 0; i < count; i++) {
        const Doubled p = doubled(points[i]);
        points[i] = {p.e, p.f, p.g, p.h};
        // 2P is the identity: its factor must not make the whole product zero.
        Field efgh = mul(mul(p.e, p.g), mul(p.f, p.h));
        efgh = select(efgh, one, is_zero(efgh));
        before[i] = product;
        product = mul(product, efgh);
    }
    Field inverse = invert(product);
    for (size_t i = count; i-- > 0;) {
        const Doubled p = {points[i].X, points[i].Y, points[i].Z, points[i].T};
        const Field eg = mul(p.e, p.g), fh = mul(p.f, p.h);
        const Field efgh = mul(eg, fh);
        const Mask vanished = is_zero(efgh);
        const Field s = compress(p, eg, fh, mul(inverse, before[i]));
        inverse = mul(inverse, select(efgh, one, vanished));
        encodings[i] = words_from_field(select(s, zero, vanished));
    }
}

}  // namespace
}  // namespace assent::ifma
