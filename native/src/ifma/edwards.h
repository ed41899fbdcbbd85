// The twisted Edwards curve of ../edwards.h on eight points at once, in the same coordinates and formulas
// (Hisil, Wong, Carter, Dawson 2008, a = -1), written as a pipeline: while a product is summed, the one before it is
// folded, added to others and carried. Sums are taken on unfolded columns, so that only factors are ever carried.
#pragma once

#include "../scalar.h"
#include "../secret.h"
#include "field.h"

namespace assent::ifma {
namespace {

struct Point {
    Field X, Y, Z, T;
};

// A point as the right-hand side of an addition.
struct Cached {
    Field y_plus_x, y_minus_x, z2, t2d;
};

constexpr int COORDINATES = 4;
constexpr int TABLE_SIZE = 8;  // 1, 3, 5, ... 15 times the base

// A point between two steps of the pipeline: x is E * F, not folded yet.
struct Running {
    Wide x;
    Field Y, Z;
};

// An odd digit in -15..15, as masks over all lanes: |digit| = 1 + 2 (4 bit2 + 2 bit1 + bit0).
struct Choice {
    Mask bit0, bit1, bit2, negative;
};

inline Choice choice(int8_t digit) {
    const uint64_t sign = opaque(uint64_t(int64_t(digit) >> 63));
    const uint64_t index = ((uint64_t(int64_t(digit)) ^ sign) - sign) >> 1;
    const auto mask = [index](int bit) { return Mask(mask_of(index >> bit & 1)); };
    return {mask(0), mask(1), mask(2), Mask(sign)};
}

// One coordinate of the chosen table entry. All eight entries are read, whichever is chosen.
struct Choose {
    Field &r;
    const Field *coordinate;  // of the first entry; the next entry's is COORDINATES further
    Choice choice;
    static constexpr int STEPS = 35;

    template <int I>
    [[gnu::always_inline]] inline void step() {
        constexpr int limb = I / 7, node = I % 7;
        if constexpr (node == 0) a_ = pair<0, limb>();
        if constexpr (node == 1) b_ = pair<2, limb>();
        if constexpr (node == 2) a_ = select(a_, b_, choice.bit1);
        if constexpr (node == 3) b_ = pair<4, limb>();
        if constexpr (node == 4) c_ = pair<6, limb>();
        if constexpr (node == 5) b_ = select(b_, c_, choice.bit1);
        if constexpr (node == 6) r.v[limb] = select(a_, b_, choice.bit2);
    }

    template <int ENTRY, int LIMB>
    [[gnu::always_inline]] inline U64x8 pair() const {
        constexpr int even = (COORDINATES * ENTRY * 5 + LIMB) * int(sizeof(U64x8));
        return select(load<even>(coordinate), load<even + int(sizeof(Cached))>(coordinate), choice.bit0);
    }

