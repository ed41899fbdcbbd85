// Vectors of 64 bytes, for the units that are compiled for AVX-512 alone. They include no header whose functions the
// rest of the module shares: the linker would keep one copy of such a function, perhaps the one with AVX-512 in it.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace assent {
namespace {

struct Vector32 {
    using Word = uint32_t;
    typedef uint32_t V __attribute__((vector_size(64)));
    static V select(V a, V indices, V b) {
        return (V)_mm512_permutex2var_epi32((__m512i)a, (__m512i)indices, (__m512i)b);
    }
};

struct Vector64 {
    using Word = uint64_t;
    typedef uint64_t V __attribute__((vector_size(64)));
    static V select(V a, V indices, V b) {
        return (V)_mm512_permutex2var_epi64((__m512i)a, (__m512i)indices, (__m512i)b);
    }
};

template <class Vector>
inline typename Vector::V load(const void *from) {
    return (typename Vector::V)_mm512_loadu_si512(from);
}

template <class V>
inline void store(void *to, V v) {
    _mm512_storeu_si512(to, (__m512i)v);
}

// Words as big-endian bytes, and back.
template <class Vector>
inline typename Vector::V swap_bytes(typename Vector::V v) {
    alignas(64) static constexpr auto ORDER = [] {
        struct {
            uint8_t at[64];
        } order{};
        for (size_t i = 0; i < 64; i++) order.at[i] = uint8_t(i % 16 ^ (sizeof(typename Vector::Word) - 1));
        return order;
    }();
    return (typename Vector::V)_mm512_shuffle_epi8((__m512i)v, _mm512_load_si512(ORDER.at));
}

// For each step 1, 2, 4, ... the indices that swap blocks of that side across the diagonal.
template <class Word>
struct Swaps {
    static constexpr size_t N = 64 / sizeof(Word);
    alignas(64) Word low[N][N], high[N][N];
    constexpr Swaps() : low(), high() {
        for (size_t side = 1; side < N; side *= 2) {
            for (size_t j = 0; j < N; j++) {
                low[side][j] = Word(j & side ? N + (j ^ side) : j);
                high[side][j] = Word(j & side ? N + j : j ^ side);
            }
        }
    }
};

// rows[i] word j becomes rows[j] word i.
template <class Vector>
inline void transpose(typename Vector::V *rows) {
    using Word = typename Vector::Word;
    static constexpr Swaps<Word> SWAPS;
#pragma GCC unroll 4
    for (size_t side = 1; side < SWAPS.N; side *= 2) {
        const auto low = load<Vector>(SWAPS.low[side]), high = load<Vector>(SWAPS.high[side]);
#pragma GCC unroll 16
        for (size_t i = 0; i < SWAPS.N; i++) {
            if (i & side) continue;
            const auto a = rows[i], b = rows[i + side];
            rows[i] = Vector::select(a, low, b);
            rows[i + side] = Vector::select(a, high, b);
        }
    }
}

// The functions of FIPS 180-4 section 4.1 as truth tables over three bits.
constexpr int XOR3 = 0x96, CHOOSE = 0xca, MAJORITY = 0xe8;

template <class Vector>
struct Functions : Vector {
    using V = typename Vector::V;
    template <int BITS>
    static V rotate_right(V x) {
        return x >> BITS | x << (8 * int(sizeof(typename Vector::Word)) - BITS);
    }
    template <int TABLE>
    static V ternary(V x, V y, V z) {
        return (V)_mm512_ternarylogic_epi64((__m512i)x, (__m512i)y, (__m512i)z, TABLE);
    }
    static V xor3(V x, V y, V z) { return ternary<XOR3>(x, y, z); }
    static V choose(V x, V y, V z) { return ternary<CHOOSE>(x, y, z); }
    static V majority(V x, V y, V z) { return ternary<MAJORITY>(x, y, z); }
};

struct Lanes32 : Functions<Vector32> {
    static V blend(uint32_t lanes, V off, V on) {
        return (V)_mm512_mask_mov_epi32((__m512i)off, __mmask16(lanes), (__m512i)on);
    }
};

struct Lanes64 : Functions<Vector64> {
    static V blend(uint32_t lanes, V off, V on) {
        return (V)_mm512_mask_mov_epi64((__m512i)off, __mmask8(lanes), (__m512i)on);
    }
};

// One block of every lane, of words in either order of bytes: word[i] of all of them side by side.
template <class Lane, bool BIG_ENDIAN_WORDS>
inline void load_words(typename Lane::V words[16], const uint8_t *bytes, size_t stride) {
    constexpr size_t N = 64 / sizeof(typename Lane::Word);  // words in a vector, and rows that it transposes with
    for (size_t part = 0; part < 16; part += N) {
        const uint8_t *const from = bytes + part * sizeof(typename Lane::Word);
        for (size_t i = 0; i < N; i++) {
            const auto row = load<Lane>(from + i * stride);
            words[part + i] = BIG_ENDIAN_WORDS ? swap_bytes<Lane>(row) : row;
        }
        transpose<Lane>(words + part);
    }
}

}  // namespace
}  // namespace assent
