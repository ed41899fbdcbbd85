#include "edwards.h"

#include "secret.h"

namespace assent {

namespace {

// A point as the right-hand side of an addition: Y + X, Y - X, 2Z, 2dT.
struct Cached {
    Field y_plus_x, y_minus_x, z2, t2d;
};

constexpr int TABLE_SIZE = 8;  // 1, 3, 5, ... 15 times the base

Cached cache(const Point &p) {
    return {add(p.Y, p.X), subtract(p.Y, p.X), add(p.Z, p.Z), mul(p.T, EDWARDS_2D)};
}

// Products that both doubling and addition end with: X = EF, Y = GH, Z = FG and, when asked, T = EH.
template <bool with_t>
inline void complete(Point &r, const Field &e, const Field &f, const Field &g, const Field &h) {
    r.X = mul(e, f);
    r.Y = mul(g, h);
    r.Z = mul(f, g);
    if (with_t) r.T = mul(e, h);
}

// Hisil et al. section 3.3 with a = -1 and both F and H negated, which leaves the projective point as it is.
template <bool with_t>
inline void twice(Point &r) {
    const Field a = square(r.X), b = square(r.Y), c = square(r.Z);
    const Field h = add(a, b);
    const Field e = subtract_wide(square(add(r.X, r.Y)), h);
    const Field g = subtract(b, a);
    const Field f = subtract_wide(add(c, c), g);
    complete<with_t>(r, e, f, g, h);
}

// Hisil et al. section 3.1, a = -1.
template <bool with_t>
inline void plus(Point &r, const Cached &q) {
    const Field a = mul(subtract(r.Y, r.X), q.y_minus_x);
    const Field b = mul(add(r.Y, r.X), q.y_plus_x);
    const Field c = mul(r.T, q.t2d);
    const Field d = mul(r.Z, q.z2);
    complete<with_t>(r, subtract(b, a), subtract(d, c), add(d, c), add(b, a));
}

// digit * base for an odd digit in -15..15; reads every entry whatever the digit is.
Cached choose(const Cached table[TABLE_SIZE], int8_t digit) {
    const uint64_t negative = uint64_t(uint8_t(digit)) >> 7;
    const uint64_t sign = uint64_t(0) - negative;
    const uint64_t magnitude = (uint64_t(int64_t(digit)) ^ sign) + negative;
    const uint64_t index = magnitude >> 1;
    Cached r = table[0];
    for (uint64_t i = 1; i < TABLE_SIZE; i++) {
        const uint64_t mask = mask_of(is_zero(i ^ index));
        const Cached &entry = table[i];
        for (int j = 0; j < 5; j++) {
            r.y_plus_x.v[j] ^= mask & (r.y_plus_x.v[j] ^ entry.y_plus_x.v[j]);
            r.y_minus_x.v[j] ^= mask & (r.y_minus_x.v[j] ^ entry.y_minus_x.v[j]);
            r.z2.v[j] ^= mask & (r.z2.v[j] ^ entry.z2.v[j]);
            r.t2d.v[j] ^= mask & (r.t2d.v[j] ^ entry.t2d.v[j]);
        }
    }
    // -P swaps Y + X with Y - X and negates T.
    const Field y_plus_x = select(r.y_plus_x, r.y_minus_x, negative);
    r.y_minus_x = select(r.y_minus_x, r.y_plus_x, negative);
    r.y_plus_x = y_plus_x;
    r.t2d = negate_if(r.t2d, negative);
    return r;
}

}  // namespace

Point add(const Point &p, const Point &q) {
    Point r = p;
    plus<true>(r, cache(q));
    return r;
}

Point multiply(const Point &p, const Digits &digits) {
    Cached table[TABLE_SIZE];
    table[0] = cache(p);
    Point r = p;
    twice<true>(r);
    const Cached p2 = cache(r);
    r = p;
    for (int i = 1; i < TABLE_SIZE; i++) {
        plus<true>(r, p2);
        table[i] = cache(r);
    }

    // The first digit is positive; 2X, 2Y and 2Z stand in its cached form, and a doubling needs no T.
    Cached chosen = choose(table, digits.d[63]);
    r.X = mul(subtract_wide(chosen.y_plus_x, chosen.y_minus_x), FIELD_ONE);
    r.Y = mul(add(chosen.y_plus_x, chosen.y_minus_x), FIELD_ONE);
    r.Z = mul(chosen.z2, FIELD_ONE);
    for (int i = 62; i >= 0; i--) {
        for (int j = 0; j < 3; j++) twice<false>(r);
        twice<true>(r);
        chosen = choose(table, digits.d[i]);
        if (i > 0) {
            plus<false>(r, chosen);
        } else {
            plus<true>(r, chosen);
        }
    }
    wipe(&chosen, sizeof chosen);
    return r;
}

}  // namespace assent
