// The field GF(p), p = 2^255 - 19, eight elements at once: one element a lane, in radix 2^52.
//
//   Field    five limbs, v[4] < 2^47 + 2^11. Of v[0] to v[3] only the low 52 bits count: IFMA reads no more, so what a
//            carry leaves above them is never cleared.
//   Wide     the ten columns of a product before anything is folded; column k has weight 2^(52 k).
//   Columns  five columns < 2^58, every bit counts.
//
// Why nothing overflows. A product column sums at most 9 terms below 2^52, so w[k] < 2^56, or 2^57 on
// top of BIAS. Folding uses 2^260 = 608 mod p: what is above 52 bits of a high column moves up first, the rest is
// multiplied by 608. With v[4] < 2^47 + 2^11 the top column is below 2^42 + 2^17, 608 times it below 2^52, and nothing
// leaves at the top.
// Folded columns are below 10 * 2^52 + 2^11; BIAS, a multiple of p, exceeds them in every column, so BIAS + a - b is
// never negative. A carry takes what is above 2^255 first, 19-fold to the bottom, and then ripples upwards: exact,
// whatever the columns, and it ends in a limb with room for it.
// All functions take the same time for all values.
#pragma once

#include "interleave.h"
#include "vector.h"

namespace assent::ifma {
namespace {

struct Field {
    U64x8 v[5];
};

struct Wide {
    U64x8 w[10];
};

struct Columns {
    U64x8 c[5];
};

struct Constant {
    uint64_t v[5];
};

constexpr uint64_t MASK_52 = (uint64_t(1) << 52) - 1;
constexpr uint64_t MASK_47 = (uint64_t(1) << 47) - 1;

constexpr Constant ZERO = {{0, 0, 0, 0, 0}};
constexpr Constant ONE = {{1, 0, 0, 0, 0}};

// 2^9 p, spread so that every column is about 2^56.
constexpr Constant BIAS = {{(uint64_t(1) << 56) - 9728, (uint64_t(1) << 56) - 16, (uint64_t(1) << 56) - 16,
                            (uint64_t(1) << 56) - 16, (uint64_t(1) << 56) - 16}};

constexpr uint64_t FOLDED = 10 * (uint64_t(1) << 52) + (1 << 11);  // above every column of a product that is folded
static_assert(BIAS.v[0] >= FOLDED && BIAS.v[1] >= FOLDED && BIAS.v[2] >= FOLDED && BIAS.v[3] >= FOLDED &&
              BIAS.v[4] >= FOLDED);

// RFC 9496 section 4.1, in limbs.
constexpr Constant EDWARDS_D = {
    {0xb4dca135978a3, 0x4d4141d8ab75e, 0x779e89800700a, 0xfe738cc740797, 0x052036cee2b6f}};
constexpr Constant EDWARDS_2D = {
    {0x69b9426b2f159, 0x9a8283b156ebd, 0xef3d13000e014, 0xfce7198e80f2e, 0x02406d9dc56df}};
constexpr Constant SQRT_M1 = {
    {0xe1b274a0ea0b0, 0x06ad2fe478c4e, 0xdfbd7a72f4318, 0xdf0b2b4d00993, 0x02b8324804fc1}};
constexpr Constant SQRT_AD_MINUS_ONE = {
    {0x7f6a0497b2e1b, 0x0c1b7854bd7e9, 0x1f5d1fdaf9d8e, 0x48ac0f3cfcc93, 0x0376931bf2b83}};
constexpr Constant INVSQRT_A_MINUS_D = {
    {0x8fdaa805d40ea, 0x175a4172be99c, 0xe01d8409d2f16, 0xfca216c27b91f, 0x0786c8905cfaf}};
constexpr Constant ONE_MINUS_D_SQ = {
    {0xc09c1945fc176, 0x38cd5e350fe27, 0xe70dfe42c81a1, 0xe0d79994abddb, 0x0029072a8b2b3}};
constexpr Constant D_MINUS_ONE_SQ = {
    {0xd5aaa44ed4d20, 0x2cb01e199931a, 0x29b4eebd29e4a, 0x22414cdcd32f5, 0x05968b37af66c}};

[[gnu::always_inline]] inline Field field(const Constant &a) {
    return {{broadcast(a.v[0]), broadcast(a.v[1]), broadcast(a.v[2]), broadcast(a.v[3]), broadcast(a.v[4])}};
}

// Where a product starts from: zero, or BIAS for one that something is subtracted from.
[[gnu::always_inline]] inline Wide wide(const Constant &start) {
    Wide r;
    for (int k = 0; k < 5; k++) r.w[k] = broadcast(start.v[k]);
    for (int k = 5; k < 10; k++) r.w[k] = _mm512_setzero_si512();
    return r;
}

// The same where a square starts from, whose columns 1 to 6 are doubled on the way.
[[gnu::always_inline]] inline Wide wide_for_square(const Constant &start) {
    return wide({{start.v[0], start.v[1] / 2, start.v[2] / 2, start.v[3] / 2, start.v[4] / 2}});
}

// ---- jobs (interleave.h) ------------------------------------------------------------------------------------------

// w += a * b, row by row; a's limbs are needed one after the other, b's all at once.
struct Multiply {
    Wide &w;
    const Field &a, &b;
    static constexpr int STEPS = 50;

