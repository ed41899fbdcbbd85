// Eight 64-bit lanes: the operations of AVX-512 F and IFMA that the field is made of.
//
// `asm volatile` keeps them in textual order (see interleave.h). Operands of a selection are always registers: none may
// become a masked access to memory, which treats the lanes that it does not take otherwise.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace assent::ifma {
namespace {

using U64x8 = __m512i;
using Mask = __mmask8;  // one bit a lane

[[gnu::always_inline]] inline U64x8 broadcast(uint64_t a) { return _mm512_set1_epi64(int64_t(a)); }

// The vector `OFFSET` bytes behind base. Left to itself, the compiler copies the table to the stack; the memory operand
// only tells it what is read.
template <int OFFSET, class T>
[[gnu::always_inline]] inline U64x8 load(const T *base) {
    U64x8 r;
    __asm__ volatile("vmovdqa64 %c2(%1), %0"
                     : "=v"(r)
                     : "r"(base), "i"(OFFSET), "m"(*reinterpret_cast<const char(*)[]>(base)));
    return r;
}

// c + the low 52 bits of a * b, where a and b are read modulo 2^52; add_high: the 52 bits above those.
[[gnu::always_inline]] inline U64x8 add_low(U64x8 c, U64x8 a, U64x8 b) {
    __asm__ volatile("vpmadd52luq %2, %1, %0" : "+v"(c) : "v"(a), "vm"(b));
    return c;
}

[[gnu::always_inline]] inline U64x8 add_high(U64x8 c, U64x8 a, U64x8 b) {
    __asm__ volatile("vpmadd52huq %2, %1, %0" : "+v"(c) : "v"(a), "vm"(b));
    return c;
}

[[gnu::always_inline]] inline U64x8 add(U64x8 a, U64x8 b) {
    U64x8 r;
    __asm__ volatile("vpaddq %2, %1, %0" : "=v"(r) : "v"(a), "vm"(b));
    return r;
}

[[gnu::always_inline]] inline U64x8 subtract(U64x8 a, U64x8 b) {
    U64x8 r;
    __asm__ volatile("vpsubq %2, %1, %0" : "=v"(r) : "v"(a), "vm"(b));
    return r;
}

[[gnu::always_inline]] inline U64x8 both(U64x8 a, U64x8 b) {
    U64x8 r;
    __asm__ volatile("vpandq %2, %1, %0" : "=v"(r) : "v"(a), "v"(b));
    return r;
}

[[gnu::always_inline]] inline U64x8 either(U64x8 a, U64x8 b) {
    U64x8 r;
    __asm__ volatile("vporq %2, %1, %0" : "=v"(r) : "v"(a), "v"(b));
    return r;
}

template <int BITS>
[[gnu::always_inline]] inline U64x8 right(U64x8 a) {
    U64x8 r;
    __asm__ volatile("vpsrlq %2, %1, %0" : "=v"(r) : "v"(a), "i"(BITS));
    return r;
}

template <int BITS>
[[gnu::always_inline]] inline U64x8 left(U64x8 a) {
    U64x8 r;
    __asm__ volatile("vpsllq %2, %1, %0" : "=v"(r) : "v"(a), "i"(BITS));
    return r;
}

// Lane by lane: a where the bit is 0, b where it is 1.
[[gnu::always_inline]] inline U64x8 select(U64x8 a, U64x8 b, Mask mask) {
    U64x8 r;
    __asm__ volatile("vpblendmq %2, %1, %0 %{%3%}" : "=v"(r) : "v"(a), "v"(b), "Yk"(mask));
    return r;
}

// The lanes where a & b is zero.
[[gnu::always_inline]] inline Mask none_of(U64x8 a, U64x8 b) { return _mm512_testn_epi64_mask(a, b); }

}  // namespace
}  // namespace assent::ifma
