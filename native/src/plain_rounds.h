// The compression functions of MD5 (RFC 1321) and SM3 (GB/T 32905-2016), once for plain words and for vectors of them.
//
// A Lane is as in sha2_rounds.h: a type of one translation unit alone, so no function here is shared between units.
#pragma once

#include <cstddef>
#include <cstdint>

namespace assent {

struct Md5 {
    static constexpr size_t WORDS = 4;
    static constexpr bool BIG_ENDIAN_WORDS = false;
    // RFC 1321 section 3.3
    static constexpr uint32_t INITIAL[WORDS] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    // Section 3.4: floor(2^32 abs(sin(i + 1)))
    static constexpr uint32_t K[64] = {
        0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
        0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
        0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
        0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
        0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
        0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
        0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
        0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
    };

    // One step of a round: F is its function of b, c and d, SHIFT its rotation.
    template <class Lane, int ROUND, int SHIFT>
    static inline void step(typename Lane::V s[4], const typename Lane::V w[16], int i) {
        using V = typename Lane::V;
        constexpr int FACTOR[4] = {1, 5, 3, 7}, START[4] = {0, 1, 5, 0};
        const V b = s[1], c = s[2], d = s[3];
        const V f = ROUND == 0   ? Lane::choose(b, c, d)
                    : ROUND == 1 ? Lane::choose(d, b, c)
                    : ROUND == 2 ? Lane::xor3(b, c, d)
                                 : c ^ (b | ~d);
        const V sum = s[0] + f + w[(START[ROUND] + FACTOR[ROUND] * i) % 16] + K[16 * ROUND + i];
        s[0] = d;
        s[3] = c;
        s[2] = b;
        s[1] = b + Lane::template rotate_right<32 - SHIFT>(sum);
    }

    template <class Lane, int ROUND, int A, int B, int C, int D>
    static inline void round(typename Lane::V s[4], const typename Lane::V w[16]) {
#pragma GCC unroll 4
        for (int i = 0; i < 16; i += 4) {
            step<Lane, ROUND, A>(s, w, i);
            step<Lane, ROUND, B>(s, w, i + 1);
            step<Lane, ROUND, C>(s, w, i + 2);
            step<Lane, ROUND, D>(s, w, i + 3);
        }
    }

    // Goes from state to state over the 16 words of a block.
    template <class Lane>
    static inline void rounds(typename Lane::V state[WORDS], typename Lane::V w[16]) {
        typename Lane::V s[4] = {state[0], state[1], state[2], state[3]};
        round<Lane, 0, 7, 12, 17, 22>(s, w);
        round<Lane, 1, 5, 9, 14, 20>(s, w);
        round<Lane, 2, 4, 11, 16, 23>(s, w);
        round<Lane, 3, 6, 10, 15, 21>(s, w);
        for (size_t i = 0; i < WORDS; i++) state[i] += s[i];
    }
};

struct Sm3 {
    static constexpr size_t WORDS = 8;
    static constexpr bool BIG_ENDIAN_WORDS = true;
    // GB/T 32905-2016 section 4.1
    static constexpr uint32_t INITIAL[WORDS] = {0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600,
                                                0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e};
    static constexpr int ROUNDS = 64, MIXED = 16;

    // Section 4.2: the constant of a round, already rotated by its number.
    static constexpr uint32_t constant(int round) {
        const uint32_t t = round < MIXED ? 0x79cc4519 : 0x7a879d8a;
        const int by = round % 32;
        return by == 0 ? t : t << by | t >> (32 - by);
    }

    template <class Lane, int BITS>
    static inline typename Lane::V rotate(typename Lane::V x) {
        return Lane::template rotate_right<32 - BITS>(x);
    }

    // Section 5.3 with the expanded words kept as a ring of 16, of which W'_j is W_j xor W_(j+4); uses up w.
    template <class Lane>
    static inline void rounds(typename Lane::V state[WORDS], typename Lane::V w[16]) {
        using V = typename Lane::V;
        V a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
#pragma GCC unroll 64
        for (int j = 0; j < ROUNDS; j++) {
            const V turned = rotate<Lane, 12>(a), ss1 = rotate<Lane, 7>(turned + e + constant(j)), ss2 = ss1 ^ turned;
            const V ff = j < MIXED ? Lane::xor3(a, b, c) : Lane::majority(a, b, c);
            const V gg = j < MIXED ? Lane::xor3(e, f, g) : Lane::choose(e, f, g);
            const V word = w[j % 16], tt1 = ff + d + ss2 + (word ^ w[(j + 4) % 16]), tt2 = gg + h + ss1 + word;
            d = c;
            c = rotate<Lane, 9>(b);
            b = a;
            a = tt1;
            h = g;
            g = rotate<Lane, 19>(f);
            f = e;
            e = Lane::xor3(tt2, rotate<Lane, 9>(tt2), rotate<Lane, 17>(tt2));
            if (j < ROUNDS - 12) {  // W_(j+16), of which the last rounds need no more than W_67
                const V x = Lane::xor3(word, w[(j + 7) % 16], rotate<Lane, 15>(w[(j + 13) % 16]));
                const V mixed = Lane::xor3(x, rotate<Lane, 15>(x), rotate<Lane, 23>(x));
                w[j % 16] = Lane::xor3(mixed, rotate<Lane, 7>(w[(j + 3) % 16]), w[(j + 10) % 16]);
            }
        }
        const V after[WORDS] = {a, b, c, d, e, f, g, h};
        for (size_t i = 0; i < WORDS; i++) state[i] ^= after[i];
    }
};

}  // namespace assent
