// The compression function of SHA-256 and SHA-512 (FIPS 180-4), once for plain words and for vectors of them.
#pragma once

#include <cstdint>

namespace assent {

// The figures of FIPS 180-4 that differ by word size.
template <class Word>
struct Figures;

template <>
struct Figures<uint32_t> {
    static constexpr int ROUNDS = 64;
    // Section 4.1.2: the rotations of the four functions; the third of each small one is a shift.
    static constexpr int BIG0[3] = {2, 13, 22}, BIG1[3] = {6, 11, 25}, SMALL0[3] = {7, 18, 3}, SMALL1[3] = {17, 19, 10};
    // Section 5.3.3
    static constexpr uint32_t INITIAL[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                            0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    // Section 4.2.2: the fractions of the cube roots of the first 64 primes
    static constexpr uint32_t K[ROUNDS] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    };
};

template <>
struct Figures<uint64_t> {
    static constexpr int ROUNDS = 80;
    // Section 4.1.3
    static constexpr int BIG0[3] = {28, 34, 39}, BIG1[3] = {14, 18, 41}, SMALL0[3] = {1, 8, 7}, SMALL1[3] = {19, 61, 6};
    // Section 5.3.5
    static constexpr uint64_t INITIAL[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
                                            0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f,
                                            0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};
    // Section 4.2.3: the fractions of the cube roots of the first 80 primes
    static constexpr uint64_t K[ROUNDS] = {
        0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
        0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
        0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
        0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
        0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
        0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
        0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
        0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
        0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
        0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
        0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
        0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
        0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
        0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
        0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
        0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
        0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
        0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
        0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
        0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
    };
};

// The four functions Sigma and sigma of section 4.1, by their three rotations.
template <class Lane, const int (&R)[3]>
inline typename Lane::V big(typename Lane::V x) {
    return Lane::xor3(Lane::template rotate_right<R[0]>(x), Lane::template rotate_right<R[1]>(x),
                      Lane::template rotate_right<R[2]>(x));
}

template <class Lane, const int (&R)[3]>
inline typename Lane::V small(typename Lane::V x) {
    return Lane::xor3(Lane::template rotate_right<R[0]>(x), Lane::template rotate_right<R[1]>(x), x >> R[2]);
}

// Sections 6.2.2 and 6.4.2 with the message schedule kept as a ring of 16 words: goes from state to state, uses up w.
// Lane names the Word of the figures and a type V, one word or a vector of words that the operators work on, with
// rotate_right<BITS>, xor3, choose (Ch) and majority (Maj) of section 4.1. Each kind of lane is a type of one
// translation unit alone: two units compiled with different flags may not share a function.
template <class Lane>
inline void sha2_rounds(typename Lane::V state[8], typename Lane::V w[16]) {
    using V = typename Lane::V;
    using F = Figures<typename Lane::Word>;
    V a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
    for (int round = 0; round < F::ROUNDS; round += 16) {
        const bool more = round + 16 < F::ROUNDS;
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) {
            const V t1 = h + big<Lane, F::BIG1>(e) + Lane::choose(e, f, g) + (w[i] + F::K[round + i]);
            const V t2 = big<Lane, F::BIG0>(a) + Lane::majority(a, b, c);
            h = g;
            g = f;
            f = e;
            e = d + t1;
            d = c;
            c = b;
            b = a;
            a = t1 + t2;
            if (more) {  // w[i] of the next 16 rounds
                w[i] += small<Lane, F::SMALL0>(w[(i + 1) % 16]) + w[(i + 9) % 16] +
                        small<Lane, F::SMALL1>(w[(i + 14) % 16]);
            }
        }
    }
    const V step[8] = {a, b, c, d, e, f, g, h};
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) state[i] += step[i];
}

}  // namespace assent