    template <int I>
    [[gnu::always_inline]] inline void step() {
        constexpr int i = I / 10, j = I % 5;
        if constexpr (I % 10 < 5) {
            w.w[i + j] = add_low(w.w[i + j], a.v[i], b.v[j]);
        } else {
            w.w[i + j + 1] = add_high(w.w[i + j + 1], a.v[i], b.v[j]);
        }
    }
};

// w becomes the square of a plus what w was, columns 1 to 6 of that doubled. Products of two different limbs count
// twice: those of the four lower limbs are doubled as columns, the top limb has room to be doubled itself.
struct Square {
    Wide &w;
    const Field &a;
    static constexpr int STEPS = 37;

    template <int I>
    [[gnu::always_inline]] inline void step() {
        constexpr int I_OF[6] = {0, 0, 0, 1, 1, 2}, J_OF[6] = {1, 2, 3, 2, 3, 3};
        if constexpr (I < 12) {
            // (0, 1) (0, 2) (0, 3), low then high; (1, 2) (1, 3); (2, 3)
            constexpr int row = I < 6 ? 0 : I < 10 ? 6 : 10, length = I < 6 ? 3 : I < 10 ? 2 : 1;
            constexpr int pair = (row == 0 ? 0 : row == 6 ? 3 : 5) + (I - row) % length;
            term<(I - row) / length>(I_OF[pair] + J_OF[pair], a.v[I_OF[pair]], a.v[J_OF[pair]]);
        } else if constexpr (I < 18) {
            constexpr int k = I - 11;
            w.w[k] = add(w.w[k], w.w[k]);
        } else if constexpr (I == 18) {
            twice_top_ = add(a.v[4], a.v[4]);
        } else if constexpr (I < 27) {
            constexpr int i = (I - 19) % 4;
            term<(I - 19) / 4>(i + 4, a.v[i], twice_top_);
        } else {
            constexpr int i = (I - 27) / 2;
            term<(I - 27) % 2>(2 * i, a.v[i], a.v[i]);
        }
    }

    // The low or the high half of a product whose weight is that of column k.
    template <int HIGH>
    [[gnu::always_inline]] inline void term(int k, U64x8 x, U64x8 y) {
        w.w[k + HIGH] = HIGH ? add_high(w.w[k + HIGH], x, y) : add_low(w.w[k], x, y);
    }

    U64x8 twice_top_ = {};
};

// c = w mod p; changes w. Column k > 4 moves what is above 52 bits to column k + 1 and then falls, 608-fold, to
// columns k - 5 and, with its upper half, k - 4.
struct Fold {
    Wide &w;
    Columns &c;
    static constexpr int STEPS = 17;

    template <int I>
    [[gnu::always_inline]] inline void step() {
        const U64x8 factor = broadcast(608);
        if constexpr (I < 16) {
            constexpr int k = 5 + I / 4;
            if constexpr (I % 4 == 0) above_ = right<52>(w.w[k]);
            if constexpr (I % 4 == 1) w.w[k + 1] = add(w.w[k + 1], above_);
            if constexpr (I % 4 == 2) w.w[k - 4] = add_high(w.w[k - 4], w.w[k], factor);
            if constexpr (I % 4 == 3) c.c[k - 5] = add_low(w.w[k - 5], w.w[k], factor);
        } else {
            c.c[4] = add_low(w.w[4], w.w[9], factor);
        }
    }

    U64x8 above_ = {};
};

// f = c; changes c.
struct Carry {
    Columns &c;
    Field &f;
    static constexpr int STEPS = 11;

    template <int I>
    [[gnu::always_inline]] inline void step() {
        if constexpr (I == 0) above_ = right<47>(c.c[4]);
        if constexpr (I == 1) c.c[0] = add_low(c.c[0], above_, broadcast(19));
        if constexpr (I == 2) c.c[4] = both(c.c[4], broadcast(MASK_47));
        if constexpr (I >= 3) {
            constexpr int k = (I - 3) / 2;
            if constexpr (I % 2 == 1) {
                above_ = right<52>(c.c[k]);
                f.v[k] = c.c[k];
            } else {
                c.c[k + 1] = add(c.c[k + 1], above_);
                if constexpr (k == 3) f.v[4] = c.c[4];
            }
        }
    }

    U64x8 above_ = {};
};

// r = a + b
struct Add {
    Columns &r;
    const Columns &a, &b;
    static constexpr int STEPS = 5;

    template <int I>
    [[gnu::always_inline]] inline void step() {
        r.c[I] = add(a.c[I], b.c[I]);
    }
};

// r = a - b, where a holds a bias above b
struct Subtract {
    Columns &r;
    const Columns &a, &b;
    static constexpr int STEPS = 5;

    template <int I>
    [[gnu::always_inline]] inline void step() {
        r.c[I] = subtract(a.c[I], b.c[I]);
    }
};

// Exchanges a and b in the lanes of the mask.
struct Exchange {
    U64x8 (&a)[5], (&b)[5];
    Mask mask;
    static constexpr int STEPS = 10;

