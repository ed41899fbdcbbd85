// Powers with large fixed exponents, several vectors at a time: inversion and square roots.
#pragma once

#include <cstddef>

#include "field.h"

namespace assent::ifma {
namespace {

// x[n] becomes x[n]^(2^times) for all n < N: while one is squared, the one before it is folded and carried.
template <int N>
[[gnu::noinline, gnu::noclone]] void square_times(Field x[N], int times) {
    if constexpr (N == 1) {
        for (int i = 0; i < times; i++) *x = square(*x);
    } else {
        Columns c = columns(x[N - 1]);
        Wide before = {{c.c[0], c.c[1], c.c[2], c.c[3], c.c[4]}};  // its columns 5 to 9 are zero
        int last = N - 1;
#pragma GCC unroll 1
        for (int i = 0; i < times * N; i++) {
            const int n = last == N - 1 ? 0 : last + 1;
            Wide now = wide(ZERO);
            interleave(Square{now, x[n]}, sequence(Fold{before, c}, Carry{c, x[last]}));
            before = now;
            last = n;
        }
        x[N - 1] = reduce(before);
    }
}

template <int N>
void multiply_all(Field r[N], const Field a[N], const Field b[N]) {
    for (int n = 0; n < N; n++) r[n] = mul(a[n], b[n]);
}

// r = r^(2^times) * a
template <int N>
void shift_in(Field r[N], int times, const Field a[N]) {
    square_times<N>(r, times);
    multiply_all<N>(r, r, a);
}

// a^(2^250 - 1), the common head of both powers below; a11 is what inversion's tail needs.
template <int N>
void power_head(Field r[N], Field a11[N], const Field a[N]) {
    Field e5[N], e10[N], e50[N], e100[N];
    const auto copy = [](Field *to, const Field *from) {
        for (int n = 0; n < N; n++) to[n] = from[n];
    };
    copy(a11, a);
    square_times<N>(a11, 1);  // 2
    copy(e5, a11);
    shift_in<N>(e5, 2, a);  // 9
    multiply_all<N>(a11, a11, e5);
    copy(r, a11);
    shift_in<N>(r, 1, e5);
    copy(e5, r);  // 2^5 - 1
    shift_in<N>(r, 5, e5);
    copy(e10, r);  // 2^10 - 1
    shift_in<N>(r, 10, e10);
    copy(e50, r);
    shift_in<N>(r, 20, e50);
    shift_in<N>(r, 10, e10);
    copy(e50, r);  // 2^50 - 1
    shift_in<N>(r, 50, e50);
    copy(e100, r);
    shift_in<N>(r, 100, e100);
    shift_in<N>(r, 50, e50);
}

// a^(p-2): 1/a, and 0 for 0.
inline Field invert(const Field &a) {
    Field r, a11;
    power_head<1>(&r, &a11, &a);
    shift_in<1>(&r, 5, &a11);  // 2^255 - 21
    return r;
}

// SQRT_RATIO_M1(u, v) of RFC 9496 section 4.2 for N vectors: was_square and the roots.
template <int N>
void sqrt_ratio_m1(Mask was_square[N], Field root[N], const Field u[N], const Field v[N]) {
    Field v3[N], uv7[N], a11[N];
    for (int n = 0; n < N; n++) {
        v3[n] = mul(square(v[n]), v[n]);
        uv7[n] = mul(u[n], mul(square(v3[n]), v[n]));
    }
    power_head<N>(root, a11, uv7);
    shift_in<N>(root, 2, uv7);  // (u v^7)^((p-5)/8) = ()^(2^252 - 3)
    for (int n = 0; n < N; n++) {
        const Field r = mul(mul(u[n], v3[n]), root[n]);
        const Field check = mul(v[n], square(r));
        const Field minus_u = negate(u[n]);
        const Mask correct_sign_sqrt = equal(check, u[n]);
        const Mask flipped_sign_sqrt = equal(check, minus_u);
        const Mask flipped_sign_sqrt_i = equal(check, mul(minus_u, field(SQRT_M1)));
        const Mask rotate = Mask(flipped_sign_sqrt | flipped_sign_sqrt_i);
        root[n] = absolute(select(r, mul(field(SQRT_M1), r), rotate));
        was_square[n] = Mask(correct_sign_sqrt | flipped_sign_sqrt);
    }
}

}  // namespace
}  // namespace assent::ifma
