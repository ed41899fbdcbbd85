// The field and the fused formulas laid open, so that tests can give them limbs that no random point will ever have.
#pragma once

#include "edwards.h"

namespace assent::ifma {
namespace {

inline Wide product(const Constant &start, const Field &a, const Field &b) {
    Wide r = wide(start);
    run(Multiply{r, a, b});
    return r;
}

inline Field flags(Mask a, Mask b, Mask c) {
    const Field zero = field(ZERO), one = field(ONE);
    return {{select(zero.v[0], one.v[0], a), select(zero.v[0], one.v[0], b), select(zero.v[0], one.v[0], c), zero.v[0],
             zero.v[0]}};
}

// Coordinate 0 to 2 of 2 (X, Y, Z) for X = Z = a, Y = b.
[[gnu::noinline]] Field probe_twice(uint32_t coordinate, const Field &a, const Field &b) {
    const Table table = {};
    Field chosen;
    Running r = {unfolded(a), b, a};
    twice(r, Choose{chosen, &table.entries[0].y_plus_x, choice(1)});
    return coordinate == 0 ? reduce(r.x) : coordinate == 1 ? r.Y : r.Z;
}

// Coordinate 0 to 3 of the same with T, as it is handed to an addition.
[[gnu::noinline]] Field probe_twice_to_add(uint32_t coordinate, const Field &a, const Field &b) {
    const Table table = {};
    Field chosen;
    Running r = {unfolded(a), b, a};
    const Summand s = twice_to_add(r, Choose{chosen, &table.entries[0].y_plus_x, choice(1)});
    return coordinate == 0 ? reduce(s.x) : coordinate == 1 ? carry(s.y) : coordinate == 2 ? s.Z : s.T;
}

// Coordinate 0 to 3 of (a^2, b^2, a, b) plus q, in odd lanes minus q, for q = (y + x = a, y - x = b, 2z = a, 2dt = b).
[[gnu::noinline]] Field probe_plus(uint32_t coordinate, const Field &a, const Field &b) {
    Summand p = {product(ZERO, a, a), {}, a, b};
    Wide y = product(BIAS, b, b);
    run(Fold{y, p.y});
    Cached q = {a, b, a, b};
    Field T;
    const Running r = plus(p, q, 0xaa, &T);
    return coordinate == 0 ? reduce(r.x) : coordinate == 1 ? r.Y : coordinate == 2 ? r.Z : T;
}

// y + x, y - x, 2z, 2dt and then z, t of p + q for p = (y + x = a, y - x = b, z = a, t = b) and the same q.
[[gnu::noinline]] Field probe_add_cached(uint32_t coordinate, const Field &a, const Field &b) {
    const Cached q = {a, b, a, b};
    Cached r;
    Field Z = a, T = b;
    add_cached(r, Z, T, q, q);
    const Field results[6] = {r.y_plus_x, r.y_minus_x, r.z2, r.t2d, Z, T};
    return results[coordinate % 6];
}

// The operations that batch.h lists.
inline Field probe(uint32_t operation, const Field &a, const Field &b) {
    const Columns c = {{a.v[0], a.v[1], a.v[2], a.v[3], a.v[4]}}, d = {{b.v[0], b.v[1], b.v[2], b.v[3], b.v[4]}};
    switch (operation) {
        case 0:
            return mul(a, b);
        case 1:
            return square(a);
        case 2:
            return carry(c);
        case 3: {
            Columns difference;
            run(Subtract{difference, c, d});
            return carry(difference);
        }
        case 4:
            return subtract(a, b);
        case 5: {
            const Columns r = canonical(a);
            return {{r.c[0], r.c[1], r.c[2], r.c[3], r.c[4]}};
        }
        case 6:
            return flags(is_zero(a), is_negative(a), equal(a, b));
    }
    if (operation < 20) return probe_twice(operation - 10, a, b);
    if (operation < 30) return probe_twice_to_add(operation - 20, a, b);
    if (operation < 40) return probe_plus(operation - 30, a, b);
    return probe_add_cached(operation - 40, a, b);
}

}  // namespace
}  // namespace assent::ifma