    U64x8 a_ = {}, b_ = {}, c_ = {};
};

// What doubling and addition share: E, F, G, H are at hand.
struct Factors {
    Field E, F, G, H;
};

// The squares of a doubling, up to F, G, H; e is X Y, left unfolded. One coordinate of the next addition is chosen on
// the way.
//   A = X^2   B = Y^2   C = Z^2   E = 2 X Y   H = B + A   G = B - A   F = 2 C - G
[[gnu::always_inline]] inline void double_head(Wide &e, Factors &f, Running &p, Choose chosen) {
    Field X;
    Columns x, a, b, c, g, h;
    Wide aa = wide(ZERO), bb = wide_for_square(BIAS), cc = wide_for_square(BIAS);
    interleave(Square{bb, p.Y}, sequence(Fold{p.x, x}, Carry{x, X}));
    run(chosen);  // while X gets ready
    interleave(Square{aa, X}, Fold{bb, b});
    interleave(Square{cc, p.Z}, sequence(Fold{aa, a}, Subtract{g, b, a}, Add{h, b, a}, Carry{h, f.H}));
    e = wide(ZERO);
    interleave(Multiply{e, p.Y, X},
               sequence(Fold{cc, c}, Add{c, c, c}, Subtract{c, c, g}, Carry{g, f.G}, Carry{c, f.F}));
}

// p becomes 2p.
[[gnu::always_inline]] inline void twice(Running &p, Choose chosen) {
    Factors f;
    Wide e, y = wide(ZERO), z = wide(ZERO);
    Columns c;
    double_head(e, f, p, chosen);
    // Y = G H   Z = F G   X = E F
    interleave(Multiply{y, f.G, f.H}, sequence(Fold{e, c}, Add{c, c, c}, Carry{c, f.E}));
    p.x = wide(ZERO);
    interleave(Multiply{z, f.F, f.G}, sequence(Fold{y, c}, Carry{c, p.Y}));
    interleave(Multiply{p.x, f.E, f.F}, sequence(Fold{z, c}, Carry{c, p.Z}));
}

// The left-hand side of an addition. x and y are E * F and G * H, y with a bias and folded.
struct Summand {
    Wide x;
    Columns y;
    Field Z, T;
};

// 2p as a left-hand side.
[[gnu::always_inline]] inline Summand twice_to_add(Running &p, Choose chosen) {
    Summand r;
    Factors f;
    Wide e, y = wide(BIAS), z = wide(ZERO), t = wide(ZERO);
    Columns c;
    double_head(e, f, p, chosen);
    interleave(Multiply{z, f.F, f.G}, sequence(Fold{e, c}, Add{c, c, c}, Carry{c, f.E}));
    interleave(Multiply{t, f.E, f.H}, sequence(Fold{z, c}, Carry{c, r.Z}));
    interleave(Multiply{y, f.G, f.H}, sequence(Fold{t, c}, Carry{c, r.T}));
    r.x = wide(ZERO);
    interleave(Multiply{r.x, f.E, f.F}, Fold{y, r.y});
    return r;
}

// The factors of p + q and z = F * G, not folded. p is given as y + x, y - x, Z, T; `first` and
// `second` run beside the first two products and may still be making p's y + x and y - x.
//   A = (Y1 - X1)(Y2 - X2)   B = (Y1 + X1)(Y2 + X2)   C = T1 2d T2   D = Z1 2 Z2
//   E = B - A   F = D - C   G = D + C   H = B + A
// Of -q, where negative, y + x and y - x are exchanged in q already; its T is negated by exchanging F and G.
template <bool SIGNED, class First, class Second>
[[gnu::always_inline]] inline void add_head(Wide &z, Factors &f, const Field &y_plus_x, const Field &y_minus_x,
                                            const Field &Z, const Field &T, const Cached &q, Mask negative,
                                            First first, Second second) {
    Columns a, b, c, d, sum, difference;
    Wide aa = wide(ZERO), bb = wide(BIAS), cc = wide(ZERO), dd = wide(BIAS);
    interleave(Multiply{dd, Z, q.z2}, first);
    interleave(Multiply{cc, T, q.t2d}, sequence(second, Fold{dd, d}));
    const auto factors = sequence(Carry{difference, f.F}, Carry{sum, f.G});
    const auto columns = sequence(Fold{cc, c}, Subtract{difference, d, c}, Add{sum, d, c});
    if constexpr (SIGNED) {
        interleave(Multiply{aa, y_minus_x, q.y_minus_x},
                   sequence(columns, Exchange{difference.c, sum.c, negative}, factors));
    } else {
        interleave(Multiply{aa, y_minus_x, q.y_minus_x}, sequence(columns, factors));
    }
    interleave(Multiply{bb, y_plus_x, q.y_plus_x}, Fold{aa, a});
    z = wide(ZERO);
    interleave(Multiply{z, f.F, f.G}, sequence(Fold{bb, b}, Add{sum, b, a}, Subtract{difference, b, a},
                                               Carry{sum, f.H}, Carry{difference, f.E}));
}

// p + q, or p - q where negative; q's y + x and y - x are exchanged there. T is computed only when asked for.
[[gnu::always_inline]] inline Running plus(Summand &p, Cached &q, Mask negative, Field *T) {
    Running r;
    Factors f;
    Field y_plus_x, y_minus_x;
    Columns x, c, sum, difference;
    Wide y = wide(ZERO), z, t = wide(ZERO);
    add_head<true>(z, f, y_plus_x, y_minus_x, p.Z, p.T, q, negative,
                   sequence(Fold{p.x, x}, Subtract{difference, p.y, x}, Add{sum, p.y, x},
                            Carry{difference, y_minus_x}),
                   sequence(Carry{sum, y_plus_x}, Exchange{q.y_plus_x.v, q.y_minus_x.v, negative}));
    r.x = wide(ZERO);
    interleave(Multiply{y, f.G, f.H}, sequence(Fold{z, c}, Carry{c, r.Z}));
    interleave(Multiply{r.x, f.E, f.F}, sequence(Fold{y, c}, Carry{c, r.Y}));
    if (T != nullptr) {
        run(Multiply{t, f.E, f.H});
        *T = reduce(t);
    }
    return r;
}

// r = p + q as a right-hand side. Z and T are p's before and the sum's afterwards.
[[gnu::noinline]] void add_cached(Cached &r, Field &Z, Field &T, const Cached &p, const Cached &q) {
    Factors f;
    Columns x, y, c, d, sum, difference;
    Wide xx = wide(ZERO), yy = wide(BIAS), zz, tt = wide(ZERO), t2d = wide(ZERO);
    add_head<false>(zz, f, p.y_plus_x, p.y_minus_x, Z, T, q, 0, Nothing(), Nothing());
    interleave(Multiply{tt, f.E, f.H}, sequence(Fold{zz, c}, Add{d, c, c}, Carry{c, Z}, Carry{d, r.z2}));
    interleave(Multiply{yy, f.G, f.H}, sequence(Fold{tt, c}, Carry{c, T}));
    interleave(Multiply{xx, f.E, f.F}, Fold{yy, y});
    interleave(Multiply{t2d, field(EDWARDS_2D), T},
               sequence(Fold{xx, x}, Subtract{difference, y, x}, Add{sum, y, x}, Carry{difference, r.y_minus_x},
                        Carry{sum, r.y_plus_x}));
    r.t2d = reduce(t2d);
}

inline Cached cache(const Point &p) {
    return {add(p.Y, p.X), subtract(p.Y, p.X), add(p.Z, p.Z), mul(p.T, field(EDWARDS_2D))};
}

inline Wide unfolded(const Field &a) {
    const Columns c = columns(a);
    return {{c.c[0], c.c[1], c.c[2], c.c[3], c.c[4]}};  // columns 5 to 9 are zero
}

// p + q, apart from any pipeline.
[[gnu::noinline]] Point add(const Point &p, Cached q) {
    Columns biased = columns(p.Y);
    run(Add{biased, biased, columns(BIAS)});
    Summand summand = {unfolded(p.X), biased, p.Z, p.T};
    Point r;
    const Running sum = plus(summand, q, 0, &r.T);
    r.X = reduce(sum.x);
    r.Y = sum.Y;
    r.Z = sum.Z;
    return r;
}

struct Table {
    Cached entries[TABLE_SIZE];
};

// Odd multiples of p.
void tabulate(Table &table, const Point &p) {
    Cached twice_p;
    Field Z = p.Z, T = p.T;
    table.entries[0] = cache(p);
    add_cached(twice_p, Z, T, table.entries[0], table.entries[0]);
    Z = p.Z;
    T = p.T;
    for (int i = 1; i < TABLE_SIZE; i++) add_cached(table.entries[i], Z, T, table.entries[i - 1], twice_p);
}

// (digits) * p with the same operations and addresses for all digits: 252 doublings, 63 additions, every table entry
// read at each choice. The table is the caller's, to be wiped once for many points.
[[gnu::noinline]] void multiply(Point &p, const Digits &digits, Table &table) {
    tabulate(table, p);
    const Field *coordinates = &table.entries[0].y_plus_x;
    static_assert(sizeof(Cached) == COORDINATES * sizeof(Field));
    Cached chosen;
    const WipeAtExit<Cached> wipe_chosen(chosen);
    Field *chosen_coordinates = &chosen.y_plus_x;

    // The first digit is positive; 2X, 2Y and 2Z stand in its cached form.
    Choice digit = choice(digits.d[63]);
    for (int i = 0; i < 3; i++) run(Choose{chosen_coordinates[i], coordinates + i, digit});
    Running r = {unfolded(subtract(chosen.y_plus_x, chosen.y_minus_x)), add(chosen.y_plus_x, chosen.y_minus_x),
                 chosen.z2};
#pragma GCC unroll 1
    for (int i = 62; i >= 0; i--) {
        digit = choice(digits.d[i]);
#pragma GCC unroll 1
        for (int j = 0; j < 3; j++) twice(r, Choose{chosen_coordinates[j], coordinates + j, digit});
        Summand summand = twice_to_add(r, Choose{chosen.t2d, coordinates + 3, digit});
        r = plus(summand, chosen, digit.negative, i == 0 ? &p.T : nullptr);
    }
    p.X = reduce(r.x);
    p.Y = r.Y;
    p.Z = r.Z;
}

}  // namespace
}  // namespace assent::ifma