    template <int I>
    [[gnu::always_inline]] inline void step() {
        constexpr int k = I / 2;
        if constexpr (I % 2 == 0) {
            kept_ = a[k];
            a[k] = select(a[k], b[k], mask);
        } else {
            b[k] = select(b[k], kept_, mask);
        }
    }

    U64x8 kept_ = {};
};

// ---- one operation after the other: where no second stream is at hand ---------------------------------------------

[[gnu::always_inline]] inline Field carry(Columns c) {
    Field f;
    run(Carry{c, f});
    return f;
}

[[gnu::always_inline]] inline Field reduce(Wide w) {
    Columns c;
    run(Fold{w, c});
    return carry(c);
}

[[gnu::always_inline]] inline Columns columns(const Constant &a) {
    return {{broadcast(a.v[0]), broadcast(a.v[1]), broadcast(a.v[2]), broadcast(a.v[3]), broadcast(a.v[4])}};
}

// a with every bit counting.
[[gnu::always_inline]] inline Columns columns(const Field &a) {
    const U64x8 mask = broadcast(MASK_52);
    return {{both(a.v[0], mask), both(a.v[1], mask), both(a.v[2], mask), both(a.v[3], mask), a.v[4]}};
}

[[gnu::noinline]] Field mul(const Field &a, const Field &b) {
    Wide w = wide(ZERO);
    run(Multiply{w, a, b});
    return reduce(w);
}

[[gnu::noinline]] Field square(const Field &a) {
    Wide w = wide(ZERO);
    run(Square{w, a});
    return reduce(w);
}

[[gnu::noinline]] Field add(const Field &a, const Field &b) {
    Columns r;
    run(Add{r, columns(a), columns(b)});
    return carry(r);
}

[[gnu::noinline]] Field subtract(const Field &a, const Field &b) {
    Columns r;
    run(Add{r, columns(a), columns(BIAS)});
    run(Subtract{r, r, columns(b)});
    return carry(r);
}

inline Field negate(const Field &a) { return subtract(field(ZERO), a); }

// a where the bit is 0, b where it is 1.
[[gnu::always_inline]] inline Field select(const Field &a, const Field &b, Mask mask) {
    Field r;
    for (int i = 0; i < 5; i++) r.v[i] = select(a.v[i], b.v[i], mask);
    return r;
}

// The residue below p, every bit counting.
[[gnu::noinline]] Columns canonical(const Field &a) {
    Columns r = columns(a);
    // a < 2^255 + 2^219. q = 1 when a >= p, that is when a + 19 reaches 2^255.
    U64x8 q = right<52>(add(r.c[0], broadcast(19)));
    for (int i = 1; i < 4; i++) q = right<52>(add(r.c[i], q));
    q = right<47>(add(r.c[4], q));
    r.c[0] = add_low(r.c[0], q, broadcast(19));
    for (int i = 0; i < 4; i++) {
        r.c[i + 1] = add(r.c[i + 1], right<52>(r.c[i]));
        r.c[i] = both(r.c[i], broadcast(MASK_52));
    }
    r.c[4] = both(r.c[4], broadcast(MASK_47));
    return r;
}

// The lanes where a = 0 mod p.
inline Mask is_zero(const Field &a) {
    const Columns r = canonical(a);
    const U64x8 any = either(either(either(r.c[0], r.c[1]), either(r.c[2], r.c[3])), r.c[4]);
    return none_of(any, any);
}

// IS_NEGATIVE of RFC 9496 section 3.1.
inline Mask is_negative(const Field &a) { return Mask(~none_of(canonical(a).c[0], broadcast(1))); }

inline Mask equal(const Field &a, const Field &b) { return is_zero(subtract(a, b)); }

inline Field negate_if(const Field &a, Mask mask) { return select(a, negate(a), mask); }

// CT_ABS of RFC 9496 section 3.1.
inline Field absolute(const Field &a) { return negate_if(a, is_negative(a)); }

// ---- bytes ---------------------------------------------------------------------------------------------------------

// Eight rows of four 64-bit words, word by word.
struct Words {
    U64x8 w[4];
};

// The 255 low bits.
inline Field field_from_words(const Words &a) {
    const U64x8 mask = broadcast(MASK_52);
    return {{both(a.w[0], mask), both(either(right<52>(a.w[0]), left<12>(a.w[1])), mask),
             both(either(right<40>(a.w[1]), left<24>(a.w[2])), mask),
             both(either(right<28>(a.w[2]), left<36>(a.w[3])), mask), both(right<16>(a.w[3]), broadcast(MASK_47))}};
}

// The one canonical encoding.
inline Words words_from_field(const Field &a) {
    const Columns r = canonical(a);
    return {{either(r.c[0], left<52>(r.c[1])), either(right<12>(r.c[1]), left<40>(r.c[2])),
             either(right<24>(r.c[2]), left<28>(r.c[3])), either(right<36>(r.c[3]), left<16>(r.c[4]))}};
}

}  // namespace
}  // namespace assent::ifma
